"""Questions: candidates -> what annotators are asked.

CONTAINS asks about one label on a grid of images, as the label was collected originally. CLASSIFY asks about
one image with all its candidates side by side. Source: Tsipras et al. 2020, section 3; the wording of CONTAINS
follows Recht et al. 2019, appendix C.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.votes import CLASSIFY, CONTAINS


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        key: unique.
        image_ids: images in the order of display.
        class_idxs: labels in the order of display.
        annotator: e-mail address of the assignee; empty: anybody.
        task_key: stands for the key in the task's data, where annotators may see it; empty: not sent yet.
        options: stand for the images in the options of CONTAINS, in the same order.
    """

    key: str
    image_ids: tuple[ImageId, ...]
    class_idxs: tuple[ClassIdx, ...]
    annotator: str = ""
    task_key: str = ""
    options: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The key without the assignee: the same for all who are asked the same."""
        return self.key.removesuffix(_assignee_suffix(self.annotator))


def contains_questions(
    candidates: pd.DataFrame, open_questions: Iterable[Question], round_number: int, grid: int, seed: int
) -> list[Question]:
    """Grids of up to ``grid`` images for each label, of the images that have it among their candidates.

    Args:
        candidates: columns ``image_id`` and ``class_idx``.
        open_questions: CONTAINS questions of this round that exist already; no pair is asked about twice.
        round_number: part of the keys.
        grid: images in one question.
        seed: of the order of the images.

    Returns:
        The questions that are missing, by label.
    """
    covered_ids: dict[ClassIdx, set[ImageId]] = defaultdict(set)
    chunks: dict[ClassIdx, int] = defaultdict(int)
    for question in open_questions:
        label = question.class_idxs[0]
        covered_ids[label].update(question.image_ids)
        chunks[label] = max(chunks[label], int(question.key.rpartition(":")[2]) + 1)
    questions: list[Question] = []
    for label, image_ids in sorted(_group(candidates, "class_idx", "image_id").items()):
        remaining = seeded_shuffle([i for i in image_ids if i not in covered_ids[label]], seed, CONTAINS, label)
        for number, chunk in enumerate(_even_chunks(remaining, grid), chunks[label]):
            key = f"{CONTAINS}:{round_number}:{label}:{number}"
            questions.append(Question(key, tuple(chunk), (label,)))
    return questions


def classify_questions(
    candidates: pd.DataFrame, open_questions: Iterable[Question], round_number: int, seed: int
) -> list[Question]:
    """One question for each image, with all its candidates; an image is asked about once in a round.

    Args:
        candidates: columns ``image_id`` and ``class_idx``.
        open_questions: CLASSIFY questions of this round that exist already.
        round_number: part of the keys.
        seed: of the order of the candidates.
    """
    covered_ids = {question.image_ids[0] for question in open_questions}
    return [
        Question(f"{CLASSIFY}:{round_number}:{image_id}", (image_id,), tuple(seeded_shuffle(labels, seed, image_id)))
        for image_id, labels in sorted(_group(candidates, "image_id", "class_idx").items())
        if image_id not in covered_ids
    ]


def assign_to(question: Question, annotator: str, seed: int) -> Question:
    """The same question for one annotator, in an order of their own."""
    keys = (seed, question.subject, annotator)
    return replace(
        question,
        key=question.subject + _assignee_suffix(annotator),
        image_ids=tuple(seeded_shuffle(question.image_ids, *keys)),
        class_idxs=tuple(seeded_shuffle(question.class_idxs, *keys)),
        annotator=annotator,
    )


def seeded_shuffle(items: Iterable[Any], seed: int, *context: Any) -> list[Any]:
    """Shuffle items; the order of any two depends only on these two, the seed and the context.

    Examples:
        >>> seeded_shuffle(["cat", "dog", "fox"], 0)
        ['fox', 'cat', 'dog']
        >>> seeded_shuffle(["dog", "fox"], 0)
        ['fox', 'dog']
    """
    base = hashlib.blake2b("".join(f"{part}\0" for part in (seed, *context)).encode(), digest_size=8)

    def sort_key(item: Any) -> bytes:
        item_hash = base.copy()
        item_hash.update(str(item).encode())
        return item_hash.digest()

    return sorted(items, key=sort_key)


def _even_chunks(items: Sequence[Any], max_size: int) -> Iterator[Sequence[Any]]:
    """As few chunks as possible, all of about the same size: no page with the last two images alone."""
    number = math.ceil(len(items) / max_size)
    bounds = [len(items) * n // number for n in range(number + 1)] if number else []
    return (items[start:end] for start, end in itertools.pairwise(bounds))


def _assignee_suffix(annotator: str) -> str:
    return f" to {annotator}" if annotator else ""


def _group(candidates: pd.DataFrame, key_column: str, value_column: str) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in sorted(zip(candidates[key_column].tolist(), candidates[value_column].tolist(), strict=True)):
        groups[key].append(value)
    return groups
