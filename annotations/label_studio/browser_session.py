"""Sessions: what an annotator's browser says to Label Studio, without the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from reground.annotations.label_studio.client import TIMEOUT, Client
from reground.annotations.label_studio.errors import no_answer, refusal
from reground.tasks.errors import RegroundError


class Annotator:
    """A person's browser session, without the browser."""

    def __init__(self, url: str, email: str, password: str) -> None:
        """Log in.

        Raises:
            RegroundError: Label Studio does not answer, or refuses the password.
        """
        self.url, self.email = url.rstrip("/"), email
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT, trust_env=False)
        answer = self._submit("/user/login/", {"email": email, "password": password})
        if answer.status_code != 302:
            raise RegroundError(
                f"expected Label Studio at {url} to log in {email}, it refused: no such account, or another password."
            )

    def __enter__(self) -> Annotator:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def next_task(self, project_id: int) -> tuple[int, dict[str, Any]] | None:
        """Id and data of the next task in the person's label stream; None: nothing is left for them.

        Raises:
            RegroundError: Label Studio does not answer, or says no.
        """
        doing = f"show the next task of project {project_id}"
        try:
            answer = self._http.get(f"/api/projects/{project_id}/next")
        except httpx.TransportError as error:
            raise no_answer(self.url, doing, error) from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise refusal(self.url, doing, answer.status_code, answer.text)
        task = answer.json()
        return int(task["id"]), dict(task["data"])

    def answer(self, task_id: int, result: Sequence[Mapping[str, Any]], seconds: float | None) -> int:
        """Submit an answer as the page does. Returns its id.

        Args:
            task_id: of the task.
            result: as `reground.annotations.rounds.questions.contains_result` or ``classify_result`` makes it.
            seconds: spent on it; None: not measured.
        """
        sent = {"result": list(result), "lead_time": seconds, "was_cancelled": False}
        try:
            answer = self._http.post(f"/api/tasks/{task_id}/annotations/", json=sent)
        except httpx.TransportError as error:
            raise no_answer(self.url, f"take an answer to task {task_id}", error) from error
        if answer.status_code != 201:
            raise refusal(self.url, f"take an answer to task {task_id}", answer.status_code, answer.text)
        return int(answer.json()["id"])

    def _submit(self, page: str, form: Mapping[str, str]) -> httpx.Response:
        return submit_form(self._http, self.url, page, form)


def sign_up(client: Client, email: str, password: str) -> None:
    """Open an account by invitation.

    Raises:
        RegroundError: Label Studio refuses; it says why.
    """
    page = f"/user/signup/?token={client.invitation()}"
    with httpx.Client(base_url=client.url, timeout=TIMEOUT, trust_env=False) as http:
        answer = submit_form(http, client.url, page, {"email": email, "password": password})
    if answer.status_code != 302:
        raise refusal(client.url, f"open an account for {email}", answer.status_code, "see its own log")


def submit_form(http: httpx.Client, url: str, page: str, form: Mapping[str, str]) -> httpx.Response:
    """Fill in one of Label Studio's own forms."""
    try:
        http.get(page)
        return http.post(page, data={**form, "csrfmiddlewaretoken": http.cookies["csrftoken"]})
    except (httpx.TransportError, KeyError) as error:
        raise no_answer(url, f"show {page.partition('?')[0]}", error) from error
