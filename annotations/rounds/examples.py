"""Example images: what a label looks like. Reads ``images`` and ``truth``.

Images whose truth contains the label come first, then unreviewed images whose original label it is; never an
image that the question itself asks about, nor a copy of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reground.annotations.rounds.questions import seeded_shuffle
from reground.tasks.schema import ClassIdx, ImageId, ImageState
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class ExamplePool:
    """Images to illustrate labels with.

    Attributes:
        reviewed: label -> images whose truth contains it.
        unreviewed: label -> images whose original label it is, without votes.
        content: image_id -> SHA-256 of its file: copies of one photograph count as one.
        count: example images for each label.
        seed: of the selection.
    """

    reviewed: dict[ClassIdx, list[ImageId]]
    unreviewed: dict[ClassIdx, list[ImageId]]
    content: Mapping[ImageId, str]
    count: int
    seed: int
    _order: dict[ClassIdx, list[ImageId]] = field(default_factory=dict[ClassIdx, list[ImageId]])

    def select(self, label: ClassIdx, exclude: Collection[ImageId]) -> list[ImageId]:
        """Example images of a label, the same for every question, apart from the excluded ones."""
        if self.count <= 0:
            return []
        if label not in self._order:
            self._order[label] = [
                *seeded_shuffle(self.reviewed.get(label, []), self.seed, "example", label),
                *seeded_shuffle(self.unreviewed.get(label, []), self.seed, "example", label),
            ]
        contents = {self.content[image_id] for image_id in exclude}
        image_ids: list[ImageId] = []
        for image_id in self._order[label]:
            if len(image_ids) == self.count:
                break
            if self.content[image_id] not in contents:
                contents.add(self.content[image_id])
                image_ids.append(image_id)
        return image_ids


def example_pool(workspace: Workspace, count: int, seed: int) -> ExamplePool:
    """The example images of a workspace."""
    images = workspace.read("images", ["image_id", "class_idx", "sha256"])
    content: dict[ImageId, str] = dict(zip(images["image_id"].tolist(), images["sha256"].tolist(), strict=True))
    reviewed_ids: set[str] = set()
    reviewed_pool: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    truth = workspace.read("truth", ["image_id", "labels", "state"])
    for image_id, labels, state in zip(truth["image_id"], truth["labels"], truth["state"], strict=True):
        if state != ImageState.UNREVIEWED:
            reviewed_ids.add(image_id)
        if state == ImageState.SETTLED and image_id in content:
            for label in labels:
                reviewed_pool[ClassIdx(int(label))].append(image_id)
    unreviewed_pool: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    for image_id, label in zip(images["image_id"], images["class_idx"], strict=True):
        if image_id not in reviewed_ids:
            unreviewed_pool[ClassIdx(int(label))].append(image_id)
    return ExamplePool(reviewed_pool, unreviewed_pool, content, count, seed)
