"""A client of Label Studio's HTTP API: projects, tasks and annotations.

The SDK gives typed projects and tasks. Imports and task lists bypass it: parsing a task into its types takes half as
long as Label Studio itself needs.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from reground.annotations.label_studio.connection import Connection
from reground.annotations.label_studio.data import (
    ImportPayload,
    Json,
    Project,
    TaskChange,
    TaskState,
    User,
    encode_tasks,
    id_ranges,
)
from reground.annotations.label_studio.errors import detail
from reground.tasks.errors import RegroundError

PAGE_SIZE: Final = 500
EXPORT_CHUNK_SIZE: Final = 200
"""Tasks in one export request: their ids stand in the URL, which gunicorn cuts off at 4,094 bytes."""
RANGES_IN_REQUEST: Final = 20
"""Ranges of ids in one request, for the same reason."""
HIDDEN_COLUMNS: Final = frozenset({"data.key", "data.question", "data.images", "data.candidates", "data.mains"})
"""Of the Data Manager; Label Studio lists keys of the data only once there are tasks."""
FOLDER_HINT: Final = (
    "Start this Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder 'review' of the workspace (as `reground review serve` "
    "does), or set review.document_root to the path of that folder on its machine."
)
EPOCH: Final = "2000-01-01T00:00:00.000000Z"


class Client(Connection):
    """Projects, tasks and annotations of one Label Studio; see `Connection` for what every method raises."""

    def find_projects(self, tag: str) -> list[Project]:
        """The projects whose description contains ``tag``, oldest first."""
        projects: list[Project] = []
        query = {"include": "id,title,description,task_number", "page_size": PAGE_SIZE}
        for number in itertools.count(1):
            page = self._request("GET", "/api/projects/", "list its projects", params={**query, "page": number})
            projects += [
                Project(row["id"], row["title"], row["description"], row["task_number"] or 0)
                for row in page["results"]
                if tag in (row["description"] or "")
            ]
            if not page["next"]:
                break
        return sorted(projects, key=lambda project: project.id)

    def project(self, project_id: int) -> Project:
        """The project with this id.

        Raises:
            RegroundError: among others, if there is none.
        """
        row = self._show_project(project_id, "id,title,description,task_number")
        return Project(row["id"], row["title"], row["description"] or "", row["task_number"] or 0)

    def create_project(self, title: str, description: str, config: str, guidelines: str, overlap: int) -> Project:
        """A new project whose tasks are each shown to ``overlap`` annotators, in random order."""
        with self._translate_errors(f"create the project '{title}'"):
            project = self._sdk.projects.create(
                title=title,
                description=description,
                label_config=config,
                expert_instruction=guidelines,
                show_instruction=False,
                maximum_annotations=overlap,
                sampling="Uniform sampling",  # with sequential sampling, simultaneous annotators exceed the overlap
                show_collab_predictions=False,
                show_annotation_history=False,
                enable_empty_annotation=True,
            )
            if project.maximum_annotations != overlap:
                raise RegroundError(
                    f"expected project {project.id} of {self.url} to have an overlap of {overlap}, it has "
                    f"{project.maximum_annotations}: delete it there, then run the command again."
                )
            return _project(project)

    def limit_columns(self, project_id: int, title: str, columns: Collection[str]) -> None:
        """Give a new project its first view, which shows only these columns of the Data Manager.

        Args:
            project_id: of the project.
            title: of the view's tab.
            columns: ids of Label Studio's columns, and ``data.KEY`` for a key of the tasks' data.
        """
        query, action = {"project": project_id}, f"set the columns of project {project_id}"
        listed = self._request("GET", "/api/dm/columns/", action, params=query)["columns"]
        names = {f"data.{row['id']}" if row.get("parent") == "data" else str(row["id"]) for row in listed}
        hidden = [f"tasks:{name}" for name in sorted((names | HIDDEN_COLUMNS) - set(columns))]
        view = {"title": title, "type": "list", "hiddenColumns": {"explore": hidden, "labeling": hidden}}
        self._request("POST", "/api/dm/views/", action, json={"project": project_id, "data": view})

    def add_local_storage(self, project_id: int, folder: str) -> None:
        """Let the project's annotators see the images in ``folder``, a path on Label Studio's machine."""
        with self._translate_errors(f"serve the images in {folder}"):
            storages = self._sdk.import_storage.local
            if any(storage.path == folder for storage in storages.list(project=project_id)):
                return
            with self._explain_refused_folder(folder):
                storages.create(project=project_id, path=folder, use_blob_urls=True, title="images")

    def check_image(self, path: str) -> None:
        """Request one image as a browser would.

        Raises:
            RegroundError: Label Studio does not serve it.
        """
        with self._translate_errors("serve an image"):
            response = self._http.get(self.url + path, headers=self._headers())
        if response.status_code != 200:
            raise RegroundError(
                f"expected an image at {self.url}{path}, got status {response.status_code}. {FOLDER_HINT}"
            )

    def import_tasks(self, project_id: int, tasks: Sequence[Json]) -> list[int]:
        """Import the data of tasks into a project in one transaction. Returns the tasks' ids, in order."""
        return self.import_payload(project_id, encode_tasks(tasks))

    def import_payload(self, project_id: int, payload: ImportPayload) -> list[int]:
        """As `import_tasks`, of tasks encoded already."""
        response = self._request(
            "POST",
            f"/api/projects/{project_id}/import?return_task_ids=true",
            f"import {payload.count} tasks into project {project_id}",
            content=payload.body,
        )
        ids = [int(task_id) for task_id in response.get("task_ids") or []]
        if response.get("task_count") != payload.count or len(ids) != payload.count:
            raise RegroundError(
                f"expected Label Studio at {self.url} to import {payload.count} tasks, it imported "
                f"{response.get('task_count')}: run the command again, it finds out which."
            )
        return ids

    def list_tasks(self, project_id: int) -> Iterator[tuple[int, Json]]:
        """Id and data of every task of a project, oldest first."""
        for task in self._list_tasks(project_id, EPOCH, "id,data"):
            yield int(task["id"]), dict(task["data"])

    def list_changes(self, project_id: int, start: str = EPOCH) -> Iterator[TaskChange]:
        """Every task that changed after ``start``, oldest first.

        An annotation that is created, edited, skipped or deleted changes its task; a draft does not.

        Args:
            project_id: of the project.
            start: ISO 8601 in UTC by Label Studio's clock, with microseconds and a Z.
        """
        fields = "id,updated_at,total_annotations,cancelled_annotations"
        for task in self._list_tasks(project_id, start, fields):
            submissions = int(task["total_annotations"] or 0) + int(task["cancelled_annotations"] or 0)
            yield TaskChange(int(task["id"]), str(task["updated_at"]), submissions)

    def count_submissions(self, project_id: int) -> int:
        """Label Studio's own count of a project's submissions; skips are submissions too."""
        row = self._show_project(project_id, "total_annotations_number,skipped_annotations_number")
        return int(row["total_annotations_number"] or 0) + int(row["skipped_annotations_number"] or 0)

    def count_tasks(self, project_id: int, ids: Collection[int]) -> int:
        """How many of these tasks the project still has; far cheaper than a list of them.

        Args:
            project_id: of the project.
            ids: of tasks; few requests where they follow one another.
        """
        count, ranges = 0, id_ranges(ids)
        for start in range(0, len(ranges), RANGES_IN_REQUEST):
            items = [
                {"filter": "filter:tasks:id", "operator": "in", "type": "Number", "value": {"min": first, "max": last}}
                for first, last in ranges[start : start + RANGES_IN_REQUEST]
            ]
            query = json.dumps({"filters": {"conjunction": "or", "items": items}})
            params = {"project": project_id, "query": query, "fields": "task_only", "include": "id", "page_size": 1}
            action = f"count the tasks of project {project_id}"
            count += int(self._request("GET", "/api/tasks", action, params=params)["total"])
        return count

    def delete_task(self, task_id: int) -> None:
        """Delete a task with its annotations."""
        with self._translate_errors(f"delete task {task_id}"):
            self._sdk.tasks.delete(str(task_id))

    def task_states(self, project_id: int) -> list[TaskState]:
        """Every task of a project, with its number of annotations; skips do not count."""
        with self._translate_errors(f"list the tasks of project {project_id}"):
            include = "id,annotators,total_annotations"
            tasks = self._sdk.tasks.list(project=project_id, include=include, page_size=PAGE_SIZE)
            return [
                TaskState(int(task.id or 0), int(task.total_annotations or 0), tuple(task.annotators or ()))
                for task in tasks
            ]

    def last_change(self, project_id: int) -> str:
        """The newest timestamp of a project's tasks, as `list_changes` gives them; empty: it has no task."""
        query = json.dumps({"ordering": ["-tasks:updated_at"]})
        params = {"project": project_id, "query": query, "fields": "task_only", "include": "id,updated_at"}
        action = f"list the tasks of project {project_id}"
        tasks = self._request("GET", "/api/tasks", action, params={**params, "page_size": 1})["tasks"]
        return str(tasks[0]["updated_at"]) if tasks else ""

    def export_tasks(self, project_id: int, task_ids: Sequence[int]) -> dict[int, tuple[str, list[Json]]]:
        """Task id -> its timestamp and its annotations, of those tasks that have any."""
        tasks: dict[int, tuple[str, list[Json]]] = {}
        action = f"export the annotations of project {project_id}"
        for start in range(0, len(task_ids), EXPORT_CHUNK_SIZE):
            query = {"exportType": "JSON", "ids[]": list(task_ids[start : start + EXPORT_CHUNK_SIZE])}
            for task in self._request("GET", f"/api/projects/{project_id}/export", action, params=query):
                tasks[int(task["id"])] = str(task["updated_at"]), task["annotations"]
        return tasks

    def users(self) -> list[User]:
        """Every user, those removed from the organization included."""
        rows = self._request("GET", "/api/users/", "list its users")
        return [parse_user(row) for row in rows]

    def invite_token(self) -> str:
        """The token that lets somebody sign up."""
        return str(self._request("GET", "/api/invite", "invite an annotator")["token"])

    def _show_project(self, project_id: int, fields: str) -> Json:
        """Some fields of a project; to count what nobody asks for takes Label Studio long."""
        action = f"show project {project_id}"
        return self._request("GET", f"/api/projects/{project_id}/", action, params={"include": fields})

    def _list_tasks(self, project_id: int, start: str, fields: str) -> Iterator[Json]:
        """Tasks page by page. Each page starts after the last id, so that a deletion meanwhile skips no task."""
        last_id = 0
        while True:
            items = [
                {"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": start},
                {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last_id},
            ]
            query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
            params = {"project": project_id, "query": json.dumps(query), "fields": "task_only", "include": fields}
            action = f"list the tasks of project {project_id}"
            tasks = self._request("GET", "/api/tasks", action, params={**params, "page_size": PAGE_SIZE})["tasks"]
            yield from tasks
            if len(tasks) < PAGE_SIZE:
                return
            last_id = int(tasks[-1]["id"])

    @contextlib.contextmanager
    def _explain_refused_folder(self, folder: str) -> Iterator[None]:
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except ApiError as error:
            if error.status_code != 400:
                raise
            expected = f"expected Label Studio at {self.url} to serve the images in {folder}"
            raise RegroundError(f"{expected}, it refused: {detail(error.body)} {FOLDER_HINT}") from error


def parse_user(row: Json) -> User:
    """A user as the API lists them; it calls somebody who was removed "Deleted", in place of the address.

    Examples:
        >>> parse_user({"id": 7, "email": "ann@lab.org", "first_name": "Ann", "last_name": ""}).name
        'Ann'
        >>> parse_user({"id": 7, "email": "Deleted", "first_name": "Deleted", "last_name": "User"})
        User(id=7, email=None, name=None, created_at=None)
    """
    email, name = str(row["email"]), f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip()
    is_member = "@" in email
    created_at = row.get("date_joined")
    return User(int(row["id"]), email if is_member else None, (name or None) if is_member else None, created_at)


def _project(response: Any) -> Project:
    return Project(
        int(response.id), str(response.title), str(response.description or ""), int(response.task_number or 0)
    )
