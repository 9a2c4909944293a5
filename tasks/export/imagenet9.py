"""The variants in the layout of the released ImageNet-9 data, which its published evaluators read as it is.

Reads ``variants/NAME``, ``foregrounds``, ``groups``, ``classes``, ``masks`` and ``dropped``, one part at a time.
Layout: `reground.tasks.imagenet9.layout`; the published evaluators: MadryLab/backgrounds_challenge.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL
from PIL import Image

from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError
from reground.tasks.export.data_card import bullets
from reground.tasks.imagenet9 import layout
from reground.tasks.images import decode_rgb
from reground.tasks.masks import decode_mask
from reground.tasks.workspace import Workspace, derive_seed

log = logging.getLogger(__name__)

QUALITY: Final = 95
"""Of JPEG, with a colour for every pixel (4:4:4): Pillow's ordinary 75 would halve the colours' resolution."""

_JPEG: Final = b"\xff\xd8\xff"


@dataclass
class ExportCounts:
    """What an export has written so far.

    Attributes:
        images: set -> images in it.
        in_group: group -> images of ``original`` in it.
        sizes: sides of the masks, pixels.
        recoded: images that were no JPEG before.
        one: a row of a mixed set, to tell the base seed by.
    """

    images: Counter[str] = field(default_factory=Counter[str])
    in_group: Counter[int] = field(default_factory=Counter[int])
    sizes: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    recoded: int = 0
    example: tuple[str, str, int] | None = None


def imagenet9(workspace: Workspace, out: Path) -> str:
    """Write every variant and mask; return the data card.

    Raises:
        RegroundError: there are no variants yet, or masks of images that have none.
    """
    for table in ("variants/original", "foregrounds", "groups"):
        workspace.require(table, "variants")
    folders = _class_folders(workspace)
    counts = ExportCounts()
    sets = [name for name in layout.SETS if workspace.parts(f"variants/{name}")]
    for name in (*sets, layout.MASKS):
        for folder in folders.values():
            (out / name / layout.SPLIT / folder).mkdir(parents=True)
    _write_tables(workspace, out)
    with (out / layout.METADATA).open("w", newline="", encoding="utf-8") as handle:
        listing: csv.DictWriter[str] = csv.DictWriter(handle, layout.METADATA_COLUMNS)
        listing.writeheader()
        for name in sets:
            for row in _write_set(workspace, name, folders, out, counts):
                listing.writerow(row)
    _write_masks(workspace, folders, out, counts)
    empty = [folder for group, folder in folders.items() if not counts.in_group[group]]
    if empty:
        log.warning(
            "no images in %s: torchvision's ImageFolder takes them only with allow_empty=True", ", ".join(empty)
        )
    return _card(workspace, folders, counts)


def _class_folders(workspace: Workspace) -> dict[int, str]:
    """Group -> its folder, of every number up to the last: they are counted by their place."""
    groups = workspace.read("groups", ["group", "name"])
    names = dict(zip(groups["group"].tolist(), groups["name"], strict=True))
    count = max(names) + 1
    return {group: layout.class_folder(group, names.get(group, "none"), count) for group in range(count)}


def _write_set(
    workspace: Workspace, name: str, folders: Mapping[int, str], out: Path, counts: ExportCounts
) -> Iterator[dict[str, Any]]:
    """Write the images of one set; yields a row of the metadata for each."""
    for _, part in workspace.parts(f"variants/{name}"):
        rows = workspace.read_part(part.path).to_pylist()
        paths = [f"{name}/{layout.SPLIT}/{folders[row['group']]}/{_stem(row)}{layout.IMAGE}" for row in rows]
        with ThreadPoolExecutor(cores()) as pool:
            contents = pool.map(jpeg, [row["image"]["bytes"] for row in rows])
            for row, path, content in zip(rows, paths, contents, strict=True):
                (out / path).write_bytes(content)
                counts.images[name] += 1
                counts.recoded += content != row["image"]["bytes"]
                counts.in_group[row["group"]] += name == layout.ORIGINAL
                if row["background_id"] is not None:
                    counts.example = (row["image_id"], name, row["seed"])
                yield {"path": path, **{column: row[column] for column in layout.METADATA_COLUMNS[1:]}}


def _stem(row: Mapping[str, Any]) -> str:
    if row["background_id"] is None or row["background_group"] is None:
        return layout.stem(row["image_id"])
    return layout.mixed_stem(row["image_id"], row["background_id"], row["background_group"], row["seed"])


def jpeg(content: bytes) -> bytes:
    """A variant's file as JPEG: the same pixels give the same bytes; what is JPEG already stays as it is."""
    if content.startswith(_JPEG):
        return content
    buffer = io.BytesIO()
    Image.fromarray(decode_rgb(content)).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def _write_masks(workspace: Workspace, folders: Mapping[int, str], out: Path, counts: ExportCounts) -> None:
    """The masks, ``(H, W) uint8`` of 0 and 1, under the stems of their originals."""
    for _, part in workspace.parts("foregrounds"):
        for row in workspace.read_part(part.path).to_pylist():
            path_stem = f"{layout.SPLIT}/{folders[row['group']]}/{layout.stem(row['image_id'])}"
            if not (out / layout.ORIGINAL / f"{path_stem}{layout.IMAGE}").exists():
                raise RegroundError(
                    f"expected the variant 'original' of {row['image_id']}, which has a row in 'foregrounds', "
                    "found none: run `reground variants` again."
                )
            mask = decode_mask(row["rle"], row["height"], row["width"]).astype(np.uint8)
            np.save(out / layout.MASKS / f"{path_stem}{layout.MASK}", mask)
            counts.images[layout.MASKS] += 1
            counts.sizes.add((row["width"], row["height"]))


def _write_tables(workspace: Workspace, out: Path) -> None:
    """What names cannot tell: the vocabulary, the groups, and both as the published evaluators want them."""
    classes, groups = workspace.read("classes"), workspace.read("groups")
    classes["wnids"] = classes["wnids"].map(" ".join)
    classes.to_csv(out / layout.CLASSES, index=False)
    groups[list(layout.GROUP_COLUMNS)].to_csv(out / layout.GROUPS, index=False)
    group_of = dict(zip(groups["class_idx"].tolist(), groups["group"].tolist(), strict=True))
    class_map = {str(class_idx): group_of.get(class_idx, -1) for class_idx in classes["class_idx"].tolist()}
    (out / layout.CLASS_MAP).write_text(json.dumps(class_map))


# The data card


def _card(workspace: Workspace, folders: Mapping[int, str], counts: ExportCounts) -> str:
    settings = {step: step_settings for step in ("masks", "variants") if (step_settings := workspace.settings_of(step))}
    dropped = workspace.read("dropped", ["stage", "reason"])
    drop_counts = Counter(zip(dropped["stage"], dropped["reason"], strict=True))
    methods = Counter(workspace.read("masks", ["method"])["method"])
    sizes = ", ".join(f"{width} x {height}" for width, height in sorted(counts.sizes))
    lines = [
        "# Data card",
        "",
        *bullets(
            [
                "format: imagenet9, the layout of the released ImageNet-9 data (Xiao et al. 2020)",
                f"size: {sizes or 'no mask'} pixels",
                *(f"{name}: {count:,} {_kind(name)}" for name, count in counts.images.items()),
                *(f"{folder}: {counts.in_group[group]:,} images of original" for group, folder in folders.items()),
                f"masks: {', '.join(f'{n:,} by {name}' for name, n in sorted(methods.items())) or 'as they came'}",
                f"base seed of the backgrounds: {_base_seed(counts, settings)}",
                f"settings: {json.dumps(settings, sort_keys=True) if settings else 'not recorded'}",
                f"images: {_encoding(counts)}",
                *(f"dropped in {stage}: {count:,} {reason}" for (stage, reason), count in sorted(drop_counts.items())),
            ]
        ),
        "",
        _READING.format(empty=_empty(_without_images(folders, counts))),
    ]
    return "\n".join(lines)


_READING: Final = """\
The file name of a mixed image says whose foreground and whose background it has, the background's
group, and the seed that chose it; metadata.csv says the same of every image. classes.csv is the
vocabulary, groups.csv says which class lies in which group.

To evaluate, start in9_eval.py and challenge_eval.py of github.com/MadryLab/backgrounds_challenge in
this folder, where they find in_to_in9.json, with `--data-path .`; or read the folder back with
`reground imagenet9 import FOLDER -w NEW_WORKSPACE`. JPEG changes pixels a little: compare numbers measured
on these files with each other, not with those measured on the workspace's own variants.
{empty}"""


def _kind(name: str) -> str:
    return "masks, uint8 of 0 and 1" if name == layout.MASKS else "images"


def _encoding(counts: ExportCounts) -> str:
    total = sum(counts.images[name] for name in layout.SETS)
    encoding = f"JPEG, quality {QUALITY}, 4:4:4, by pillow {PIL.__version__}"
    return (
        encoding if counts.recoded == total else f"{counts.recoded:,} {encoding}; {total - counts.recoded:,} unchanged"
    )


def _without_images(folders: Mapping[int, str], counts: ExportCounts) -> str:
    return ", ".join(folder for group, folder in folders.items() if not counts.in_group[group])


def _empty(names: str) -> str:
    if not names:
        return ""
    return (
        f"\nWithout images: {names}. Their folders are there, because groups are counted by the place of\n"
        "their folders; torchvision's ImageFolder reads them with allow_empty=True.\n"
    )


def _base_seed(counts: ExportCounts, settings: Mapping[str, Mapping[str, Any]]) -> str:
    if counts.example is None:
        return "none, no image is mixed"
    image_id, name, seed = counts.example
    base = settings.get("variants", {}).get("seed")
    if base is not None and derive_seed(base, image_id, name.removesuffix("_published")) == seed:
        return str(base)
    return "not known here; the seed of each is in its name"
