"""Votes in Label Studio's own JSON export of a project whose annotators choose labels (the tag Choices).

Source: https://labelstud.io/guide/export. Each annotation is one person's submission on one image. What is no
answer is counted and left out: skips, drafts, submissions without a choice, and the predictions of models.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from reground.annotations.published.answers import COLUMNS, AnswerReader, Lines
from reground.annotations.published.rows import digest_files
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.errors import UsageError, unknown
from reground.tasks.tabular import read_column_names, read_table
from reground.tasks.votes import ANONYMOUS
from reground.tasks.workspace import digest

IMAGE_KEYS: Final = ("image_id", "image")
"""Keys of a task's data that name its image, the first one preferred."""
EXPORT_COLUMNS: Final = ("image_id", "label")
"""What ``columns`` may name: a key of the tasks' data, and the name of a Choices tag."""
COUNTS: Final = ("skipped", "drafts", "empty", "superseded")
_UPLOAD: Final = re.compile(r"/data/upload/\d+/[0-9a-f]{4,8}-(?P<name>[^/]+)")
"""Label Studio puts the beginning of a random id before the name of an uploaded file."""


def is_export(path: Path) -> bool:
    """Whether a JSON file is an export of Label Studio."""
    try:
        return {"data", "annotations"} <= set(read_column_names(path))
    except UsageError:
        return False


def export_reader(
    path: Path,
    vocabulary: Vocabulary,
    source: str,
    image_ids: Collection[str] | None,
    columns: Mapping[str, str],
    original_labels: Mapping[str, int],
) -> AnswerReader:
    """A reader of an export.

    Args:
        path: of the JSON file.
        vocabulary: see `AnswerReader`.
        source: see `AnswerReader`.
        image_ids: see `AnswerReader`.
        columns: ``image_id`` -> key of the tasks' data that names the image; ``label`` -> name of the Choices tag.
        original_labels: see `AnswerReader`.

    Raises:
        UsageError: the file cannot be read, is no such export, or leaves open which key or tag is meant.
    """
    for name in columns:
        if name not in EXPORT_COLUMNS:
            raise unknown("column to name in an export of Label Studio", name, EXPORT_COLUMNS)
    counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
    export = _Export(path, columns, counts)
    content_digest = digest(digest_files(path), json.dumps(dict(columns), sort_keys=True))
    return AnswerReader(
        path,
        export.lines,
        content_digest,
        source,
        vocabulary,
        image_ids,
        original_labels,
        "task",
        choices=True,
        counts=counts,
    )


@dataclass(frozen=True)
class _Export:
    """The tasks of an export."""

    path: Path
    columns: Mapping[str, str]
    counts: dict[str, int]

    def lines(self) -> Lines:
        """A row for each label that a submission chooses."""
        self.counts.update(dict.fromkeys(COUNTS, 0))
        for number, task in self.tasks:
            image = self.image(number, task["data"])
            for annotation in self.submissions(number, task):
                labels = self.labels(number, annotation)
                if not labels:
                    self.counts["empty"] += 1
                for label in labels:
                    yield number, _cells(image, label, annotation)

    @cached_property
    def tasks(self) -> list[tuple[int, dict[str, Any]]]:
        """Number and content of each task."""
        tasks = list(read_table(self.path, ("data", "annotations"), None))
        for number, task in tasks:
            annotations = task["annotations"]
            is_list = isinstance(annotations, list) and all(isinstance(one, dict) for one in annotations)
            if not (is_list and isinstance(task["data"], dict)):
                raise UsageError(
                    f"{self.location(number)}: expected data as an object and annotations as a list of objects"
                )
        return tasks

    @cached_property
    def control(self) -> str:
        """Name of the Choices tag.

        Raises:
            UsageError: there are several, and none is named; or the one named is not there.
        """
        names = Counter(
            str(result.get("from_name"))
            for number, task in self.tasks
            for annotation in task["annotations"]
            for result in self.results(number, annotation)
        )
        name = self.columns.get("label")
        if name is not None and name not in names:
            raise unknown(f"Choices tag (in {self.path})", name, names)
        if name is None and len(names) > 1:
            raise UsageError(
                f"{self.path}: expected one Choices tag, found {', '.join(sorted(names))}: name the one with the "
                f"labels, as in --columns label={names.most_common(1)[0][0]}"
            )
        return name or next(iter(names), "")

    def location(self, number: int) -> str:
        return f"{self.path}, task {number}"

    def image(self, number: int, data: Mapping[str, Any]) -> str:
        """The text that names a task's image.

        Raises:
            UsageError: no key does, or more than one may.
        """
        keys = [self.columns["image_id"]] if "image_id" in self.columns else [key for key in IMAGE_KEYS if key in data]
        key = keys[0] if keys else (next(iter(data), "") if len(data) == 1 else "")
        value = data.get(key)
        if not isinstance(value, str | int) or value == "":
            raise UsageError(
                f"{self.location(number)}: expected the name of an image in its data, found the keys "
                f"{', '.join(data) or 'none'}: name one, as in --columns image_id=KEY"
            )
        return _file_name(str(value))

    def submissions(self, number: int, task: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The last submission of each person; skips and drafts are counted."""
        drafts = task.get("drafts")
        self.counts["drafts"] += len(drafts) if isinstance(drafts, list) else 0
        latest: dict[str, Mapping[str, Any]] = {}
        for annotation in sorted(task["annotations"], key=_version):
            if annotation.get("was_cancelled"):
                self.counts["skipped"] += 1
                continue
            person = _annotator(annotation)
            self.counts["superseded"] += person in latest
            latest[person] = annotation
        yield from latest.values()

    def labels(self, number: int, annotation: Mapping[str, Any]) -> list[str]:
        """The labels that a submission chooses."""
        labels: list[str] = []
        for result in self.results(number, annotation):
            if result.get("from_name") == self.control:
                labels += result["value"]["choices"]
        return labels

    def results(self, number: int, annotation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The results of Choices tags in a submission.

        Raises:
            UsageError: one is malformed.
        """
        results = annotation.get("result") or []
        for result in results if isinstance(results, list) else [None]:
            if not isinstance(result, dict):
                raise UsageError(f"{self.location(number)}: expected a list of objects as the result of an annotation")
            if result.get("type") != "choices":
                continue
            value = result.get("value")
            choices = value.get("choices") if isinstance(value, dict) else None
            if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
                raise UsageError(f"{self.location(number)}: expected the value of a Choices tag as a list of texts")
            yield result


def _cells(image: str, label: str, annotation: Mapping[str, Any]) -> dict[str, str]:
    person = _annotator(annotation)
    seconds = annotation.get("lead_time")
    return dict.fromkeys(COLUMNS, "") | {
        "image_id": image,
        "label": label.strip(),
        "annotator": person,
        "seconds": str(float(seconds)) if isinstance(seconds, int | float) and seconds >= 0 else "",
        "at": _time(annotation),
        "submission": f"{person}:{annotation.get('id')}",
    }


def _annotator(annotation: Mapping[str, Any]) -> str:
    """The id of who submitted; of a person who was deleted there is none, and nothing tells them from others."""
    person = annotation.get("completed_by")
    if isinstance(person, dict):
        person = person.get("id") or person.get("email")
    return str(person) if person else f"{ANONYMOUS.removeprefix(':')}-{annotation.get('id')}"


def _time(annotation: Mapping[str, Any]) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _version(annotation: Mapping[str, Any]) -> tuple[str, int]:
    number = annotation.get("id")
    return _time(annotation), number if isinstance(number, int) else 0


def _file_name(text: str) -> str:
    """The image's file as the project's owner knows it: without what Label Studio adds to its name."""
    upload = _UPLOAD.search(text)
    if upload:
        return upload["name"]
    local = parse_qs(urlsplit(text).query).get("d") if text.startswith("/data/local-files/") else None
    return local[0] if local else text
