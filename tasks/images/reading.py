"""Read one image and its box file: hash it, decode it completely, map its boxes to the upright image."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from reground.tasks.images.boxes import MAX_BYTES, Box, BoxError, BoxFile, is_unclear, parse_boxes, place_boxes
from reground.tasks.images.classes import load_classes
from reground.tasks.images.decode import DecodedImage, ImageError, decode
from reground.tasks.images.labels import LabelIndex, class_by_name, label_index
from reground.tasks.images.planning import FileArgs
from reground.tasks.images.settings import IndexSettings
from reground.tasks.schema import DroppedRow, DropReason, ImageRow, dropped_row
from reground.tasks.storage import read_uri


class ImageReader:
    """Reads the files of a shard.

    Args:
        settings: of the step.
    """

    def __init__(self, settings: IndexSettings) -> None:
        self.settings = settings

    def read_first(self, files: Sequence[FileArgs]) -> tuple[ImageRow | None, list[DroppedRow]]:
        """The row of the first file that can be decoded, and the ``dropped`` rows of all.

        Args:
            files: with the same image_id.
        """
        drops: list[DroppedRow] = []
        for number, file in enumerate(files):
            if file["uri"] in {earlier["uri"] for earlier in files[:number]}:
                drops.append(_duplicate(number, file, files[0], self.settings))
                continue
            try:
                row, notes = self.read(file)
            except ImageError as error:
                drops.append(dropped_row("index", file["uri"], error.reason, error.detail))
                continue
            rest = enumerate(files[number + 1 :], number + 1)
            return row, [*drops, *notes, *(_duplicate(n, other, file, self.settings) for n, other in rest)]
        return None, drops

    def read(self, file: FileArgs) -> tuple[ImageRow, list[DroppedRow]]:
        """The row of one image, and what is to be told of its label and box file.

        Raises:
            ImageError: the file cannot be used.
        """
        try:
            content = read_uri(file["uri"])
        except MemoryError as error:
            raise ImageError(DropReason.TOO_LARGE, "it does not fit into the memory of this machine") from error
        except OSError as error:
            raise ImageError(DropReason.UNREADABLE, error.strerror or str(error)) from error
        picture = decode(content, self.settings.max_pixels)
        width, height = picture.size
        row: ImageRow = {
            "image_id": file["image_id"],
            "uri": file["uri"],
            "class_idx": file["class_idx"],
            "wnid": file["wnid"],
            "width": width,
            "height": height,
            "mode": picture.mode,
            "sha256": hashlib.sha256(content).hexdigest(),
            "boxes": [],
            "split": file["split"],
        }
        notes: list[DroppedRow] = []
        if file["label_conflict"]:
            notes.append(dropped_row("index", file["image_id"], DropReason.LABEL_CONFLICT, file["label_conflict"]))
        try:
            boxes, problems = self._boxes(file, picture)
        except BoxError as error:
            boxes, problems = [], [error]
        row["boxes"] = [box.to_dict() for box in boxes]
        return row, [*notes, *(_box_row(file, problem) for problem in problems)]

    def _boxes(self, file: FileArgs, picture: DecodedImage) -> tuple[list[Box], list[BoxError]]:
        """The boxes of the labelled object, and what is to be told of the others.

        Raises:
            BoxError: the box file cannot be used.
        """
        if file["box_problem"]:
            raise BoxError(DropReason.BOX_FILE_INVALID, file["box_problem"])
        if not file["box"]:
            return [], []
        problems: list[BoxError] = []
        whole = parse_boxes(_read_box_file(file["box"]))
        other_names = {name for name in whole.names if self._is_other_class(name, file)}
        box_file = whole.select(set(whole.names) - other_names)
        if other_names:
            problems.append(_other_class(whole, box_file, other_names, file))
        geometry = picture.orientation, picture.stored_size, picture.size
        boxes = place_boxes(box_file, *geometry, self.settings.box_orientation)
        if self.settings.box_orientation == "auto" and is_unclear(box_file, *geometry):
            problems.append(_unclear(picture.orientation))
        return boxes, problems

    def _is_other_class(self, name: str, file: FileArgs) -> bool:
        if name == file["wnid"]:
            return False
        return class_by_name(name, self._labels) not in (None, file["class_idx"])

    @functools.cached_property
    def _labels(self) -> LabelIndex:
        return label_index(load_classes(self.settings.classes))


def _read_box_file(uri: str) -> bytes:
    try:
        return read_uri(uri, MAX_BYTES + 1)
    except OSError as error:
        raise BoxError(DropReason.BOX_FILE_INVALID, error.strerror or str(error)) from error


def _other_class(whole: BoxFile, kept: BoxFile, names: set[str], file: FileArgs) -> BoxError:
    count = len(whole.boxes) - len(kept.boxes)
    listing = ", ".join(sorted(names)[:3])
    label = f"{file['class_idx']} {file['wnid']}".strip()
    detail = f"{count} of {len(whole.boxes)} boxes name another class ({listing}) than the label {label}: left out"
    return BoxError(DropReason.BOX_OTHER_CLASS, detail)


def _unclear(orientation: int) -> BoxError:
    detail = (
        f"the image has EXIF orientation {orientation}, and its size is the same before and after the rotation: "
        "boxes taken as drawn on the stored pixels; give --box-orientation stored or shown"
    )
    return BoxError(DropReason.BOX_ORIENTATION_UNCLEAR, detail)


def _box_row(file: FileArgs, error: BoxError) -> DroppedRow:
    location = f" ({file['box']})" if file["box"] else ""
    return dropped_row("index", file["image_id"], error.reason, error.detail + location)


def _duplicate(number: int, file: FileArgs, winner: FileArgs, settings: IndexSettings) -> DroppedRow:
    remedy = "" if settings.ids == "path" else "; to keep both, give --ids path"
    differ = winner["class_idx"] != file["class_idx"]
    labels = f" (their labels differ: {winner['class_idx']}, here {file['class_idx']})" if differ else ""
    detail = f"file {number + 1} with the image_id '{file['image_id']}', which {winner['uri']} has{remedy}{labels}"
    return dropped_row("index", file["uri"], DropReason.DUPLICATE_ID, detail)
