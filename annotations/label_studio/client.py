"""Label Studio's HTTP interface: projects, tasks and answers.

The one module that imports ``label_studio_sdk``, and only once a `Client` is made: the import
takes 1.6 s and 190 MB. The SDK does what it does well (both kinds of token, typed projects and
tasks); its retries are off, for a repeated import would make every task twice. Imports and lists of
tasks go past it: it takes half as long as Label Studio itself to put a task into words.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx

from reground.annotations.label_studio.data import Change, Count, Json, Payload, Project, TaskState, payload
from reground.annotations.label_studio.errors import no_answer, refusal
from reground.tasks.errors import RegroundError

VERSION: Final = "1.23"
"""Of Label Studio: the screens use class names of its page, which change between versions."""
PAGE: Final = 500
EXPORTED: Final = 200
"""Tasks in one export request: their ids stand in its address, which gunicorn cuts off at 4,094 bytes."""
TIMEOUT: Final = 120.0

LONG_AGO: Final = "2000-01-01T00:00:00.000000Z"


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
        found: list[Project] = []
        page = {"include": "id,title,description,task_number", "page_size": PAGE}
        for number in itertools.count(1):
            listed = self._ask("GET", "/api/projects/", "list its projects", params={**page, "page": number})
            every = [
                Project(one["id"], one["title"], one["description"] or "", one["task_number"] or 0)
                for one in listed["results"]
            ]
            found += [project for project in every if mark in project.description]
            if not listed["next"]:
                break
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
            answer = self._http.get(self.url + link, headers=self._login())
        if answer.status_code != 200:
            raise RegroundError(
                f"expected a picture at {self.url}{link}, got status {answer.status_code}: start this Label Studio "
                "with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder 'review' of the workspace (as "
                "`reground review serve` does), or say in the setting review.documents where it sees that folder."
            )

    def import_tasks(self, project_id: int, tasks: Sequence[Json]) -> list[int]:
        """Put tasks into a project in one transaction. Returns their ids, in order."""
        return self.import_payload(project_id, payload(tasks))

    def import_payload(self, project_id: int, tasks: Payload) -> list[int]:
        """As `import_tasks`, of tasks that are in words already."""
        answer = self._ask(
            "POST",
            f"/api/projects/{project_id}/import?return_task_ids=true",
            f"take {tasks.count} tasks into project {project_id}",
            content=tasks.body,
        )
        ids = [int(task_id) for task_id in answer.get("task_ids") or []]
        if answer.get("task_count") != tasks.count or len(ids) != tasks.count:
            raise RegroundError(
                f"expected Label Studio at {self.url} to take {tasks.count} tasks, it took {answer.get('task_count')}: "
                "run the command again, it finds out which."
            )
        return ids

    def tasks(self, project_id: int) -> Iterator[tuple[int, Json]]:
        """Id and data of every task of a project, oldest first."""
        for task in self._listed(project_id, LONG_AGO, "id,data"):
            yield int(task["id"]), dict(task["data"])

    def changes(self, project_id: int, since: str = LONG_AGO) -> Iterator[Change]:
        """Every task touched after a moment of Label Studio's clock, oldest first.

        Answers given, changed, skipped and deleted touch a task; drafts do not.

        Args:
            project_id: of the project.
            since: ISO 8601 in UTC, with microseconds and a Z.
        """
        for task in self._listed(project_id, since, "id,updated_at,total_annotations,cancelled_annotations"):
            given = int(task["total_annotations"] or 0) + int(task["cancelled_annotations"] or 0)
            yield Change(int(task["id"]), str(task["updated_at"]), given)

    def count(self, project_id: int) -> Count:
        """How much a project holds, by Label Studio's own count."""
        found = self._ask("GET", f"/api/projects/{project_id}/", f"show project {project_id}")
        submissions = int(found["total_annotations_number"] or 0) + int(found["skipped_annotations_number"] or 0)
        return Count(project_id, int(found["task_number"] or 0), submissions)

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
        doing = f"export the answers of project {project_id}"
        for start in range(0, len(task_ids), EXPORTED):
            chosen = {"exportType": "JSON", "ids[]": list(task_ids[start : start + EXPORTED])}
            for task in self._ask("GET", f"/api/projects/{project_id}/export", doing, params=chosen):
                found[int(task["id"])] = task["annotations"]
        return found

    def people(self) -> dict[int, str]:
        """User id -> e-mail address."""
        with self._explained("list its users"):
            return {int(user.id or 0): str(user.email) for user in self._sdk.users.list()}

    def invitation(self) -> str:
        """The token with which a person may sign up."""
        return str(self._ask("GET", "/api/invite", "invite a person")["token"])

    def _listed(self, project_id: int, since: str, fields: str) -> Iterator[Json]:
        """Tasks page by page, each page beginning after the last id: whatever is deleted meanwhile, none is skipped."""
        last = 0
        while True:
            items = [
                {"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": since},
                {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last},
            ]
            query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
            page = {"project": project_id, "query": json.dumps(query), "fields": "task_only", "include": fields}
            doing = f"list the tasks of project {project_id}"
            found = self._ask("GET", "/api/tasks", doing, params={**page, "page_size": PAGE})["tasks"]
            yield from found
            if len(found) < PAGE:
                return
            last = int(found[-1]["id"])

    def _ask(self, method: str, address: str, doing: str, **how: Any) -> Any:
        """One request; its answer read as JSON."""
        with self._explained(doing):
            headers = {**self._login(), "Content-Type": "application/json"}
            answer = self._http.request(method, self.url + address, headers=headers, **how)
            answer.raise_for_status()
            try:
                return answer.json()
            except ValueError as error:  # cut off: the server of Label Studio does not say how long an export is
                raise no_answer(self.url, doing, error) from error

    def _login(self) -> dict[str, str]:
        # The SDK has no public way to the access token that it makes of a personal one.
        return {"Authorization": self._sdk._client_wrapper.get_headers()["Authorization"]}

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


def _project(found: Any) -> Project:
    return Project(int(found.id), str(found.title), str(found.description or ""), int(found.task_number or 0))
