"""Control images: a few in each CONTAINS grid whose answer is known, to tell attention from guessing.

Reads ``gold``, ``truth``, ``candidates``, ``images``; writes ``controls``. Source: Recht et al. 2019,
appendix C (three positive and three negative controls among 48 images). Nothing on the screen or in
a task's data tells them apart. An answer on one is no vote: which images are controls follows from
earlier votes, so that counting them again would only confirm these.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from reground.annotations.rounds.questions import Question, shuffled
from reground.tasks.schema import SETTLED, ClassIdx, ImageId
from reground.tasks.workspace import Output, Workspace, digest

STEP: Final = "review-controls"
SURE: Final = 0.9
"""Confidence from which on a label surely holds; below 1 - SURE it surely does not."""
PEOPLE: Final = 3
"""Who must have judged a pair for that."""

TRUTH: Final = ("image_id", "judged", "confidence", "shown", "status")

Pair = tuple[ImageId, ClassIdx]


@dataclass(frozen=True)
class Pools:
    """Where controls are drawn from.

    Attributes:
        yes: label -> images that surely have it.
        no: label -> images that surely lack it, though somebody or some model thought of it.
        clear: images whose labels are settled, in an order drawn from the seed.
        possible: pairs that are candidates or were judged: no clear image is a control for these.
    """

    yes: Mapping[ClassIdx, Sequence[ImageId]] = field(default_factory=dict[ClassIdx, Sequence[ImageId]])
    no: Mapping[ClassIdx, Sequence[ImageId]] = field(default_factory=dict[ClassIdx, Sequence[ImageId]])
    clear: Sequence[ImageId] = ()
    possible: Collection[Pair] = frozenset()


def pools(workspace: Workspace, seed: int) -> Pools:
    """The controls that the workspace's gold and truth allow, of images at hand."""
    at_hand = set(workspace.read("images", ["image_id"])["image_id"])
    known = {pair: answer for pair, answer in gold(workspace).items() if pair[0] in at_hand}
    yes, no = _by_label(known, "yes"), _by_label(known, "no")
    possible = set(known)
    clear: list[ImageId] = []
    for row in workspace.read("truth", TRUTH).to_dict("records"):
        image_id = row["image_id"]
        possible.update((image_id, int(label)) for label in row["judged"])  # type: ignore[misc]
        if row["status"] not in SETTLED or image_id not in at_hand:
            continue
        clear.append(image_id)
        for label, confidence, people in zip(row["judged"], row["confidence"], row["shown"], strict=True):
            if people >= PEOPLE and (image_id, int(label)) not in known:
                if confidence >= SURE:
                    yes[ClassIdx(int(label))].append(image_id)
                elif confidence <= 1 - SURE:
                    no[ClassIdx(int(label))].append(image_id)
    candidates = workspace.read("candidates", ["image_id", "class_idx"])
    possible.update(zip(candidates["image_id"], candidates["class_idx"].astype(int), strict=True))  # type: ignore[arg-type]
    order = np.random.default_rng(seed).permutation(len(clear))
    return Pools(yes, no, [clear[n] for n in order], possible)


def gold(workspace: Workspace) -> dict[Pair, str]:
    """Pair of image and label -> yes or no; of several sources the first by name counts."""
    table = workspace.read("gold").sort_values("source", ascending=False, kind="stable")
    pairs = zip(table["image_id"], table["class_idx"].astype(int), table["answer"], strict=True)
    return {(ImageId(str(image_id)), ClassIdx(label)): str(answer) for image_id, label, answer in pairs}


def add(
    question: Question, drawn_from: Pools, positive: int, negative: int, asked: Collection[ImageId], seed: int
) -> tuple[Question, list[dict[str, Any]]]:
    """A grid with controls among its images.

    Args:
        question: CONTAINS, without controls.
        drawn_from: see `Pools`.
        positive: images wanted that surely have the label.
        negative: images wanted that surely lack it.
        asked: images that are really asked about under this label in the round: none of them is a control.
        seed: of the draw and of the places in the grid.

    Returns:
        The question with as many controls as there are, and their rows of ``controls``.
    """
    label = question.class_idxs[0]
    about = (seed, "control", question.subject)
    free_yes = [i for i in drawn_from.yes.get(label, ()) if i not in asked]
    free_no = [i for i in drawn_from.no.get(label, ()) if i not in asked]
    chosen_yes = shuffled(free_yes, *about)[:positive]
    chosen_no = shuffled(free_no, *about)[: (negative + 1) // 2]  # the rest are easy ones, if there are any
    chosen_no += list(_clear(drawn_from, label, asked, about, negative - len(chosen_no)))
    chosen_no += [i for i in shuffled(free_no, *about) if i not in chosen_no][: negative - len(chosen_no)]
    answers = {**dict.fromkeys(chosen_yes, "yes"), **dict.fromkeys(chosen_no, "no")}
    shown = tuple(shuffled([*question.image_ids, *answers], *about))
    rows = [
        {"key": question.subject, "image_id": image_id, "class_idx": int(label), "answer": answer}
        for image_id, answer in answers.items()
    ]
    return replace(question, image_ids=shown), rows


def write(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    """Commit the controls of a batch, before it goes out: its tasks do not say which images they are."""
    if rows:
        key = digest(json.dumps(list(rows)))
        workspace.commit(STEP, key[:16], key, Output({"controls": list(rows)}))


def read(workspace: Workspace) -> dict[str, dict[ImageId, str]]:
    """Subject of a question -> the known answer of each control image in it."""
    found: dict[str, dict[ImageId, str]] = defaultdict(dict)
    for row in workspace.read("controls").to_dict("records"):
        found[str(row["key"])][ImageId(str(row["image_id"]))] = str(row["answer"])
    return dict(found)


def forget_unasked(workspace: Workspace, subjects: Collection[str]) -> None:
    """Drop the controls of batches that never went out.

    Args:
        workspace: whose ledger agrees with Label Studio.
        subjects: of all questions that are out.
    """
    keep = {
        entry.shard
        for entry, part in workspace.parts("controls")
        if any(key in subjects for key in workspace.read_part(part.path, ["key"])["key"].to_pylist())
    }
    workspace.retire(STEP, keep)


def _clear(
    drawn_from: Pools, label: ClassIdx, asked: Collection[ImageId], about: tuple[Any, ...], wanted: int
) -> Iterator[ImageId]:
    """Images with settled labels of which nobody thought that this is one."""
    size = len(drawn_from.clear)
    start = int(digest(*map(str, about))[:12], 16)
    for step in range(size):
        if wanted <= 0:
            return
        image_id = drawn_from.clear[(start + step) % size]
        if image_id not in asked and (image_id, label) not in drawn_from.possible:
            wanted -= 1
            yield image_id


def _by_label(known: Mapping[Pair, str], wanted: str) -> dict[ClassIdx, list[ImageId]]:
    found: dict[ClassIdx, list[ImageId]] = defaultdict(list)
    for (image_id, label), answer in sorted(known.items()):
        if answer == wanted:
            found[label].append(image_id)
    return found
