"""Browser sessions: the requests that an annotator's browser makes to Label Studio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from reground.annotations.label_studio.client import TIMEOUT, Client
from reground.annotations.label_studio.errors import response_error, unavailable_error
from reground.tasks.errors import RegroundError


class BrowserSession:
    """An annotator's session, as a browser holds it."""

    def __init__(self, url: str, email: str, password: str) -> None:
        """Log in.

        Raises:
            RegroundError: Label Studio does not answer, or refuses the password.
        """
        self.url, self.email = url.rstrip("/"), email
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT, trust_env=False)
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
            raise unavailable_error(self.url, action, error) from error
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
            raise unavailable_error(self.url, action, error) from error
        if response.status_code != 201:
            raise response_error(self.url, action, response.status_code, response.text)
        return int(response.json()["id"])


def sign_up(client: Client, email: str, password: str) -> None:
    """Create an account by invitation.

    Raises:
        RegroundError: Label Studio refuses; the message gives the reason.
    """
    page = f"/user/signup/?token={client.invite_token()}"
    with httpx.Client(base_url=client.url, timeout=TIMEOUT, trust_env=False) as http:
        response = submit_form(http, client.url, page, {"email": email, "password": password})
    if response.status_code != 302:
        raise response_error(client.url, f"create an account for {email}", response.status_code, "see its log")


def submit_form(http: httpx.Client, url: str, page: str, form: Mapping[str, str]) -> httpx.Response:
    """Submit one of Label Studio's HTML forms."""
    try:
        http.get(page)
        return http.post(page, data={**form, "csrfmiddlewaretoken": http.cookies["csrftoken"]})
    except (httpx.TransportError, KeyError) as error:
        raise unavailable_error(url, f"show {page.partition('?')[0]}", error) from error
