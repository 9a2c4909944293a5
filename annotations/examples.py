"""Examples: pictures that show people what a label looks like. Reads ``images`` and ``truth``.

Images whose truth holds the label come first, then those whose original label it is and nobody has
judged; never one that the question itself asks about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from annotations.controls import SETTLED
from annotations.questions import shuffled
from tasks.schema import ClassIdx, ImageId
from tasks.store import Workspace


@dataclass(frozen=True)
class Gallery:
    """Images to show a label by.

    Attributes:
        confirmed: label -> images whose truth holds it.
        original: label -> images that came with it and were not judged.
        count: pictures wanted.
        seed: of the choice.
    """

    confirmed: dict[ClassIdx, list[ImageId]]
    original: dict[ClassIdx, list[ImageId]]
    count: int
    seed: int
    _chosen: dict[ClassIdx, list[ImageId]] = field(default_factory=dict[ClassIdx, list[ImageId]])

    def of(self, label: ClassIdx, without: Collection[ImageId]) -> list[ImageId]:
        """The same for every question, but for those that the question shows itself."""
        if self.count <= 0:
            return []
        if label not in self._chosen:
            self._chosen[label] = [
                *shuffled(self.confirmed.get(label, []), self.seed, "example", label),
                *shuffled(self.original.get(label, []), self.seed, "example", label),
            ]
        free = (image_id for image_id in self._chosen[label] if image_id not in without)
        return [image_id for image_id, _ in zip(free, range(self.count), strict=False)]


def gallery(workspace: Workspace, count: int, seed: int) -> Gallery:
    """The images at hand, by label."""
    images = workspace.read("images", ["image_id", "class_idx"])
    at_hand = {ImageId(str(image_id)) for image_id in images["image_id"]}
    judged: set[str] = set()
    confirmed: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    truth = workspace.read("truth", ["image_id", "labels", "status"])
    for image_id, labels, status in zip(truth["image_id"], truth["labels"], truth["status"], strict=True):
        if status != "unreviewed":
            judged.add(image_id)
        if status in SETTLED and image_id in at_hand:
            for label in labels:
                confirmed[ClassIdx(int(label))].append(image_id)
    original: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    for image_id, label in zip(images["image_id"], images["class_idx"], strict=True):
        if image_id not in judged:
            original[ClassIdx(int(label))].append(image_id)
    return Gallery(confirmed, original, count, seed)
