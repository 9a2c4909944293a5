"""Export: truth, or the variants -> files that others' code reads.

One module a format (``tasks.export_*``), each read back by the library it is meant for in
``tests/test_export_*``. An export is written beside its destination and renamed into place, so what
stands there is whole. Every export has a ``DATA_CARD.md`` that says where what is in it came from, ``states.csv``
that says which labels people settled, and ``left_out.csv`` where it lacks something.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.export.coco import coco
from reground.tasks.export.croissant import croissant
from reground.tasks.export.data_card import STATES, data_card, front_matter
from reground.tasks.export.dataset import Dataset, load
from reground.tasks.export.destination import check_destination
from reground.tasks.export.fiftyone import fiftyone
from reground.tasks.export.imagefolder import imagefolder
from reground.tasks.export.imagenet9 import imagenet9
from reground.tasks.export.imagenet_multilabel import imagenet_multilabel
from reground.tasks.export.lineage import COLUMNS as LINEAGE_COLUMNS
from reground.tasks.export.lineage import FILE as LINEAGE
from reground.tasks.export.lineage import lineage
from reground.tasks.export.parquet import parquet
from reground.tasks.export.real import real
from reground.tasks.export.selection import Choice, select
from reground.tasks.export.spreadsheet import escape_csv
from reground.tasks.export.suspects import fields, suspect_notes
from reground.tasks.export.webdataset import webdataset
from reground.tasks.plugins import Registry
from reground.tasks.schema import ImageState
from reground.tasks.suspects import require_kinds
from reground.tasks.votes import count_states, describe_states
from reground.tasks.workspace import Workspace, lock

CARD: Final = "DATA_CARD.md"
PARTIAL, LOCK = ".partial", ".lock"
"""Endings of a folder that is being written, beside the destination, and of its lock."""
LEFT_OUT: Final = "left_out.csv"

Write = Callable[[Dataset, Path], None]
"""Writes a format below an empty folder."""


@dataclass(frozen=True)
class Exporter:
    """A format of the truth.

    Attributes:
        write: writes it below an empty folder.
        photographs: it holds the photographs: images without one are listed as left out.
        labels: it needs a label for every image: settled images with none are listed as left out.
    """

    write: Write
    photographs: bool = False
    labels: bool = True


LABELS: Final = {"real": Exporter(real), "imagenet-multilabel": Exporter(imagenet_multilabel, labels=False)}
"""Formats of labels alone: photographs need not be at hand."""
PICTURES: Final = {
    "imagefolder": Exporter(imagefolder, photographs=True),
    "parquet": Exporter(parquet, photographs=True),
    "webdataset": Exporter(webdataset, photographs=True),
    "croissant": Exporter(croissant, photographs=True),
    "coco": Exporter(coco, photographs=True),
    "fiftyone": Exporter(fiftyone, photographs=True),
}
"""Formats that hold the photographs too."""


@dataclass(frozen=True)
class Content:
    """What an export has.

    Attributes:
        card: its data card.
        states: images of the truth in each state and with each outcome; empty: it does not show the truth.
        left_out: reason -> what it lacks.
        warnings: what is out of date in it.
    """

    card: str
    states: Mapping[str, int]
    left_out: Mapping[str, int]
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Export:
    """An export: its folder, and as in `Content` what it has."""

    folder: Path
    states: Mapping[str, int]
    left_out: Mapping[str, int]
    warnings: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """The same for a person to read."""
        yield f"wrote {self.folder}"
        if self.states:
            yield describe_states(self.states)
        for reason, count in self.left_out.items():
            yield f"left out: {count:,} ({reason})" + (f"; see {LEFT_OUT}" if count else "")
        yield from self.warnings


def _of_truth(to_format: str, exporter: Exporter) -> WriteFormat:
    """A format that shows the truth."""

    def write(workspace: Workspace, out: Path, choice: Choice) -> Content:
        require_kinds(workspace, choice.without_suspects)
        data = load(workspace)
        if exporter.photographs:
            _require_photographs(data, to_format)
        data = select(data, choice, exporter.labels, exporter.photographs)
        data.notes.extend(suspect_notes(data.suspect_kinds, choice.without_suspects, data.truth))
        exporter.write(data, out)
        _write_states(data, out / STATES)
        _write_csv(out / LINEAGE, itertools.chain([LINEAGE_COLUMNS], lineage(data)))
        if data.left_out.rows:
            _write_csv(out / LEFT_OUT, [("image_id", "reason"), *data.left_out.rows])
        warnings = [kind.warning for kind in data.suspect_kinds if kind.warning]
        return Content(data_card(data, to_format), count_states(data.whole), data.left_out.reasons(), warnings)

    return write


def _write_states(data: Dataset, path: Path) -> None:
    columns = ("image_id", "state", "outcome", "original", "labels", "main_label", "main_tied")
    suspects = tuple(fields(data.suspect_kinds))
    cells = (
        (
            image.image_id,
            image.state,
            image.outcome,
            image.original,
            json.dumps(image.labels),
            image.main_label,
            image.main_tied,
            *(image.suspects[name] for name in suspects),
        )
        for image in data
    )
    _write_csv(path, itertools.chain([columns + suspects], cells))


def _write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)


def _of_variants(workspace: Workspace, out: Path, choice: Choice) -> Content:
    if choice != Choice():
        option = "--without-suspects" if choice.only is None else f"--only {choice.only}"
        raise UsageError(f"expected {option} with a format of labels, got imagenet9, which holds the variants.")
    card = imagenet9(workspace, out)
    count = sum(part.rows for _, part in workspace.parts("foregrounds"))
    return Content(front_matter("imagenet9", count, [], {}) + card, {}, {})


WriteFormat = Callable[[Workspace, Path, Choice], Content]
"""Writes a format into an empty folder."""
FORMATS: Final[dict[str, WriteFormat]] = {
    **{name: _of_truth(name, exporter) for name, exporter in (LABELS | PICTURES).items()},
    "imagenet9": _of_variants,
}


def _check_exporter(target: Any) -> Exporter:
    if isinstance(target, Exporter):
        return target
    if not callable(target):
        raise TypeError(f"expected a function (dataset, folder) or an Exporter, got {type(target).__name__}")
    return Exporter(cast("Write", target))


REGISTRY: Final = Registry("reground.exports", "export format", FORMATS, _check_exporter)
"""Further formats, of plugins; a plain function writes a format of labels alone."""


def _format(to_format: str) -> WriteFormat:
    REGISTRY.warn()
    if to_format in FORMATS:
        return FORMATS[to_format]
    plugin = REGISTRY.find(to_format)
    return _of_truth(f"{plugin.name} ({plugin.origin})", REGISTRY.load(plugin))


def export(
    workspace: Workspace,
    to_format: str,
    out: Path,
    only: str = "",
    escape_formulas: bool = False,
    without_suspects: Sequence[str] = (),
) -> Export:
    """Write one export.

    Args:
        workspace: read from.
        to_format: one of `FORMATS`, or of a plugin.
        out: folder to make.
        only: state that images must have, one of `ImageState`; empty: images of every state.
        escape_formulas: in every CSV, put an apostrophe before text that a spreadsheet would run, and show control
            and direction characters; programs then read other keys where keys look like formulas.
        without_suspects: kinds of suspects; flagged images that people have not settled are left out.

    Raises:
        UsageError: no such format, state or kind of suspects, or ``out`` is no place for an export.
        RegroundError: the plugin of that name cannot be imported, a table is not made yet, suspects of a kind were
            not looked for, an image gone or changed, no image is left to export, or the disk is full; ``out`` is not
            made.
    """
    choice = Choice(_state(only), tuple(dict.fromkeys(without_suspects)))
    write = _format(to_format)
    check_destination(workspace, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PARTIAL, dir=out.parent))
    lock_file = temporary.with_name(temporary.name + LOCK)
    try:
        with lock.hold(lock_file, "reground export", wait=False):
            content = write(workspace, temporary, choice)
            (temporary / CARD).write_text(content.card, encoding="utf-8")
            for listing in temporary.rglob("*.csv") if escape_formulas else ():
                escape_csv(listing)
            temporary.chmod(0o755)
            temporary.rename(out)
    except OSError as error:
        raise RegroundError(
            f"cannot export to {out}: {error.strerror or error} ({error.filename or 'while writing'}). "
            "Nothing was left there; make room or bring the image back, then run the same command again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        lock_file.unlink(missing_ok=True)
    return Export(out, content.states, content.left_out, content.warnings)


def _state(name: str) -> ImageState | None:
    if name and name not in tuple(ImageState):
        raise unknown("state of images (--only)", name, tuple(ImageState))
    return ImageState(name) if name else None


def _sweep(out: Path) -> None:
    """Remove what killed exports to ``out`` left beside it; one that still runs holds its lock."""
    for stale in list(out.parent.iterdir()):
        if stale.name.startswith(f".{out.name}.") and stale.name.endswith(PARTIAL):
            lock_file = stale.with_name(stale.name + LOCK)
            with contextlib.suppress(RegroundError), lock.hold(lock_file, "reground export", wait=False):
                shutil.rmtree(stale, ignore_errors=True)
                lock_file.unlink(missing_ok=True)


def _require_photographs(data: Dataset, to_format: str) -> None:
    """Raises:
    RegroundError: no image has any.
    """
    if len(data.truth) and not len(data.images):
        raise RegroundError(
            f"{to_format} holds photographs, and none are indexed in {data.workspace.url}: run `reground index IMAGES` "
            f"and `reground truth`, or take a format of labels alone: {', '.join(LABELS)}."
        )
