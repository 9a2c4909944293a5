"""Gold: pairs of image and label with a known answer, mixed into CLASSIFY questions to measure accuracy.

Writes ``gold``. A gold question looks like any other. Answers to it measure the annotator; they count as votes only
if the vote policy says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from reground.annotations.rounds.questions import Question, seeded_shuffle
from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import LabelError, label_index, resolve_label
from reground.tasks.imports import ImageMatcher, ImageMatchError, check_replacement, check_rows_left, log_drops
from reground.tasks.schema import ClassIdx, DroppedRow, DropReason, GoldRow, ImageId, dropped_row
from reground.tasks.tabular import read_text_table, unit
from reground.tasks.votes import ANSWER_WORDS, CLASSIFY, NO, YES
from reground.tasks.workspace import Output, Workspace, digest

STAGE: Final = "gold-import"
GOLD_COLUMNS: Final = ("image_id", "class", "answer")

Pair = tuple[ImageId, ClassIdx]


def import_gold(
    workspace: Workspace,
    path: Path,
    source: str = "",
    *,
    replace: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, int]:
    """Import known answers of one source.

    Args:
        workspace: with ``images`` and ``classes``.
        path: a table with the columns ``image_id,class,answer``: class is a WordNet id, a name or an index; answer is
            yes or no.
        source: name of the source; empty: the file's name without extension.
        replace: remove or change answers that an earlier import of the source brought.
        columns: name -> the file's column with it, where that is another.

    Returns:
        Counts of the pairs, of their images, of the rows dropped for an unknown image or class, and of the rows that
        came again (repeated).

    Raises:
        UsageError: the file cannot be read, a row is malformed, two rows contradict each other, no row can be used,
            or the import would remove or change answers.
        RegroundError: the workspace has no images.
    """
    workspace.require("images", "index IMAGES")
    source = source or path.stem
    gold = _read_file(workspace, path, source, columns)
    if not replace:
        stored = [workspace.read_part(part.path) for entry, part in workspace.parts("gold") if entry.shard == source]
        for table in stored:
            kind = f"known answers of the source '{source}'"
            check_replacement(table.to_pandas(), [pd.DataFrame(gold.rows)], kind, "name another --source")
    output = Output({"gold": gold.rows, "dropped": gold.dropped})
    workspace.commit(STAGE, source, digest(source, str(gold.rows), str(gold.dropped)), output)
    log_drops(path, gold.dropped)
    num_images = len({row["image_id"] for row in gold.rows})
    return {"pairs": len(gold.rows), "images": num_images, "dropped": len(gold.dropped), "repeated": gold.repeated}


def read_gold(workspace: Workspace) -> dict[Pair, str]:
    """Pair of image and label -> yes or no; of several sources, the first by name wins."""
    table = workspace.read("gold").sort_values("source", ascending=False, kind="stable")
    pairs = zip(table["image_id"], table["class_idx"].astype(int), table["answer"], strict=True)
    return {(ImageId(str(image_id)), ClassIdx(label)): str(answer) for image_id, label, answer in pairs}


def gold_sources(workspace: Workspace) -> dict[str, int]:
    """Source of known answers -> number of pairs, by name."""
    return {entry.shard: part.rows for entry, part in workspace.parts("gold")}


def remove_gold(workspace: Workspace, source: str) -> int:
    """Remove the known answers that an import brought; returns their number.

    Raises:
        UsageError: no import brought answers of this source.
    """
    sources = gold_sources(workspace)
    if source not in sources:
        raise unknown("source of known answers", source, sources)
    workspace.retire(STAGE, sources.keys() - {source})
    return sources[source]


@dataclass(frozen=True)
class GoldPool:
    """Images to draw gold questions from.

    Attributes:
        labels: image_id -> labels of its question: its candidates, and the labels with a known answer.
        rate: share of an annotator's questions that are gold, 0 to below 1.
        round_number: of the round.
        seed: of the draw, and of the order of labels.
    """

    labels: Mapping[ImageId, Collection[ClassIdx]]
    rate: float
    round_number: int
    seed: int


def gold_pool(workspace: Workspace, rate: float, round_number: int, seed: int) -> GoldPool:
    """The workspace's gold for one round.

    Args:
        workspace: with ``gold``.
        rate: share of questions whose answer is known, from 0 to below 1.
        round_number: of the round.
        seed: of which questions these are.
    """
    gold = read_gold(workspace)
    image_ids = set(workspace.read("images", ["image_id"])["image_id"]) if gold else set()
    labels: dict[ImageId, set[ClassIdx]] = defaultdict(set)
    for image_id, label in gold:
        if image_id in image_ids:
            labels[image_id].add(label)
    if not labels:
        return GoldPool({}, rate, round_number, seed)
    candidates = workspace.read("candidates", ["image_id", "class_idx"])
    candidates = candidates[candidates["image_id"].isin(labels)]
    for image_id, label in zip(candidates["image_id"], candidates["class_idx"], strict=True):
        labels[ImageId(str(image_id))].add(ClassIdx(int(label)))
    return GoldPool(dict(labels), rate, round_number, seed)


def draw_gold_questions(pool: GoldPool, questions: Sequence[Question]) -> list[Question]:
    """Gold questions to add, so that the gold rate holds.

    Args:
        pool: see `GoldPool`.
        questions: an annotator's other questions of the round.
    """
    image_ids = {question.image_ids[0] for question in questions}
    num_gold = len(image_ids & pool.labels.keys())
    count = round(pool.rate / (1 - pool.rate) * (len(image_ids) - num_gold)) - num_gold
    if count <= 0:
        return []
    unused = [image_id for image_id in pool.labels if image_id not in image_ids]
    labels = sorted({label for question in questions for label in question.class_idxs})
    median = sorted(len(question.class_idxs) for question in questions)[len(questions) // 2]
    drawn_ids = seeded_shuffle(unused, pool.seed, "gold", pool.round_number)[:count]
    return [_gold_question(pool, image_id, labels, median) for image_id in drawn_ids]


def _gold_question(pool: GoldPool, image_id: ImageId, fillers: Sequence[ClassIdx], num_labels: int) -> Question:
    """A gold question with as many labels as others have: with fewer it would stand out."""
    labels = pool.labels[image_id]
    more = [label for label in seeded_shuffle(fillers, pool.seed, "gold", image_id) if label not in labels]
    options = [*labels, *more[: max(0, num_labels - len(labels))]]
    key = f"{CLASSIFY}:{pool.round_number}:{image_id}"
    return Question(key, (image_id,), tuple(seeded_shuffle(options, pool.seed, image_id)))


@dataclass
class _GoldFile:
    """The rows of a file of known answers, and those left out."""

    rows: list[GoldRow] = field(default_factory=list[GoldRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    repeated: int = 0


def _read_file(workspace: Workspace, path: Path, source: str, columns: Mapping[str, str]) -> _GoldFile:
    images = ImageMatcher(set(workspace.read("images", ["image_id"])["image_id"]))
    classes: Any = workspace.read("classes").to_dict("records")
    index = label_index(classes)
    gold = _GoldFile()
    first: dict[Pair, tuple[int, str]] = {}
    for line, cells in read_text_table(path, GOLD_COLUMNS, (), columns):
        location, item = f"{path}, {unit(path)} {line}", f"{path.name}, {unit(path)} {line}"
        answer = ANSWER_WORDS.get(cells["answer"].lower())
        if answer not in (YES, NO):
            raise unknown(f"answer ({location})", cells["answer"], (YES, NO))
        try:
            pair = images.match(cells["image_id"]), ClassIdx(int(resolve_label(cells["class"], index)))
        except (ImageMatchError, LabelError) as error:
            is_image = isinstance(error, ImageMatchError)
            reason = DropReason.IMAGE_UNKNOWN if is_image else DropReason.LABEL_UNKNOWN
            gold.dropped.append(dropped_row(STAGE, item, reason, str(error)))
            continue
        first_line, first_answer = first.setdefault(pair, (line, answer))
        if first_answer != answer:
            raise UsageError(
                f"{location}: answers {answer} to {cells['class']} in {pair[0]}, but {unit(path)} {first_line} answers "
                "the opposite: keep one of the two."
            )
        if first_line == line:
            gold.rows.append({"image_id": pair[0], "class_idx": pair[1], "answer": answer, "source": source})
        else:
            gold.repeated += 1
    images.check_folders(str(path))
    check_rows_left(path, f"one known answer a {unit(path)}", len(gold.rows), gold.dropped)
    return gold
