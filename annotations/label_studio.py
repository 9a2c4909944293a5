"""Label Studio's HTTP interface: projects, tasks and answers.

The one module that imports ``label_studio_sdk``, and only once a `Client` is made: the import
takes 1.6 s and 190 MB. The SDK does what it does well (both kinds of token, typed projects and
tasks); its retries are off, for a repeated import would make every task twice.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tasks.errors import RegroundError

VERSION: Final = "1.23"
"""Of Label Studio: the screens use class names of its page, which change between versions."""
PAGE: Final = 500
EXPORTED: Final = 200
"""Tasks in one export request: their ids stand in its address, which gunicorn cuts off at 4,094 bytes."""
TIMEOUT: Final = 120.0
TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"

Json = dict[str, Any]


@dataclass(frozen=True)
class Project:
    """One project: ``description`` ends with our mark, ``tasks`` counts what it holds."""

    id: int
    title: str
    description: str
    tasks: int


@dataclass(frozen=True)
class TaskState:
    """A task as it stands: how many answers it has, and who gave them (user ids)."""

    id: int
    answers: int
    people: tuple[int, ...]


class Client:
    """Talks to one Label Studio with one token, of either kind.

    Every method raises RegroundError if Label Studio does not answer, refuses the token, or
    says no; the message says what to do. Nothing is repeated behind the caller's back.
    """

    def __init__(self, url: str, token: str) -> None:
        from label_studio_sdk import LabelStudio

        self.url = url.rstrip("/")
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=True)
        with self._explained("log in"):
            self._sdk = LabelStudio(base_url=self.url, api_key=token, httpx_client=self._http, max_retries=0)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def check(self) -> None:
        """Raises:
        RegroundError: nobody answers, another version does, or the token is not accepted.
        """
        with self._explained("ask for its version"):
            found = str(self._sdk.versions.get().release)
            if not found.startswith(f"{VERSION}."):
                raise RegroundError(
                    f"expected Label Studio {VERSION} at {self.url}, found {found}, where the questions would not look "
                    "as they should: `make label-studio` installs the right one."
                )
        with self._explained("log in"):
            self._sdk.users.whoami()

    def find_projects(self, mark: str) -> list[Project]:
        """The projects whose description holds ``mark``, oldest first."""
        with self._explained("list its projects"):
            listed = self._sdk.projects.list(include="id,title,description,task_number", page_size=PAGE)
            found = [_project(project) for project in listed if mark in (project.description or "")]
        return sorted(found, key=lambda project: project.id)

    def project(self, project_id: int) -> Project:
        """The project with this id.

        Raises:
            RegroundError: gone, among others.
        """
        with self._explained(f"show project {project_id}"):
            return _project(self._sdk.projects.get(project_id))

    def create_project(self, title: str, description: str, config: str, guidelines: str, overlap: int) -> Project:
        """A project whose tasks are each asked of ``overlap`` people, in no set order."""
        with self._explained(f"create the project '{title}'"):
            made = self._sdk.projects.create(
                title=title,
                description=description,
                label_config=config,
                expert_instruction=guidelines,
                show_instruction=False,
                maximum_annotations=overlap,
                sampling="Uniform sampling",  # with sequential sampling, people who race overfill tasks
                show_collab_predictions=False,
                show_annotation_history=False,
                enable_empty_annotation=True,
            )
            if made.maximum_annotations != overlap:
                raise RegroundError(
                    f"expected project {made.id} of {self.url} to ask each question {overlap} times, "
                    f"and it would {made.maximum_annotations} times: delete it there, then run the command again."
                )
            return _project(made)

    def serve_pictures(self, project_id: int, folder: str) -> None:
        """Let the project's annotators see the files below ``folder``, a path on Label Studio's machine."""
        with self._explained(f"serve the pictures in {folder}"):
            storages = self._sdk.import_storage.local
            if all(storage.path != folder for storage in storages.list(project=project_id)):
                storages.create(project=project_id, path=folder, use_blob_urls=True, title="pictures")

    def check_picture(self, link: str) -> None:
        """Fetch one picture as a browser would.

        Raises:
            RegroundError: Label Studio does not serve it.
        """
        with self._explained("show a picture"):
            # The SDK has no public way to the access token that it makes of a personal one.
            headers = {"Authorization": self._sdk._client_wrapper.get_headers()["Authorization"]}
            answer = self._http.get(self.url + link, headers=headers)
        if answer.status_code != 200:
            raise RegroundError(
                f"expected a picture at {self.url}{link}, got status {answer.status_code}: start this Label Studio "
                "with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder 'review' of the workspace (as "
                "`reground review serve` does), or say in the setting review.documents where it sees that folder."
            )

    def import_tasks(self, project_id: int, tasks: Sequence[Json]) -> list[int]:
        """Put tasks into a project in one transaction. Returns their ids, in order."""
        with self._explained(f"take {len(tasks)} tasks into project {project_id}"):
            sent: Any = [{"data": task} for task in tasks]
            answer = self._sdk.projects.import_tasks(project_id, request=sent, return_task_ids=True)
            ids = list(getattr(answer, "task_ids", None) or [])
            if answer.task_count != len(tasks) or len(ids) != len(tasks):
                raise RegroundError(
                    f"expected Label Studio at {self.url} to take {len(tasks)} tasks, it took {answer.task_count}: "
                    "run the command again, it finds out which."
                )
            return ids

    def tasks(self, project_id: int) -> Iterator[tuple[int, Json]]:
        """Id and data of every task of a project, oldest first."""
        query = json.dumps({"ordering": ["tasks:id"]})
        with self._explained(f"list the tasks of project {project_id}"):
            listed = self._sdk.tasks.list(
                project=project_id, query=query, fields="task_only", include="id,data", page_size=PAGE
            )
            for task in listed:
                yield int(task.id or 0), dict(task.data)

    def delete_task(self, task_id: int) -> None:
        """Delete a task, and the answers it has."""
        with self._explained(f"delete task {task_id}"):
            self._sdk.tasks.delete(str(task_id))

    def task_states(self, project_id: int) -> list[TaskState]:
        """Every task of a project, with the number of its answers; skips do not count."""
        with self._explained(f"list the tasks of project {project_id}"):
            listed = self._sdk.tasks.list(project=project_id, include="id,annotators,total_annotations", page_size=PAGE)
            return [
                TaskState(int(task.id or 0), int(task.total_annotations or 0), tuple(task.annotators or ()))
                for task in listed
            ]

    def answers(self, project_id: int, task_ids: Sequence[int]) -> dict[int, list[Json]]:
        """Task id -> its annotations, of those tasks that have any."""
        found: dict[int, list[Json]] = {}
        for start in range(0, len(task_ids), EXPORTED):
            # The SDK's own argument `ids` is ignored by the server, which wants `ids[]`.
            chosen = [str(task_id) for task_id in task_ids[start : start + EXPORTED]]
            with self._explained(f"export the answers of project {project_id}"):
                parts = self._sdk.projects.exports.download_sync(
                    project_id,
                    export_type="JSON",
                    request_options={"additional_query_parameters": {"ids[]": chosen}},
                )
                for task in json.loads(b"".join(parts)):
                    found[task["id"]] = task["annotations"]
        return found

    def people(self) -> dict[int, str]:
        """User id -> e-mail address."""
        with self._explained("list its users"):
            return {int(user.id or 0): str(user.email) for user in self._sdk.users.list()}

    def invitation(self) -> str:
        """The token with which a person may sign up."""
        with self._explained("invite a person"):
            headers = {"Authorization": self._sdk._client_wrapper.get_headers()["Authorization"]}
            answer = self._http.get(f"{self.url}/api/invite", headers=headers)
            answer.raise_for_status()
            return str(answer.json()["token"])

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except httpx.HTTPStatusError as error:
            raise refusal(self.url, doing, error.response.status_code, error.response.text) from error
        except httpx.TransportError as error:
            raise no_answer(self.url, doing, error) from error
        except ApiError as error:
            raise refusal(self.url, doing, error.status_code, error.body) from error


def no_answer(url: str, doing: str, error: Exception) -> RegroundError:
    """Label Studio is not there."""
    return RegroundError(
        f"expected Label Studio at {url} to {doing}, got no answer ({type(error).__name__}: {error}): start it with "
        "`reground review serve`, or set review.url to where it listens. Nothing is lost: run the command again then."
    )


def refusal(url: str, doing: str, status: int | None, body: Any) -> RegroundError:
    """Label Studio is there and says no."""
    if status == 401:
        return RegroundError(
            f"expected Label Studio at {url} to accept the token, it refused (401): set {TOKEN_VARIABLE} to a token "
            "that its page Account & Settings shows, legacy or personal; without the variable, the token of the "
            "workspace's own Label Studio is used."
        )
    detail = body.get("validation_errors") or body.get("detail") if isinstance(body, Mapping) else body
    return RegroundError(
        f"expected Label Studio at {url} to {doing}, it refused (status {status}): {str(detail)[:500]}"
    )


def _project(found: Any) -> Project:
    return Project(int(found.id), str(found.title), str(found.description or ""), int(found.task_number or 0))
