"""Display: questions -> what Label Studio's page is given, with the pictures it shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from reground.annotations.rounds import examples, questions
from reground.annotations.rounds import task_images as pictures
from reground.annotations.rounds.questions import CONTAINS, Label, Question
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Workspace


class Display:
    """The look of one workspace's questions of one kind."""

    def __init__(self, workspace: Workspace, kind: str, settings: ReviewSettings) -> None:
        self._workspace = workspace
        self._size = pictures.THUMB if kind == CONTAINS else pictures.FULL
        self._show = questions.contains_data if kind == CONTAINS else questions.classify_data
        self._originals, self._labels = _originals(workspace), _labels(workspace)
        self._made: set[ImageId] = set()
        self._gallery = examples.gallery(workspace, settings.examples, settings.seed)

    def tasks(self, batch: Sequence[Question]) -> list[dict[str, Any]]:
        """The data of a task for each question; writes the pictures that are not there yet.

        Raises:
            RegroundError: an image cannot be read any more, or there is no room.
        """
        seen: dict[ImageId, None] = {}

        def example(label: ClassIdx, without: Collection[ImageId]) -> list[str]:
            chosen = self._gallery.of(label, without)
            seen.update(dict.fromkeys(chosen))
            return [pictures.link(pictures.EXAMPLE, image_id, self._originals[image_id]) for image_id in chosen]

        made = [self._show(question, self._labels, self.link, example) for question in batch]
        asked = (image_id for question in batch for image_id in question.image_ids)
        pictures.make(self._workspace, self._size, self._originals, asked)
        pictures.make(self._workspace, pictures.EXAMPLE, self._originals, seen.keys() - self._made)
        self._made.update(seen)
        return made

    def link(self, image_id: ImageId) -> str:
        """Where the page finds an image that is asked about."""
        return pictures.link(self._size, image_id, self._originals[image_id])


def _originals(workspace: Workspace) -> Mapping[ImageId, pictures.Original]:
    images = workspace.read("images", ["image_id", "uri", "sha256"])
    rows = zip(*(images[name].tolist() for name in ("image_id", "uri", "sha256")), strict=True)
    return {ImageId(image_id): pictures.Original(uri, sha256) for image_id, uri, sha256 in rows}


def _labels(workspace: Workspace) -> Mapping[ClassIdx, Label]:
    classes = workspace.read("classes", ["class_idx", "name", "gloss"])
    rows = zip(classes["class_idx"], classes["name"], classes["gloss"], strict=True)
    return {ClassIdx(int(index)): Label(str(name), str(gloss)) for index, name, gloss in rows}
