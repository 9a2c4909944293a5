"""Examples: pictures that show people what a label looks like. Reads ``images`` and ``truth``.

Images whose truth holds the label come first, then those whose original label it is and nobody has
judged; never one that the question itself asks about, nor a copy of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reground.annotations.rounds.questions import shuffled
from reground.tasks.schema import SETTLED, ClassIdx, ImageId
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class Gallery:
    """Images to show a label by.

    Attributes:
        confirmed: label -> images whose truth holds it.
        original: label -> images that came with it and were not judged.
        content: of each image the SHA-256 of its file: copies of one photograph count as one.
        count: pictures wanted.
        seed: of the choice.
    """

    confirmed: dict[ClassIdx, list[ImageId]]
    original: dict[ClassIdx, list[ImageId]]
    content: Mapping[ImageId, str]
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
        seen = {self.content[image_id] for image_id in without}
        found: list[ImageId] = []
        for image_id in self._chosen[label]:
            if len(found) == self.count:
                break
            if self.content[image_id] not in seen:
                seen.add(self.content[image_id])
                found.append(image_id)
        return found


def gallery(workspace: Workspace, count: int, seed: int) -> Gallery:
    """The images at hand, by label."""
    images = workspace.read("images", ["image_id", "class_idx", "sha256"])
    content: dict[ImageId, str] = dict(zip(images["image_id"].tolist(), images["sha256"].tolist(), strict=True))
    judged: set[str] = set()
    confirmed: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    truth = workspace.read("truth", ["image_id", "labels", "status"])
    for image_id, labels, status in zip(truth["image_id"], truth["labels"], truth["status"], strict=True):
        if status != "unreviewed":
            judged.add(image_id)
        if status in SETTLED and image_id in content:
            for label in labels:
                confirmed[ClassIdx(int(label))].append(image_id)
    original: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    for image_id, label in zip(images["image_id"], images["class_idx"], strict=True):
        if image_id not in judged:
            original[ClassIdx(int(label))].append(image_id)
    return Gallery(confirmed, original, content, count, seed)
