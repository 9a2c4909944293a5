"""Gold: pairs whose answer is known, hidden among CLASSIFY questions to see how well people answer.

Writes ``gold``. A gold question looks like any other. Answers to it count as votes too: nobody knew
it for one, and whom it judges follows from the file, not from the votes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reground.annotations.rounds.controls import gold as known_answers
from reground.annotations.rounds.questions import CLASSIFY, Question, shuffled
from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import LabelError, label_index, resolve_label
from reground.tasks.schema import ClassIdx, DroppedRow, DropReason, ImageId, dropped_row
from reground.tasks.workspace import Output, Workspace, digest, read_csv

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


@dataclass(frozen=True)
class Gold:
    """What gold questions are made of.

    Attributes:
        labels: gold image at hand -> the labels it is shown with: its candidates, and those whose answer is known.
        rate: share of everybody's questions that are to have gold, 0 to below 1.
        number: of the round.
        seed: of the draw, and of the order of labels.
    """

    labels: Mapping[ImageId, Collection[ClassIdx]]
    rate: float
    number: int
    seed: int


def prepare(workspace: Workspace, rate: float, number: int, seed: int) -> Gold:
    """The workspace's gold, for one round.

    Raises:
        UsageError: no such rate.
    """
    if not 0 <= rate < 1:
        raise UsageError(f"expected review.gold_rate to be from 0 to below 1, got {rate}")
    at_hand = set(workspace.read("images", ["image_id"])["image_id"])
    labels: dict[ImageId, set[ClassIdx]] = defaultdict(set)
    for image_id, label in known_answers(workspace):
        if image_id in at_hand:
            labels[image_id].add(label)
    if not labels:
        return Gold({}, rate, number, seed)
    candidates = workspace.read("candidates", ["image_id", "class_idx"])
    candidates = candidates[candidates["image_id"].isin(labels)]
    for image_id, label in zip(candidates["image_id"], candidates["class_idx"], strict=True):
        labels[ImageId(str(image_id))].add(ClassIdx(int(label)))
    return Gold(dict(labels), rate, number, seed)


def hidden(gold: Gold, shown: Sequence[Question]) -> list[Question]:
    """Further CLASSIFY questions, on images with gold, so that a share of all has gold.

    Args:
        gold: what they are made of.
        shown: what somebody gets in this round anyway.
    """
    images = {question.image_ids[0] for question in shown}
    have = len(images & gold.labels.keys())
    wanted = round(gold.rate / (1 - gold.rate) * (len(images) - have)) - have
    if wanted <= 0:
        return []
    free = [image_id for image_id in gold.labels if image_id not in images]
    like = sorted({label for question in shown for label in question.class_idxs})
    usual = sorted(len(question.class_idxs) for question in shown)[len(shown) // 2]
    return [_ask(gold, image_id, like, usual) for image_id in shuffled(free, gold.seed, "gold", gold.number)[:wanted]]


def _ask(gold: Gold, image_id: ImageId, like: Sequence[ClassIdx], usual: int) -> Question:
    """With as many labels as others have: one with fewer would show what it is."""
    labels = gold.labels[image_id]
    more = [label for label in shuffled(like, gold.seed, "gold", image_id) if label not in labels]
    shown = [*labels, *more[: max(0, usual - len(labels))]]
    key = f"{CLASSIFY}:{gold.number}:{image_id}"
    return Question(key, (image_id,), tuple(shuffled(shown, gold.seed, image_id)))


def _read(workspace: Workspace, path: Path) -> tuple[list[dict[str, Any]], list[DroppedRow]]:
    images = set(workspace.read("images", ["image_id"])["image_id"])
    classes: Any = workspace.read("classes").to_dict("records")
    index = label_index(classes)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    dropped: list[DroppedRow] = []
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


def _drop(item: str, reason: DropReason, detail: str) -> DroppedRow:
    return dropped_row(STAGE, item, reason, detail)
