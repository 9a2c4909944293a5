"""Export: truth, or the variants -> files that others' code reads.

One module a format (``tasks.export_*``), each read back by the library it is meant for in
``tests/test_export_*``. An export is written beside its destination and renamed into place, so what
stands there is whole. Every export has a ``DATA_CARD.md`` that says where what is in it came from,
and ``left_out.csv`` where it lacks something.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.export.coco import coco
from reground.tasks.export.croissant import croissant
from reground.tasks.export.data_card import data_card, front_matter
from reground.tasks.export.dataset import Dataset, load, missing
from reground.tasks.export.fiftyone import fiftyone
from reground.tasks.export.imagefolder import imagefolder
from reground.tasks.export.imagenet9 import imagenet9
from reground.tasks.export.imagenet_multilabel import imagenet_multilabel
from reground.tasks.export.parquet import parquet
from reground.tasks.export.real import real
from reground.tasks.export.webdataset import webdataset
from reground.tasks.plugins import Registry
from reground.tasks.workspace import Workspace, lock

CARD: Final = "DATA_CARD.md"
PARTIAL, LOCK = ".partial", ".lock"
"""Endings of a folder that is being written, beside the destination, and of its lock."""
LEFT_OUT: Final = "left_out.csv"

Write = Callable[[Dataset, Path], None]
"""Writes a format below an empty folder."""

LABELS: Final[dict[str, Write]] = {"real": real, "imagenet-multilabel": imagenet_multilabel}
"""Formats of labels alone: photographs need not be at hand."""
PICTURES: Final[dict[str, Write]] = {
    "imagefolder": imagefolder,
    "parquet": parquet,
    "webdataset": webdataset,
    "croissant": croissant,
    "coco": coco,
    "fiftyone": fiftyone,
}
"""Formats that hold the photographs too."""


def _of_truth(to_format: str, write: Write, pictures: bool) -> Callable[[Workspace, Path], str]:
    """A format that shows the truth."""

    def exporter(workspace: Workspace, out: Path) -> str:
        data = load(workspace)
        if pictures:
            _need_photographs(data, to_format)
        write(data, out)
        if data.left_out.rows:
            with (out / LEFT_OUT).open("w", newline="", encoding="utf-8") as handle:
                csv.writer(handle).writerows([("image_id", "reason"), *data.left_out.rows])
        return data_card(data, to_format)

    return exporter


def _of_variants(workspace: Workspace, out: Path) -> str:
    card = imagenet9(workspace, out)
    return front_matter("imagenet9", sum(part.rows for _, part in workspace.parts("foregrounds")), [], {}) + card


FORMATS: Final[dict[str, Callable[[Workspace, Path], str]]] = {
    **{name: _of_truth(name, write, pictures=False) for name, write in LABELS.items()},
    **{name: _of_truth(name, write, pictures=True) for name, write in PICTURES.items()},
    "imagenet9": _of_variants,
}
"""Name -> what writes it into an empty folder and returns its data card."""


@dataclass(frozen=True)
class Exporter:
    """A format of the truth.

    Attributes:
        write: writes it below an empty folder.
        photographs: it holds the photographs: images without one are listed as left out.
    """

    write: Write
    photographs: bool = False


def _check_exporter(target: Any) -> Exporter:
    if isinstance(target, Exporter):
        return target
    if not callable(target):
        raise TypeError(f"expected a function (dataset, folder) or an Exporter, got {type(target).__name__}")
    return Exporter(cast("Write", target))


REGISTRY: Final = Registry("reground.exports", "export format", FORMATS, _check_exporter)
"""Further formats, of plugins; a plain function writes a format of labels alone."""


def _format(to_format: str) -> Callable[[Workspace, Path], str]:
    REGISTRY.warn()
    if to_format in FORMATS:
        return FORMATS[to_format]
    plugin = REGISTRY.find(to_format)
    exporter = REGISTRY.load(plugin)
    return _of_truth(f"{plugin.name} ({plugin.origin})", exporter.write, exporter.photographs)


def export(workspace: Workspace, to_format: str, out: Path) -> Path:
    """Write one export.

    Raises:
        UsageError: no such format, or ``out`` is no place for one.
        RegroundError: the plugin of that name cannot be imported, a table is not made yet, an image gone or
            changed, or the disk is full; ``out`` is not made.
    """
    write = _format(to_format)
    _check_place(workspace, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PARTIAL, dir=out.parent))
    lock_file = temporary.with_name(temporary.name + LOCK)
    try:
        with lock.hold(lock_file, "reground export", wait=False):
            card = write(workspace, temporary)
            (temporary / CARD).write_text(card, encoding="utf-8")
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
    return out


def _sweep(out: Path) -> None:
    """Remove what killed exports to ``out`` left beside it; one that still runs holds its lock."""
    for stale in list(out.parent.iterdir()):
        if stale.name.startswith(f".{out.name}.") and stale.name.endswith(PARTIAL):
            lock_file = stale.with_name(stale.name + LOCK)
            with contextlib.suppress(RegroundError), lock.hold(lock_file, "reground export", wait=False):
                shutil.rmtree(stale, ignore_errors=True)
                lock_file.unlink(missing_ok=True)


def _check_place(workspace: Workspace, out: Path) -> None:
    """Raises:
    UsageError: there is something already, or the next `reground index` would take it for images.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"expected a new or an empty folder, but {out} has content: remove it or name another folder.")
    place = out.resolve()
    if workspace.is_local and place.is_relative_to(Path(workspace.root).resolve()):
        for owned in ("manifest", "tables", "files"):
            if place.is_relative_to(Path(workspace.path(owned)).resolve()):
                raise UsageError(f"expected a folder outside {workspace.path(owned)}, which is the workspace's own.")
        return
    for folder in _folders_of_images(workspace):
        if place.is_relative_to(folder):
            raise UsageError(
                f"expected a folder outside {folder}, whose images are indexed: they would be indexed again "
                f"from {out}. Name another folder."
            )


def _folders_of_images(workspace: Workspace) -> set[Path]:
    """Where images lie, and the folder that was indexed; where that is not known, what holds several of the former."""
    folders: set[Path] = set()
    for _, part in workspace.parts("images"):
        uris = workspace.read_part(part.path, ["uri"])["uri"].to_pylist()
        folders |= {Path(uri).parent.resolve() for uri in uris}
    images = workspace.settings_of("index").get("images", "")
    indexed = Path(images).resolve()
    if images and indexed.exists():
        return folders | {indexed} if indexed.is_dir() else folders  # else a listing, which names its images
    parents = Counter(folder.parent for folder in folders)
    return folders | {folder for folder, count in parents.items() if count > 1}


def _need_photographs(data: Dataset, to_format: str) -> None:
    """Write down which images have none.

    Raises:
        RegroundError: none has.
    """
    if len(data.truth) and not len(data.images):
        raise RegroundError(
            f"{to_format} holds photographs, and none are indexed in {data.workspace.url}: run `reground index IMAGES` "
            f"and `reground truth`, or take a format of labels alone: {', '.join(LABELS)}."
        )
    for image_id in missing(data.truth, data.images):
        data.left_out.add(image_id, "no photograph at hand")
