"""What every reader of published votes shares: the vocabulary, what ids are known, rows in bulk."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reground.tasks.errors import UsageError
from reground.tasks.images import load_classes
from reground.tasks.schema import ClassRow, DroppedRow, DropReason, arrow_schema, dropped_row
from reground.tasks.votes import ANONYMOUS
from reground.tasks.workspace import Output, digest

STAGE: Final = "votes-import"
IMAGENET_ID: Final = re.compile(r"ILSVRC2012_val_(\d{8})")
IMAGENET_SIZE: Final = 50_000
IMAGENET_CLASSES: Final = 1000

VOTE: Final = tuple(arrow_schema("votes").names)


class Vocabulary:
    """The workspace's classes, and where ImageNet's lie among them (by WordNet id)."""

    def __init__(self, classes: Sequence[ClassRow]) -> None:
        self.classes = classes
        own = {wnid: int(row["class_idx"]) for row in classes for wnid in row["wnids"]}
        self.wnids = [str(row["wnids"][0]) for row in load_classes()]
        self.of_imagenet: npt.NDArray[np.int32] = np.array([own.get(wnid, -1) for wnid in self.wnids], np.int32)
        """``(1000,)``: ImageNet's index -> index into classes; -1: the workspace lacks the class."""
        self.digest = digest(json.dumps([[row["class_idx"], list(row["wnids"]), row["name"]] for row in classes]))

    def check(self, labels: npt.NDArray[Any], where: str) -> None:
        """Raises:
        UsageError: a label is no index of ImageNet's classes.
        """
        strange = np.unique(labels[(labels < 0) | (labels >= IMAGENET_CLASSES)])
        if len(strange):
            raise UsageError(
                f"{where}: expected labels to be indices of ImageNet's classes, 0 to {IMAGENET_CLASSES - 1}, "
                f"found {', '.join(map(str, strange[:5]))}."
            )

    def check_wnids(self, wnids: Sequence[tuple[int, str]], where: str) -> None:
        """Hold (index, WordNet id) pairs of a source against ImageNet's vocabulary.

        Raises:
            UsageError: they disagree; says where first.
        """
        for idx, wnid in wnids:
            known = self.wnids[idx] if 0 <= idx < len(self.wnids) else "no class"
            if known != wnid:
                raise UsageError(
                    f"{where}: calls class {idx} {wnid}, but ImageNet's class {idx} is {known}. Another vocabulary "
                    "cannot be imported under ImageNet's indices; give the labels by WordNet id with --format csv."
                )


@dataclass(frozen=True)
class Piece:
    """A shard of an import, made only where the workspace lacks it.

    Attributes:
        name: unique within the source, usable as a file name.
        stamp: digest of everything it is made from.
        make: its rows of ``votes``, ``originals`` and ``dropped``.
    """

    name: str
    stamp: str
    make: Callable[[], Output]


@dataclass
class Gathered:
    """Rows of one piece, gathered one by one."""

    source: str
    wnids: Sequence[str]
    votes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in VOTE})
    originals: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    lacking: Counter[int] = field(default_factory=Counter[int])

    def vote(self, **cells: Any) -> None:
        """One row of ``votes``; what is not given is as for votes that nobody here collected."""
        unsaid = {"round": 0, "main": False, "num_objects": None, "seconds": None, "at": None, "source": self.source}
        row = {**unsaid, **cells}
        for name, column in self.votes.items():
            column.append(row[name])

    def original(self, image_id: str, class_idx: int | None, routing: str | None = None) -> None:
        self.originals.append(original(self.source, image_id, class_idx, routing))

    def drop(self, item: str, reason: DropReason, detail: str) -> None:
        self.dropped.append(drop(item, reason, detail))

    def output(self) -> Output:
        dropped = [*self.dropped, *lacking(self.source, self.wnids, self.lacking)]
        votes = pa.table(self.votes, schema=arrow_schema("votes"))
        return Output({"votes": votes, "originals": self.originals, "dropped": dropped})


def original(source: str, image_id: str, class_idx: int | None, routing: str | None = None) -> dict[str, Any]:
    """A row of ``originals``; ``class_idx`` -1: a class that the workspace lacks."""
    known = None if class_idx is None or class_idx < 0 else int(class_idx)
    return {"image_id": image_id, "class_idx": known, "routing": routing, "source": source}


def drop(item: str, reason: DropReason, detail: str) -> DroppedRow:
    """A row of ``dropped``."""
    return dropped_row(STAGE, item, reason, detail)


def lacking(source: str, wnids: Sequence[str], counts: Mapping[int, int]) -> list[DroppedRow]:
    """Rows of ``dropped`` for votes on classes of ImageNet that the workspace lacks, one a class."""
    return [
        drop(f"{source}: {wnids[idx]}", DropReason.LABEL_UNKNOWN, f"{count:,} votes on a class that is not in here")
        for idx, count in sorted(counts.items())
    ]


def stamp(*paths: Path) -> str:
    """A digest of files' bytes."""
    return digest(*(hashlib.sha256(read(path)).hexdigest() for path in paths))


def read(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected the published file {path}: {error.strerror or error}.") from error


def image_id_of(path: str) -> str:
    """The id that a published path or name of a validation image gives.

    Raises:
        UsageError: it names none of the 50,000.
    """
    stem = PurePosixPath(path).stem
    if not is_imagenet_id(stem):
        raise UsageError(f"expected the name of an ImageNet validation image (ILSVRC2012_val_00000001), found '{path}'")
    return stem


def is_imagenet_id(image_id: str) -> bool:
    """Whether it names one of the 50,000 validation images."""
    found = IMAGENET_ID.fullmatch(image_id)
    return bool(found) and 1 <= int(found[1]) <= IMAGENET_SIZE


def imagenet_originals() -> list[int]:
    """ImageNet's class index of every validation image, in the order of their numbers."""
    text = resources.files("reground.tasks.vocabularies").joinpath("imagenet_validation.txt").read_text()
    return [int(line) for line in text.split()]


def anonymous(source: str, who: str) -> str:
    """The annotator_id of somebody whom nothing else is known of."""
    return f"{source}{ANONYMOUS}-{who}"


def imagenet_id(number: int) -> str:
    """The id of a validation image by its number, 1 to 50,000."""
    return f"ILSVRC2012_val_{number:08d}"
