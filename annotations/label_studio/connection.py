"""A connection to one Label Studio with one token: requests, and errors that say what to do.

The SDK is imported only once a connection is opened: the import takes 1.6 s and 190 MB. It handles both kinds of
token; its retries are off, because a repeated import would create every task twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Self

import httpx

from reground.annotations.label_studio.errors import GATEWAY_ERRORS, response_error, transport_error
from reground.annotations.label_studio.token import parse_token
from reground.annotations.label_studio.transport import http_client, trusted
from reground.tasks.errors import RegroundError

VERSION: Final = "1.23"
"""Of Label Studio: the labeling configs use CSS classes of its page, which change between versions."""
CHECK_TIMEOUT: Final = 30.0
"""Seconds for a request that takes Label Studio no time: as long as its database waits for another's write."""


class Connection:
    """Talks to one Label Studio with one token, legacy or personal.

    Every method raises RegroundError if Label Studio does not answer, refuses the token, or rejects the
    request; the message says what to do. Nothing is retried.
    """

    def __init__(self, url: str, token: str, ca_file: str = "") -> None:
        """Connect.

        Args:
            url: of Label Studio.
            token: legacy or personal.
            ca_file: certificate authorities to trust, in PEM; empty: as `http_client` says.
        """
        from label_studio_sdk import LabelStudio

        self.url, self.ca_file, token = url.rstrip("/"), ca_file, parse_token(token)
        self._http = http_client(self.url, ca_file)
        with self._translate_errors("log in"):
            self._sdk = LabelStudio(base_url=self.url, api_key=token, httpx_client=self._http, max_retries=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def check(self) -> None:
        """Check version and token.

        Raises:
            RegroundError: nobody answers, another program or version does, or the token is not accepted.
        """
        version = self._version()
        if not version.startswith(f"{VERSION}."):
            raise RegroundError(
                f"expected Label Studio {VERSION} at {self.url}, found {version}, where the questions may not be "
                "shown correctly: `make label-studio` installs the right version."
            )
        self._request("GET", "/api/current-user/whoami", "log in", timeout=CHECK_TIMEOUT)

    def _version(self) -> str:
        with self._translate_errors("tell its version"):
            response = self._http.get(self.url + "/api/version", headers=self._headers(), timeout=CHECK_TIMEOUT)
        if response.status_code in (401, 500, *GATEWAY_ERRORS):
            raise response_error(self.url, "tell its version", response.status_code, response.text)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return str(response.json()["release"])
        raise RegroundError(
            f"expected Label Studio at {self.url}, but another program answers there (status {response.status_code} "
            "for /api/version): set review.url to the address of Label Studio's page in the browser."
        )

    def _request(self, method: str, path: str, action: str, **options: Any) -> Any:
        """Send a request; returns the JSON of the response."""
        with self._translate_errors(action):
            headers = {**self._headers(), "Content-Type": "application/json"}
            response = self._http.request(method, self.url + path, headers=headers, **options)
            response.raise_for_status()
            try:
                return response.json()
            except ValueError as error:  # truncated: exports have no Content-Length
                raise transport_error(self.url, action, error) from error

    def _headers(self) -> dict[str, str]:
        # The SDK has no public access to the access token that it derives from a personal one.
        return {"Authorization": self._sdk._client_wrapper.get_headers()["Authorization"]}

    @contextlib.contextmanager
    def _translate_errors(self, action: str) -> Iterator[None]:
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except httpx.HTTPStatusError as error:
            raise response_error(self.url, action, error.response.status_code, error.response.text) from error
        except httpx.TransportError as error:
            raise transport_error(self.url, action, error, trusted(self.ca_file)) from error
        except ApiError as error:
            raise response_error(self.url, action, error.status_code, error.body) from error
