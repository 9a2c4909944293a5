"""Questions: candidates -> what people are asked, and the task Label Studio shows for it.

CONTAINS asks about one label on a grid of images, as the label was first collected. CLASSIFY
asks about one image with all its candidates side by side. Source: Tsipras et al. 2020,
section 3; the wording of CONTAINS follows Recht et al. 2019, appendix C.

Nothing on the screen tells where a candidate came from: options stand in an order drawn from
the seed, none is ticked, and a picture's address says nothing of its image.
"""

from __future__ import annotations

import hashlib
import html
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from reground.tasks.schema import ClassIdx, ImageId

CONTAINS, CLASSIFY = "contains", "classify"
QUESTIONS: Final = (CONTAINS, CLASSIFY)
NONE_OF_THESE: Final = "none_of_these"
MOST_OBJECTS: Final = "5+"
TICK_KEYS: Final = (*"123456789", *"asdfgjkl", *(f"shift+{letter}" for letter in "asdfgjkl"))
"""Keys that tick the candidates of CLASSIFY, from the first on; beyond, Tab and Space do. Label
Studio's own keys (h and v, and Shift with a digit, move the picture) are left out."""
MAIN_KEYS: Final = (*"qwertyuiop", *(f"shift+{letter}" for letter in "qwertyuiop"))
"""Keys that pick the main label; the screen has z, x, c, b and n for the count, 0 for none."""
TILE_KEYS: Final = (*"1234567890qwertyuiopasdfghjklzxcvbnm", *(f"shift+{letter}" for letter in "qwertyuiopas"))
"""Keys that tick the images of CONTAINS, all 48 of a full grid."""

Link = Callable[[ImageId], str]


@dataclass(frozen=True)
class Question:
    """One task.

    Attributes:
        key: its own.
        image_ids: that it shows, in order.
        class_idxs: labels that it shows, in order.
        annotator: e-mail address of the one person it is put to; empty: whoever comes.
    """

    key: str
    image_ids: tuple[ImageId, ...]
    class_idxs: tuple[ClassIdx, ...]
    annotator: str = ""

    @property
    def subject(self) -> str:
        """The key, without whom it is put to: the same for all who are asked the same."""
        return self.key.removesuffix(_to(self.annotator))


@dataclass(frozen=True)
class Label:
    """A class as people are shown it."""

    name: str
    gloss: str


Examples = Callable[[ClassIdx, Collection[ImageId]], Sequence[str]]
"""(label, images that must not be among them) -> where the page finds example pictures of it."""


def no_examples(label: ClassIdx, without: Collection[ImageId]) -> Sequence[str]:
    """For those who show none."""
    return ()


def contains(
    candidates: pd.DataFrame, asked: Iterable[Question], round_number: int, grid: int, seed: int
) -> list[Question]:
    """A grid for up to ``grid`` images that have a label among their candidates.

    Args:
        candidates: the columns ``image_id`` and ``class_idx`` of that table.
        asked: CONTAINS questions of this round that are out already; no pair is asked twice.
        round_number: part of the keys.
        grid: images in one question.
        seed: of the order of the images.

    Returns:
        The questions still to ask, by label.
    """
    shown: dict[ClassIdx, set[ImageId]] = defaultdict(set)
    chunks: dict[ClassIdx, int] = defaultdict(int)
    for question in asked:
        label = question.class_idxs[0]
        shown[label].update(question.image_ids)
        chunks[label] = max(chunks[label], int(question.key.rpartition(":")[2]) + 1)
    made: list[Question] = []
    for label, image_ids in sorted(_by(candidates, "class_idx", "image_id").items()):
        left = shuffled([i for i in image_ids if i not in shown[label]], seed, CONTAINS, label)
        for number, start in enumerate(range(0, len(left), grid), chunks[label]):
            key = f"{CONTAINS}:{round_number}:{label}:{number}"
            made.append(Question(key, tuple(left[start : start + grid]), (label,)))
    return made


def classify(candidates: pd.DataFrame, asked: Iterable[Question], round_number: int, seed: int) -> list[Question]:
    """One question an image, with all its candidates; an image is asked about once a round.

    Args:
        candidates: the columns ``image_id`` and ``class_idx`` of that table.
        asked: CLASSIFY questions of this round that are out already.
        round_number: part of the keys.
        seed: of the order of the candidates.
    """
    out = {question.image_ids[0] for question in asked}
    return [
        Question(f"{CLASSIFY}:{round_number}:{image_id}", (image_id,), tuple(shuffled(labels, seed, image_id)))
        for image_id, labels in sorted(_by(candidates, "image_id", "class_idx").items())
        if image_id not in out
    ]


def put_to(question: Question, annotator: str, seed: int) -> Question:
    """The same question for one person, in an order of their own."""
    order = (seed, question.subject, annotator)
    return replace(
        question,
        key=question.subject + _to(annotator),
        image_ids=tuple(shuffled(question.image_ids, *order)),
        class_idxs=tuple(shuffled(question.class_idxs, *order)),
        annotator=annotator,
    )


def contains_data(
    question: Question, labels: Mapping[ClassIdx, Label], link: Link, examples: Examples = no_examples
) -> dict[str, Any]:
    """What ``contains.xml`` shows; an option's value is the image's id."""
    index = question.class_idxs[0]
    label = labels[index]
    return {
        "key": question.key,
        "image_ids": list(question.image_ids),
        "class_idxs": [int(label) for label in question.class_idxs],
        "question": (
            f"{_strip(examples(index, question.image_ids))}"
            f"<h2>Tick every photograph that contains <b>{html.escape(label.name)}</b></h2>"
            f"<p>{html.escape(label.gloss)}</p>"
        ),
        "images": [
            _with_key(
                {"value": image_id, "html": f'<img src="{html.escape(link(image_id))}" alt="" loading="lazy"/>'}, key
            )
            for image_id, key in zip(question.image_ids, _keys(TILE_KEYS, len(question.image_ids)), strict=True)
        ],
    }


def classify_data(
    question: Question, labels: Mapping[ClassIdx, Label], link: Link, examples: Examples = no_examples
) -> dict[str, Any]:
    """What ``classify.xml`` shows; an option's alias is the class's index."""
    shown = [(label, labels[label]) for label in question.class_idxs]
    return {
        "key": question.key,
        "image_ids": list(question.image_ids),
        "class_idxs": [int(label) for label in question.class_idxs],
        "image": link(question.image_ids[0]),
        "candidates": [
            _option(index, label.name, _row(label, examples(index, question.image_ids)), key)
            for (index, label), key in zip(shown, _keys(TICK_KEYS, len(shown)), strict=True)
        ],
        "mains": [
            _option(index, label.name, "<i>main</i>", key)
            for (index, label), key in zip(shown, _keys(MAIN_KEYS, len(shown)), strict=True)
        ],
    }


def contains_result(ticked: Iterable[ImageId]) -> list[dict[str, Any]]:
    """What a browser submits for CONTAINS with these images ticked."""
    chosen = list(ticked)
    return [_choices("contains", "label", chosen)] if chosen else []


def classify_result(valid: Iterable[ClassIdx], main: ClassIdx | None, num_objects: str) -> list[dict[str, Any]]:
    """What a browser submits for CLASSIFY; with nothing valid, that none of these is.

    Args:
        valid: labels ticked.
        main: the label of the main object, one of them; None if there is none.
        num_objects: ``1`` to ``4``, or ``5+``.
    """
    chosen = [str(label) for label in valid]
    if not chosen:
        return [_choices("none", "image", [NONE_OF_THESE])]
    rest = [_choices("main", "image", [str(main)]), _choices("num_objects", "image", [num_objects])]
    return [_choices("valid", "image", chosen), *rest]


def _choices(name: str, shown_on: str, chosen: Sequence[str]) -> dict[str, Any]:
    return {"from_name": name, "to_name": shown_on, "type": "choices", "value": {"choices": list(chosen)}}


def _option(index: ClassIdx, name: str, shown: str, key: str | None) -> dict[str, Any]:
    return _with_key({"value": name, "alias": str(index), "html": shown}, key)


def _with_key(option: dict[str, Any], key: str | None) -> dict[str, Any]:
    return option | {"hotkey": key} if key else option


def _row(label: Label, examples: Sequence[str]) -> str:
    return f"{_strip(examples)}<b>{html.escape(label.name)}</b><p>{html.escape(label.gloss)}</p>"


def _strip(examples: Sequence[str]) -> str:
    """Example pictures side by side."""
    if not examples:
        return ""
    pictures = "".join(f'<img src="{html.escape(address)}" alt=""/>' for address in examples)
    return f"<em>{pictures}</em>"


def _to(annotator: str) -> str:
    return f" to {annotator}" if annotator else ""


def _keys(keys: tuple[str, ...], count: int) -> list[str | None]:
    return [*keys[:count], *[None] * (count - len(keys))]


def _by(candidates: pd.DataFrame, one: str, many: str) -> dict[Any, list[Any]]:
    grouped: dict[Any, list[Any]] = defaultdict(list)
    for key, value in sorted(zip(candidates[one].tolist(), candidates[many].tolist(), strict=True)):
        grouped[key].append(value)
    return grouped


def shuffled(keys: Iterable[Any], seed: int, *about: Any) -> list[Any]:
    """In an order that depends on the keys, the seed and what it is about alone."""

    begun = hashlib.blake2b("".join(f"{part}\0" for part in (seed, *about)).encode(), digest_size=8)

    def place(key: Any) -> bytes:
        made = begun.copy()
        made.update(str(key).encode())
        return made.digest()

    return sorted(keys, key=place)
