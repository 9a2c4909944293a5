"""What was asked and answered, in bulk: votes as indices into pairs of image and label.

Some million votes fit: text is held once, and the arithmetic is on whole columns.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.collect.annotators import ANONYMOUS
from reground.tasks.schema import arrow_schema_subset
from reground.tasks.workspace import Workspace

CONTAINS, CLASSIFY = "contains", "classify"
ANSWERS: Final = ("no", "maybe", "yes")
COLUMNS: Final = ("image_id", "class_idx", "annotator_id", "answer", "question", "source")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """V votes on P pairs of image and label.

    Attributes:
        image_ids: of the images with votes, each once, in order.
        image: ``(P,)`` index into image_ids of each pair; pairs are ordered by image, then label.
        label: ``(P,)`` class_idx of each pair.
        pair: ``(V,)`` index of the pair voted on.
        annotator: ``(V,)`` index of who voted; the anonymous of a source and question count as one.
        answer: ``(V,)`` index into `ANSWERS`.
        contains: ``(V,) bool``, asked in a grid of images, one label at a time.
        source: ``(V,)`` index into sources.
        sources: names.
    """

    image_ids: list[str]
    image: Ints
    label: Ints
    pair: Ints
    annotator: Ints
    answer: Ints
    contains: npt.NDArray[np.bool_]
    source: Ints
    sources: list[str]

    def starts(self) -> Ints:
        """``(images + 1,)``: where each image's pairs begin and the last one's end."""
        return np.searchsorted(self.image, np.arange(len(self.image_ids) + 1))


def read(workspace: Workspace, without: Collection[str] = (), excluded: Collection[str] = ()) -> Asked:
    """All votes but those of the sources in ``without`` and of the annotators in ``excluded``."""
    return arrange(columns(workspace, COLUMNS, without, excluded))


def columns(
    workspace: Workspace, names: Collection[str], without: Collection[str] = (), excluded: Collection[str] = ()
) -> pa.Table:
    """Some columns (``source`` and ``annotator_id`` among them) of the votes that `read` reads."""
    chosen = list(dict.fromkeys(names))
    parts = [workspace.read_part(part.path, chosen) for _, part in workspace.parts("votes")]
    whole = pa.concat_tables([arrow_schema_subset("votes", chosen).empty_table(), *parts])
    for column, left_out in (("source", without), ("annotator_id", excluded)):
        if left_out:
            whole = whole.filter(~pc.field(column).isin(pa.array(sorted(left_out), pa.string())))
    return whole


def arrange(votes: pa.Table) -> Asked:
    """Rows of ``votes`` (`COLUMNS` will do) as indices."""
    image, image_ids = _codes(votes["image_id"])
    label = votes["class_idx"].to_numpy().astype(np.int64)
    width = int(label.max(initial=0)) + 2
    pairs, pair = np.unique(image * width + label + 1, return_inverse=True)  # a label may be -1
    answer, answers = _codes(votes["answer"])
    question, questions = _codes(votes["question"])
    source, sources = _codes(votes["source"])
    return Asked(
        image_ids=image_ids,
        image=pairs // width,
        label=pairs % width - 1,
        pair=pair.astype(np.int64),
        annotator=_annotators(votes["annotator_id"], question, len(questions)),
        answer=np.array([ANSWERS.index(name) for name in answers], np.int64)[answer],
        contains=np.array([name == CONTAINS for name in questions], np.bool_)[question],
        source=source,
        sources=sources,
    )


def _annotators(ids: Any, question: Ints, questions: int) -> Ints:
    """One index a person; the anonymous of a source share one for each kind of question."""
    codes, names = _codes(ids)
    known = [name if f":{ANONYMOUS}" not in name else name.partition(":")[0] for name in names]
    shared = np.array([f":{ANONYMOUS}" in name for name in names], np.bool_)
    _, person = np.unique(np.array(known, object), return_inverse=True)
    who = person[codes] * (questions + 1) + np.where(shared[codes], question + 1, 0)
    return np.unique(who, return_inverse=True)[1].astype(np.int64)


def _codes(column: Any) -> tuple[Ints, list[Any]]:
    """Indices into the sorted distinct values, and these."""
    encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
    values: list[str] = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return rank[codes] if len(values) else np.zeros(0, np.int64), [values[n] for n in order]
