"""Browser sessions: the requests that an annotator's browser makes to Label Studio."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from reground.annotations.label_studio.client import Client
from reground.annotations.label_studio.errors import response_error, transport_error
from reground.annotations.label_studio.transport import http_client, trusted
from reground.tasks.errors import RegroundError


class BrowserSession:
    """An annotator's session, as a browser holds it."""

    def __init__(self, url: str, email: str, password: str, ca_file: str = "") -> None:
        """Log in.

        Args:
            url: of Label Studio.
            email: of the annotator's account.
            password: of the account.
            ca_file: certificate authorities to trust, in PEM; empty: as `http_client` says.

        Raises:
            RegroundError: Label Studio does not answer, or refuses the password.
        """
        self.url, self.email, self.ca_file = url.rstrip("/"), email, ca_file
        self._http = http_client(self.url, ca_file)
        self._http.follow_redirects = False  # a login that is accepted ends in a redirect
        response = submit_form(self._http, self.url, "/user/login/", {"email": email, "password": password})
        if response.status_code != 302:
            raise RegroundError(
                f"expected Label Studio at {url} to log in {email}, it refused: no such account, or a wrong password."
            )

    def __enter__(self) -> BrowserSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def next_task(self, project_id: int) -> tuple[int, dict[str, Any]] | None:
        """Id and data of the next task in the annotator's label stream; None: the stream is empty.

        Raises:
            RegroundError: Label Studio does not answer, or refuses.
        """
        action = f"show the next task of project {project_id}"
        try:
            response = self._http.get(f"/api/projects/{project_id}/next")
        except httpx.TransportError as error:
            raise transport_error(self.url, action, error, trusted(self.ca_file)) from error
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise response_error(self.url, action, response.status_code, response.text)
        task = response.json()
        return int(task["id"]), dict(task["data"])

    def submit(self, task_id: int, result: Sequence[Mapping[str, Any]], seconds: float | None) -> int:
        """Submit an annotation as the labeling page does. Returns its id.

        Args:
            task_id: of the task.
            result: as `reground.annotations.rounds.contains_result` or ``classify_result`` builds it.
            seconds: spent on the task (Label Studio's lead time); None: not measured.

        Raises:
            RegroundError: Label Studio does not answer, or refuses.
        """
        action = f"accept an annotation of task {task_id}"
        annotation = {"result": list(result), "lead_time": seconds, "was_cancelled": False}
        try:
            response = self._http.post(f"/api/tasks/{task_id}/annotations/", json=annotation)
        except httpx.TransportError as error:
            raise transport_error(self.url, action, error, trusted(self.ca_file)) from error
        if response.status_code != 201:
            raise response_error(self.url, action, response.status_code, response.text)
        return int(response.json()["id"])


def sign_up(client: Client, email: str, password: str) -> None:
    """Create an account by invitation.

    Raises:
        RegroundError: Label Studio refuses; the message gives the reason.
    """
    page = f"/user/signup/?token={client.invite_token()}"
    with http_client(client.url, client.ca_file) as http:
        http.follow_redirects = False
        response = submit_form(http, client.url, page, {"email": email, "password": password})
    if response.status_code == 200:  # the form again, with what is wrong
        raise RegroundError(
            f"expected Label Studio at {client.url} to create an account for {email}, it refused: "
            f"{'; '.join(_form_errors(response.text)) or 'no reason given'}"
        )
    if response.status_code != 302:
        raise response_error(client.url, f"create an account for {email}", response.status_code, response.text)


def submit_form(http: httpx.Client, url: str, page: str, form: Mapping[str, str]) -> httpx.Response:
    """Submit one of Label Studio's HTML forms."""
    try:
        http.get(page)
        return http.post(page, data={**form, "csrfmiddlewaretoken": http.cookies["csrftoken"]})
    except (httpx.TransportError, KeyError) as error:
        raise transport_error(url, f"show {page.partition('?')[0]}", error) from error


def _form_errors(page: str) -> list[str]:
    """What a form of Label Studio says is wrong with its fields."""
    blocks = re.findall(r'(?s)<(?:ul class="field_errors"|p class="error")>(.*?)</(?:ul|p)>', page)
    texts = re.split(r"<[^>]*>", "<br>".join(blocks))
    return [html.unescape(" ".join(text.split())) for text in texts if text.strip()]
