"""Render: questions -> the data of Label Studio tasks, with the images they show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from reground.annotations.rounds.examples import example_pool
from reground.annotations.rounds.opaque_names import opaque_name, read_secret
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.task_data import LabelText, classify_data, contains_data, decide_data
from reground.annotations.rounds.task_images import EXAMPLE, FULL, THUMBNAIL, SourceImage, image_url, write_images
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.text import visible
from reground.tasks.votes import CLASSIFY, CONTAINS, DECIDE
from reground.tasks.workspace import Workspace


class TaskRenderer:
    """Renders questions of one kind as tasks of one workspace.

    Args:
        workspace: with images and classes.
        kind: contains, classify or decide.
        settings: number and seed of the example images.
        tallies: pair -> its votes in words, where a curator is to see them.
    """

    def __init__(
        self,
        workspace: Workspace,
        kind: str,
        settings: ReviewSettings,
        tallies: Mapping[tuple[ImageId, ClassIdx], str] = MappingProxyType({}),
    ) -> None:
        self._workspace = workspace
        self._size = THUMBNAIL if kind == CONTAINS else FULL
        data_by_kind = {CONTAINS: contains_data, CLASSIFY: classify_data, DECIDE: partial(decide_data, tallies=tallies)}
        self._task_data = data_by_kind[kind]
        self._sources, self._labels = _source_images(workspace), _label_texts(workspace)
        self._written_examples: set[ImageId] = set()
        self._example_pool = example_pool(workspace, settings.examples, settings.seed)

    def render(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """The data of one task for each question; writes the images that are missing.

        Raises:
            RegroundError: an image can no longer be read, or the disk is full.
        """
        example_ids: dict[ImageId, None] = {}

        def example_urls(label: ClassIdx, exclude: Collection[ImageId]) -> list[str]:
            image_ids = self._example_pool.select(label, exclude)
            example_ids.update(dict.fromkeys(image_ids))
            return [image_url(EXAMPLE, self._sources[image_id]) for image_id in image_ids]

        tasks = [self._task_data(question, self._labels, self.image_url, example_urls) for question in questions]
        image_ids = (image_id for question in questions for image_id in question.image_ids)
        write_images(self._workspace, self._size, self._sources, image_ids)
        write_images(self._workspace, EXAMPLE, self._sources, example_ids.keys() - self._written_examples)
        self._written_examples.update(example_ids)
        return tasks

    def image_url(self, image_id: ImageId) -> str:
        """The path under which Label Studio serves an image of a question."""
        return image_url(self._size, self._sources[image_id])


def _source_images(workspace: Workspace) -> Mapping[ImageId, SourceImage]:
    images = workspace.read("images", ["image_id", "uri", "sha256"])
    rows = zip(*(images[name].tolist() for name in ("image_id", "uri", "sha256")), strict=True)
    secret = read_secret(workspace)
    return {
        ImageId(image_id): SourceImage(uri, sha256, f"{opaque_name(secret, image_id, sha256)}.jpg")
        for image_id, uri, sha256 in rows
    }


def _label_texts(workspace: Workspace) -> Mapping[ClassIdx, LabelText]:
    classes = workspace.read("classes", ["class_idx", "name", "gloss"])
    rows = zip(classes["class_idx"], classes["name"], classes["gloss"], strict=True)
    return {ClassIdx(int(index)): LabelText(visible(str(name)), visible(str(gloss))) for index, name, gloss in rows}
