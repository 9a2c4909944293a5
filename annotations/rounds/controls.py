"""Control images: a few images in each CONTAINS grid whose answer is known, to measure attention.

Reads ``gold``, ``truth``, ``candidates``, ``images``; writes ``controls``. Source: Recht et al. 2019, appendix C
(three positive and three negative controls among 48 images). Nothing on the page or in a task's data reveals
them. An answer on a control is not a vote: controls follow from earlier votes, so counting their answers would
only confirm these.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from reground.annotations.rounds.gold import Pair, read_gold
from reground.annotations.rounds.questions import Question, seeded_shuffle
from reground.tasks.schema import ClassIdx, ControlRow, ImageId, ImageState, Outcome
from reground.tasks.workspace import Output, Workspace, digest

STEP: Final = "review-controls"
MIN_CONFIDENCE: Final = 0.9
"""From this confidence on, a label is valid for certain; below 1 - MIN_CONFIDENCE it is certainly not."""
MIN_ANNOTATORS: Final = 3
"""Number of annotators that this requires."""

TRUTH_COLUMNS: Final = ("image_id", "judged", "confidence", "shown", "state", "outcome")


@dataclass(frozen=True)
class ControlPool:
    """Images to draw controls from.

    Attributes:
        positive: label -> images that certainly have it.
        negative: label -> images that certainly lack it, though a person or a model proposed it.
        reviewed_ids: images whose labels are settled, and some hold, in an order drawn from the seed.
        possible: pairs that are candidates or have votes; no reviewed image is an easy negative for these.
    """

    positive: Mapping[ClassIdx, Sequence[ImageId]] = field(default_factory=dict[ClassIdx, Sequence[ImageId]])
    negative: Mapping[ClassIdx, Sequence[ImageId]] = field(default_factory=dict[ClassIdx, Sequence[ImageId]])
    reviewed_ids: Sequence[ImageId] = ()
    possible: Collection[Pair] = frozenset()

    def is_empty(self) -> bool:
        return not (self.positive or self.negative or self.reviewed_ids)


def control_pool(workspace: Workspace, seed: int) -> ControlPool:
    """The controls that gold and truth allow, among the workspace's images."""
    image_ids = set(workspace.read("images", ["image_id"])["image_id"])
    gold = {pair: answer for pair, answer in read_gold(workspace).items() if pair[0] in image_ids}
    positive, negative = _images_by_label(gold, "yes"), _images_by_label(gold, "no")
    possible = set(gold)
    reviewed_ids: list[ImageId] = []
    for row in workspace.read("truth", TRUTH_COLUMNS).to_dict("records"):
        image_id = row["image_id"]
        possible.update((image_id, ClassIdx(int(label))) for label in row["judged"])
        has_labels = row["state"] == ImageState.SETTLED and row["outcome"] != Outcome.EMPTY
        if not has_labels or image_id not in image_ids:
            continue
        reviewed_ids.append(image_id)
        for label, confidence, annotators in zip(row["judged"], row["confidence"], row["shown"], strict=True):
            class_idx = ClassIdx(int(label))
            if annotators >= MIN_ANNOTATORS and (image_id, class_idx) not in gold:
                if confidence >= MIN_CONFIDENCE:
                    positive[class_idx].append(image_id)
                elif confidence <= 1 - MIN_CONFIDENCE:
                    negative[class_idx].append(image_id)
    candidates = workspace.read("candidates", ["image_id", "class_idx"])
    possible.update(zip(candidates["image_id"], candidates["class_idx"].astype(int), strict=True))  # type: ignore[arg-type]
    order = np.random.default_rng(seed).permutation(len(reviewed_ids))
    return ControlPool(positive, negative, [reviewed_ids[n] for n in order], possible)


def add_controls(
    question: Question,
    pool: ControlPool,
    num_positive: int,
    num_negative: int,
    exclude: Collection[ImageId],
    seed: int,
) -> tuple[Question, list[ControlRow]]:
    """Add controls to a CONTAINS grid.

    Args:
        question: CONTAINS, without controls.
        pool: see `ControlPool`.
        num_positive: wanted controls that certainly have the label.
        num_negative: wanted controls that certainly lack it.
        exclude: images that the round asks about under this label.
        seed: of the draw and of the positions in the grid.

    Returns:
        The question with as many controls as the pool has, and their rows of ``controls``.
    """
    label = question.class_idxs[0]
    context = (seed, "control", question.subject)
    positive = [i for i in pool.positive.get(label, ()) if i not in exclude]
    hard = seeded_shuffle((i for i in pool.negative.get(label, ()) if i not in exclude), *context)
    negative = hard[: (num_negative + 1) // 2]  # the rest are easy ones, as far as there are any
    negative += list(_easy_negatives(pool, label, exclude, context, num_negative - len(negative)))
    negative += [i for i in hard if i not in negative][: num_negative - len(negative)]
    answers = {
        **dict.fromkeys(seeded_shuffle(positive, *context)[:num_positive], "yes"),
        **dict.fromkeys(negative, "no"),
    }
    image_ids = tuple(seeded_shuffle([*question.image_ids, *answers], *context))
    rows: list[ControlRow] = [
        {"key": question.subject, "image_id": image_id, "class_idx": ClassIdx(int(label)), "answer": answer}
        for image_id, answer in answers.items()
    ]
    return replace(question, image_ids=image_ids), rows


def write_controls(workspace: Workspace, rows: Sequence[ControlRow]) -> None:
    """Commit the controls of a batch, before its tasks are created: their data does not reveal the controls."""
    if rows:
        key = digest(json.dumps(list(rows)))
        workspace.commit(STEP, key[:16], key, Output({"controls": list(rows)}))


def read_controls(workspace: Workspace) -> dict[str, dict[ImageId, str]]:
    """Subject of a question -> control image -> its known answer."""
    controls: dict[str, dict[ImageId, str]] = defaultdict(dict)
    for row in workspace.read("controls").to_dict("records"):
        controls[str(row["key"])][ImageId(str(row["image_id"]))] = str(row["answer"])
    return dict(controls)


def delete_unused_controls(workspace: Workspace, subjects: Collection[str]) -> None:
    """Delete the controls of batches whose tasks were never created.

    Args:
        workspace: whose task registry agrees with Label Studio.
        subjects: of all registered questions.
    """
    used_shards = {
        entry.shard
        for entry, part in workspace.parts("controls")
        if any(key in subjects for key in workspace.read_part(part.path, ["key"])["key"].to_pylist())
    }
    workspace.retire(STEP, used_shards)


def _easy_negatives(
    pool: ControlPool, label: ClassIdx, exclude: Collection[ImageId], context: tuple[Any, ...], count: int
) -> Iterator[ImageId]:
    """Reviewed images for which nobody proposed the label."""
    size = len(pool.reviewed_ids)
    start = int(digest(*map(str, context))[:12], 16)
    for offset in range(size):
        if count <= 0:
            return
        image_id = pool.reviewed_ids[(start + offset) % size]
        if image_id not in exclude and (image_id, label) not in pool.possible:
            count -= 1
            yield image_id


def _images_by_label(gold: Mapping[Pair, str], answer: str) -> dict[ClassIdx, list[ImageId]]:
    images: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    for (image_id, label), known_answer in sorted(gold.items()):
        if known_answer == answer:
            images[label].append(image_id)
    return images
