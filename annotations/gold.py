"""Gold: pairs whose answer is known, hidden among CLASSIFY questions to see how well people answer.

Writes ``gold``. A gold question looks like any other. Answers to it count as votes too: nobody knew
it for one, and whom it judges follows from the file, not from the votes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from annotations.controls import gold as known_answers
from annotations.questions import CLASSIFY, Question, shuffled
from tasks.classes import LabelError, label_index, resolve_label
from tasks.errors import UsageError, unknown
from tasks.schema import ClassIdx, DropReason, ImageId
from tasks.store import Output, Workspace, digest
from tasks.tabular import read_csv

STAGE: Final = "gold-import"
COLUMNS: Final = ("image_id", "class", "answer")
ANSWERS: Final = ("yes", "no")


def import_gold(workspace: Workspace, path: Path) -> dict[str, int]:
    """Bring known answers in; the same file's name again replaces what it brought before.

    Args:
        workspace: with ``images`` and ``classes``.
        path: a CSV, ``image_id,class,answer``: class is a WordNet id, an exact name or an index; yes or no.

    Returns:
        Pairs taken, images they are of, and lines left out (an image or a class that is not in here).

    Raises:
        UsageError: the file cannot be read, a line is malformed, or two lines contradict each other.
        RegroundError: nothing was indexed yet.
    """
    workspace.require("images", "index IMAGES")
    rows, dropped = _read(workspace, path)
    output = Output({"gold": rows, "dropped": dropped})
    workspace.commit(STAGE, path.stem, digest(path.name, str(rows), str(dropped)), output)
    return {"pairs": len(rows), "images": len({row["image_id"] for row in rows}), "dropped": len(dropped)}


def hidden(
    candidates: pd.DataFrame,
    known: Mapping[ImageId, Sequence[ClassIdx]],
    shown: Sequence[Question],
    rate: float,
    number: int,
    seed: int,
) -> list[Question]:
    """Further CLASSIFY questions, on images with gold, so that a share of all has gold.

    Args:
        candidates: the columns ``image_id`` and ``class_idx`` of that table: a gold image is shown with its own.
        known: gold images with the labels whose answer is known.
        shown: what somebody gets in this round anyway.
        rate: share of all their questions that are to have gold, 0 to below 1.
        number: of the round.
        seed: of the draw, and of the order of labels.

    Raises:
        UsageError: no such share.
    """
    if not 0 <= rate < 1:
        raise UsageError(f"expected review.gold_rate to be from 0 to below 1, got {rate}")
    images = {question.image_ids[0] for question in shown}
    have = len(images & known.keys())
    wanted = round(rate / (1 - rate) * (len(images) - have)) - have
    drawn = shuffled((image_id for image_id in known if image_id not in images), seed, "gold", number)[: max(0, wanted)]
    own: dict[str, set[ClassIdx]] = defaultdict(set)
    for image_id, label in zip(candidates["image_id"], candidates["class_idx"], strict=True):
        own[str(image_id)].add(ClassIdx(int(label)))
    like = sorted({label for question in shown for label in question.class_idxs})
    usual = sorted(len(question.class_idxs) for question in shown)[len(shown) // 2] if shown else 0
    return [_ask(image_id, own[image_id] | set(known[image_id]), like, usual, number, seed) for image_id in drawn]


def by_image(workspace: Workspace) -> dict[ImageId, list[ClassIdx]]:
    """Images at hand that have gold, with the labels whose answer is known."""
    at_hand = set(workspace.read("images", ["image_id"])["image_id"])
    found: dict[ImageId, list[ClassIdx]] = defaultdict(list)
    for image_id, label in sorted(known_answers(workspace)):
        if image_id in at_hand:
            found[image_id].append(label)
    return dict(found)


def _ask(
    image_id: ImageId, labels: set[ClassIdx], like: Sequence[ClassIdx], usual: int, number: int, seed: int
) -> Question:
    """With as many labels as others have: one with fewer would show what it is."""
    more = [label for label in shuffled(like, seed, "gold", image_id) if label not in labels]
    shown = [*labels, *more[: max(0, usual - len(labels))]]
    return Question(f"{CLASSIFY}:{number}:{image_id}", (image_id,), tuple(shuffled(shown, seed, image_id)))


def _read(workspace: Workspace, path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    images = set(workspace.read("images", ["image_id"])["image_id"])
    classes: Any = workspace.read("classes").to_dict("records")
    index = label_index(classes)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    dropped: list[dict[str, Any]] = []
    for line, cells in read_csv(path, COLUMNS):
        if cells["answer"] not in ANSWERS:
            raise unknown(f"answer ({path}, line {line})", cells["answer"], ANSWERS)
        item, image_id = f"{path.name}, line {line}", cells["image_id"]
        if image_id not in images:
            dropped.append(_drop(item, DropReason.IMAGE_UNKNOWN, f"no image {image_id}"))
            continue
        try:
            label = int(resolve_label(cells["class"], index))
        except LabelError as error:
            dropped.append(_drop(item, DropReason.LABEL_UNKNOWN, str(error)))
            continue
        row = {"image_id": image_id, "class_idx": label, "answer": cells["answer"], "source": path.stem}
        if rows.setdefault((image_id, label), row) != row:
            raise UsageError(
                f"{path}, line {line}: says {cells['answer']} to {cells['class']} in {image_id}, and a "
                "line before says the opposite: keep one of the two."
            )
    if not rows and not dropped:
        raise UsageError(f"{path}: expected one known answer a line, found none below the header")
    return list(rows.values()), dropped


def _drop(item: str, reason: DropReason, detail: str) -> dict[str, Any]:
    return {"stage": STAGE, "item": item, "reason": str(reason), "detail": detail}
