"""Import of reference truths: ``reground truth import``.

Reads ``classes`` and the tables that name images; writes ``references``, ``reference_truths/NAME``,
``reference_classes/NAME``, ``dropped`` and, if there are none, ``classes`` (ImageNet's). Importing again under the same
name replaces that reference truth alone. The numbers of ``evaluation`` and ``comparison`` by a reference truth go with
it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reground.annotations.published import commit_classes, is_imagenet_id
from reground.annotations.references.class_map import ClassCoverage, ClassMatcher, read_class_map
from reground.annotations.references.formats import read_published
from reground.annotations.references.rows import STAGE, RowBuilder
from reground.tasks.errors import UsageError, unknown
from reground.tasks.evaluation import discard_reference
from reground.tasks.images import load_classes, read_original_labels
from reground.tasks.imports import ImageMatcher
from reground.tasks.references import ORIGINAL, OWN, reference_names
from reground.tasks.schema import ClassRow, DroppedRow, ReferenceRow, ReferenceTruthRow
from reground.tasks.workspace import Output, Workspace, digest

VERSION: Final = 1
RESERVED: Final = (ORIGINAL, OWN, "none", "all")
MAX_REASONS: Final = 3


@dataclass(frozen=True)
class ReferenceOptions:
    """How a file is read.

    Attributes:
        format: one of `reground.annotations.references.FORMATS`; empty: detected.
        classes: table with the columns theirs and ours that maps its classes; None: by WordNet id, name and index.
        columns: of a table: image_id, label, confidence, xmin, ymin, xmax or ymax -> the file's column with it.
        min_confidence: smallest confidence of a label that holds, 0 to 1; labels without one hold.
        ignore_unknown: leave out labels of classes that the workspace lacks; otherwise their images are left out,
            because their labels are not all known.
    """

    format: str = ""
    classes: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    min_confidence: float = 0.0
    ignore_unknown: bool = False


@dataclass(frozen=True)
class ReferenceImport:
    """What an import did.

    Attributes:
        reference: the row of ``references``.
        replaced: the row of the same name before; None: there was none.
        coverage: of the classes of the file.
        reasons: the first reasons for which something was left out, one of each kind.
    """

    reference: ReferenceRow
    replaced: ReferenceRow | None
    coverage: ClassCoverage
    reasons: Sequence[str]


def import_reference(
    workspace: Workspace, name: str, path: Path, options: ReferenceOptions | None = None
) -> ReferenceImport:
    """Import labels that others publish as a reference truth.

    Args:
        workspace: may be new, and may have no images; then any image is accepted.
        name: of the reference truth.
        path: a file in one of the formats, or a folder laid out as MadryLab/ImageNetMultiLabel.
        options: how it is read.

    Raises:
        UsageError: a name that is not valid, a file that is missing, malformed or contradicts itself, or nothing in it
            that can be used. Nothing is changed then.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    options = options or ReferenceOptions()
    _check_name(name)
    if not 0 <= options.min_confidence <= 1:
        raise UsageError(f"expected a smallest confidence from 0 to 1, got {options.min_confidence:g}")
    classes: list[ClassRow] = workspace.read("classes").to_dict("records") or load_classes()  # type: ignore[assignment]
    format_name, published = read_published(path, options.format, options.columns, options.classes is not None)
    class_map = read_class_map(options.classes, classes) if options.classes else None
    matcher = ClassMatcher(classes, class_map, published.numbers)
    image_ids = read_original_labels(workspace).index.tolist()
    images = ImageMatcher(image_ids or None, is_imagenet_id)
    builder = RowBuilder(name, images, matcher, options.min_confidence, options.ignore_unknown)
    for label in published.classes:
        matcher.add(label)
    for entry in published.entries(builder.report):
        builder.add(entry)
    rows, dropped = builder.rows(), builder.dropped()
    reasons = _first_reasons(dropped)
    if not any(row["labels"] for row in rows):
        raise _nothing_usable(path, builder.entries, reasons, matcher.coverage())
    reference: ReferenceRow = {
        "name": name,
        "format": format_name,
        "file": ", ".join(file.name for file in published.files),
        "sha256": " ".join(map(_sha256, published.files)),
        "classes_file": options.classes.name if options.classes else "",
        "classes_sha256": _sha256(options.classes) if options.classes else "",
        "images": len(rows),
        "empty": sum(not row["labels"] for row in rows),
        "labels": sum(len(row["labels"]) for row in rows),
        "dropped": len(dropped),
    }
    before = _reference(workspace, name)
    _commit(workspace, name, reference, rows, matcher, dropped)
    return ReferenceImport(reference, before, matcher.coverage(), reasons)


def remove_reference(workspace: Workspace, name: str) -> ReferenceRow:
    """Remove a reference truth; returns its row of ``references``.

    Raises:
        UsageError: there is none of this name; the message lists all.
    """
    reference = _reference(workspace, name)
    if reference is None:
        raise unknown("reference truth", name, reference_names(workspace))
    discard_reference(workspace, name)
    workspace.discard(STAGE, name)
    return reference


def references(workspace: Workspace) -> list[ReferenceRow]:
    """The reference truths of a workspace, by name."""
    return workspace.read("references").to_dict("records")  # type: ignore[return-value]


def _reference(workspace: Workspace, name: str) -> ReferenceRow | None:
    return next((row for row in references(workspace) if row["name"] == name), None)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", name) or name in RESERVED:
        raise UsageError(
            f"expected a name of letters, digits, dots, dashes and underscores that begins with a letter, and none of "
            f"{', '.join(RESERVED)}, got '{name}'"
        )


def _commit(
    workspace: Workspace,
    name: str,
    reference: ReferenceRow,
    rows: list[ReferenceTruthRow],
    matcher: ClassMatcher,
    dropped: list[DroppedRow],
) -> None:
    commit_classes(workspace)
    tables = {
        "references": [reference],
        f"reference_truths/{name}": rows,
        f"reference_classes/{name}": matcher.rows(),
        "dropped": dropped,
    }
    key = digest(str(VERSION), name, json.dumps(tables, sort_keys=True))
    before = workspace.entry(STAGE, name)
    if before is None or before.key != key:
        discard_reference(workspace, name)
        workspace.commit(STAGE, name, key, Output(tables))


def _first_reasons(dropped: Sequence[DroppedRow]) -> list[str]:
    """The first detail of each reason."""
    first: dict[str, str] = {}
    for row in dropped:
        first.setdefault(row["reason"], row["detail"])
    return [*first.values()][:MAX_REASONS]


def _nothing_usable(path: Path, entries: int, reasons: Sequence[str], coverage: ClassCoverage) -> UsageError:
    missing = ", ".join(list(coverage.missing)[:MAX_REASONS])
    hint = f"; classes without a match: {missing} (map them with --classes)" if missing else ""
    return UsageError(
        f"{path}: expected labels of images and classes of this workspace, but none of its {entries:,} entries can be "
        f"used: {'; '.join(reasons) or 'no label holds'}{hint}"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
