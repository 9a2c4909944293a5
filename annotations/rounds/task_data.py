"""Task data: a question as the labeling page shows it, and the result that the page submits.

Nothing on the page or in the data tells where a candidate came from: options are in an order drawn from the seed,
none is preselected, and names reveal nothing (`reground.annotations.rounds.opaque_names`).
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from reground.annotations.rounds.questions import Question
from reground.tasks.schema import ClassIdx, ImageId

NONE_OF_THESE: Final = "none_of_these"
MANY_OBJECTS: Final = "5+"
VALID, NOT_VALID, COMMENT = "valid", "not_valid", "comment"
"""Controls of ``decide.xml``."""
TICK_KEYS: Final = (*"123456789", *"asdfgjkl", *(f"shift+{letter}" for letter in "asdfgjkl"))
"""Hotkeys of the candidates of CLASSIFY, from the first on; the others have Tab and Space. Label Studio's own
hotkeys (h and v, and Shift with a digit, move the image) are left out."""
MAIN_KEYS: Final = (*"qwertyuiop", *(f"shift+{letter}" for letter in "qwertyuiop"))
"""Hotkeys of the main label; the labeling config has z, x, c, b and n for the count, 0 for none."""
TILE_KEYS: Final = (*"1234567890qwertyuiopasdfghjklzxcvbnm", *(f"shift+{letter}" for letter in "qwertyuiopas"))
"""Hotkeys of the images of CONTAINS, for all 48 of a full grid."""

ImageUrl = Callable[[ImageId], str]
ExampleUrls = Callable[[ClassIdx, Collection[ImageId]], Sequence[str]]
"""(label, images not to use) -> URLs of example images of the label."""


@dataclass(frozen=True)
class LabelText:
    """A class as annotators read it."""

    name: str
    gloss: str


def no_examples(label: ClassIdx, exclude: Collection[ImageId]) -> Sequence[str]:
    """No example images."""
    return ()


def contains_data(
    question: Question,
    labels: Mapping[ClassIdx, LabelText],
    image_url: ImageUrl,
    example_urls: ExampleUrls = no_examples,
) -> dict[str, Any]:
    """The data that ``contains.xml`` shows; an option's value stands for an image."""
    class_idx = question.class_idxs[0]
    label = labels[class_idx]
    hotkeys = _hotkeys(TILE_KEYS, len(question.image_ids))
    return {
        "key": question.task_key,
        "labels": label.name,
        "question": (
            f"{_strip(example_urls(class_idx, question.image_ids))}"
            f"<h2>Tick every photograph that contains <b>{html.escape(label.name)}</b></h2>"
            f"<p>{html.escape(label.gloss)}</p>"
        ),
        "images": [
            _with_hotkey(
                {"value": option, "html": f'<img src="{html.escape(image_url(image_id))}" alt="" loading="lazy"/>'},
                hotkey,
            )
            for option, image_id, hotkey in zip(question.options, question.image_ids, hotkeys, strict=True)
        ],
    }


def classify_data(
    question: Question,
    labels: Mapping[ClassIdx, LabelText],
    image_url: ImageUrl,
    example_urls: ExampleUrls = no_examples,
) -> dict[str, Any]:
    """The data that ``classify.xml`` shows; an option's alias is the class's index."""
    options = [(class_idx, labels[class_idx]) for class_idx in question.class_idxs]
    return {
        "key": question.task_key,
        "labels": ", ".join(label.name for _, label in options),
        "image": image_url(question.image_ids[0]),
        "candidates": [
            _option(class_idx, label.name, _label_html(label, example_urls(class_idx, question.image_ids)), hotkey)
            for (class_idx, label), hotkey in zip(options, _hotkeys(TICK_KEYS, len(options)), strict=True)
        ],
        "mains": [
            _option(class_idx, label.name, "<i>main</i>", hotkey)
            for (class_idx, label), hotkey in zip(options, _hotkeys(MAIN_KEYS, len(options)), strict=True)
        ],
    }


def decide_data(
    question: Question,
    labels: Mapping[ClassIdx, LabelText],
    image_url: ImageUrl,
    example_urls: ExampleUrls = no_examples,
    tallies: Mapping[tuple[ImageId, ClassIdx], str] = MappingProxyType({}),
) -> dict[str, Any]:
    """The data that ``decide.xml`` shows: each label twice, as valid and as not valid.

    Args:
        question: one image and its disputed labels.
        labels: texts of all classes.
        image_url: see `ImageUrl`.
        example_urls: see `ExampleUrls`.
        tallies: the votes on a pair in words, where the curator is to see them.
    """
    image_id = question.image_ids[0]
    candidates, rejections = [], []
    hotkeys = zip(*(_hotkeys(keys, len(question.class_idxs)) for keys in (TICK_KEYS, MAIN_KEYS)), strict=True)
    for class_idx, (tick_key, reject_key) in zip(question.class_idxs, hotkeys, strict=True):
        label, tally = labels[class_idx], tallies.get((image_id, class_idx))
        content = _label_html(label, example_urls(class_idx, question.image_ids))
        content = f"<i>{html.escape(tally)}</i>{content}" if tally else content
        candidates.append(_option(class_idx, label.name, content, tick_key))
        rejections.append(_option(class_idx, label.name, "<i>not valid</i>", reject_key))
    return {
        "key": question.task_key,
        "labels": ", ".join(labels[class_idx].name for class_idx in question.class_idxs),
        "image": image_url(image_id),
        "candidates": candidates,
        "rejections": rejections,
    }


def contains_result(question: Question, image_ids: Collection[ImageId]) -> list[dict[str, Any]]:
    """The result that a browser submits for CONTAINS with these of its images ticked."""
    options = zip(question.options, question.image_ids, strict=True)
    choices = [option for option, image_id in options if image_id in image_ids]
    return [_choices("contains", "label", choices)] if choices else []


def classify_result(labels: Iterable[ClassIdx], main: ClassIdx | None, num_objects: str) -> list[dict[str, Any]]:
    """The result that a browser submits for CLASSIFY.

    Args:
        labels: valid labels; empty: none of these.
        main: the label of the main object, one of them; None if there is none.
        num_objects: ``1`` to ``4``, or ``5+``.
    """
    valid = [str(label) for label in labels]
    if not valid:
        return [_choices("none", "image", [NONE_OF_THESE])]
    return [
        _choices("valid", "image", valid),
        _choices("main", "image", [str(main)]),
        _choices("num_objects", "image", [num_objects]),
    ]


def decide_result(valid: Iterable[ClassIdx], not_valid: Iterable[ClassIdx], comment: str = "") -> list[dict[str, Any]]:
    """The result that a browser submits for a curator's question.

    Args:
        valid: labels decided as valid.
        not_valid: labels decided as not valid.
        comment: the reason; empty: none.
    """
    ticks = ((VALID, [str(label) for label in valid]), (NOT_VALID, [str(label) for label in not_valid]))
    text = {"from_name": COMMENT, "to_name": "image", "type": "textarea", "value": {"text": [comment]}}
    return [_choices(name, "image", labels) for name, labels in ticks if labels] + ([text] if comment else [])


def _choices(control: str, target: str, choices: Sequence[str]) -> dict[str, Any]:
    return {"from_name": control, "to_name": target, "type": "choices", "value": {"choices": list(choices)}}


def _option(class_idx: ClassIdx, name: str, content: str, hotkey: str | None) -> dict[str, Any]:
    return _with_hotkey({"value": name, "alias": str(class_idx), "html": content}, hotkey)


def _with_hotkey(option: dict[str, Any], hotkey: str | None) -> dict[str, Any]:
    return option | {"hotkey": hotkey} if hotkey else option


def _label_html(label: LabelText, examples: Sequence[str]) -> str:
    return f"{_strip(examples)}<b>{html.escape(label.name)}</b><p>{html.escape(label.gloss)}</p>"


def _strip(urls: Sequence[str]) -> str:
    """Example images side by side."""
    if not urls:
        return ""
    images = "".join(f'<img src="{html.escape(url)}" alt=""/>' for url in urls)
    return f"<em>{images}</em>"


def _hotkeys(hotkeys: tuple[str, ...], count: int) -> list[str | None]:
    return [*hotkeys[:count], *[None] * (count - len(hotkeys))]
