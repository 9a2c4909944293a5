"""Rows of a reference truth, from the entries of a file."""

from __future__ import annotations

from reground.annotations.references.class_map import ClassMatcher
from reground.annotations.references.entries import Entry, Fault
from reground.tasks.errors import UsageError
from reground.tasks.imports import ImageMatcher, ImageMatchError
from reground.tasks.schema import BoxDict, ClassIdx, DroppedRow, DropReason, ImageId, ReferenceTruthRow, dropped_row

STAGE = "truth-import"


class RowBuilder:
    """Collects the labels of each image, and what is left out.

    Args:
        name: of the reference truth.
        images: finds images.
        classes: finds classes.
        min_confidence: smallest confidence of a label that holds.
        ignore_unknown: leave out labels of unknown classes, and not the images that have them.
    """

    def __init__(
        self, name: str, images: ImageMatcher, classes: ClassMatcher, min_confidence: float, ignore_unknown: bool
    ) -> None:
        self._name = name
        self._images = images
        self._classes = classes
        self._min_confidence = min_confidence
        self._ignore_unknown = ignore_unknown
        self._labels: dict[ImageId, dict[ClassIdx, float | None]] = {}
        self._boxes: dict[ImageId, list[tuple[ClassIdx, BoxDict]]] = {}
        self._names: dict[ImageId, str] = {}
        self._empty: dict[ImageId, str] = {}
        self._full: dict[ImageId, str] = {}
        self._faults: dict[str, Fault] = {}
        self._incomplete: dict[ImageId, Fault] = {}
        self.entries = 0

    def add(self, entry: Entry) -> None:
        """One label, or that an image has none.

        Raises:
            UsageError: it contradicts another entry.
        """
        self.entries += 1
        image_id = self._image(entry)
        if entry.label is None:
            if image_id is not None:
                self._contradict(self._full, image_id, entry)
                self._empty.setdefault(image_id, entry.location)
            return
        match = self._classes.match(entry.label)
        if image_id is None:
            return
        self._contradict(self._empty, image_id, entry)
        self._full.setdefault(image_id, entry.location)
        if match is None:
            if not self._ignore_unknown:
                detail = f"{self._classes.reasons[entry.label]}; so the labels of the image are not all known"
                self.report(Fault(entry.location, DropReason.LABEL_UNKNOWN, detail, entry.image))
            return
        if entry.confidence is not None and entry.confidence < self._min_confidence:
            return
        for class_idx in match.class_idxs:
            self._add_label(image_id, class_idx, entry)

    def report(self, fault: Fault) -> None:
        """Something that is left out; the labels of its image, if any, are then not all known."""
        image_id = None if fault.image is None else self._match(fault.image)
        if isinstance(image_id, str):
            self._incomplete.setdefault(image_id, fault)
        else:
            self._faults.setdefault(fault.image or fault.location, fault)

    def rows(self) -> list[ReferenceTruthRow]:
        """Rows of ``reference_truths``, by image_id."""
        return [self._row(image_id) for image_id in sorted(self._labels) if image_id not in self._incomplete]

    def dropped(self) -> list[DroppedRow]:
        """Rows of ``dropped``: one for each image, or for a part of the file that names none."""
        return [
            dropped_row(STAGE, f"{self._name}: {item}", fault.reason, f"{fault.location}: {fault.detail}")
            for item, fault in [*self._faults.items(), *self._incomplete.items()]
        ]

    def _match(self, name: str) -> ImageId | ImageMatchError:
        try:
            return self._images.match(name)
        except ImageMatchError as error:
            return error

    def _image(self, entry: Entry) -> ImageId | None:
        image_id = self._match(entry.image)
        if isinstance(image_id, ImageMatchError):
            self.report(Fault(entry.location, DropReason.IMAGE_UNKNOWN, str(image_id), entry.image))
            return None
        name = self._names.setdefault(image_id, entry.image)
        if name != entry.image:
            raise UsageError(
                f"{entry.location}: '{entry.image}' and '{name}' both name the image '{image_id}'. Name each image in "
                "one way, by its image_id."
            )
        self._labels.setdefault(image_id, {})
        return image_id

    def _contradict(self, others: dict[ImageId, str], image_id: ImageId, entry: Entry) -> None:
        if image_id in others:
            raise UsageError(
                f"{entry.location}: {entry.image} has {'no label that holds' if entry.label is None else 'a label'}, "
                f"which contradicts {others[image_id]}"
            )

    def _add_label(self, image_id: ImageId, class_idx: ClassIdx, entry: Entry) -> None:
        labels = self._labels[image_id]
        known = labels.get(class_idx, entry.confidence)
        labels[class_idx] = None if known is None or entry.confidence is None else max(known, entry.confidence)
        if entry.box is not None:
            self._boxes.setdefault(image_id, []).append((class_idx, entry.box))

    def _row(self, image_id: ImageId) -> ReferenceTruthRow:
        labels = self._labels[image_id]
        ordered = sorted(labels, key=lambda class_idx: (-(labels[class_idx] or 0.0), class_idx))
        confidence = [value for class_idx in ordered if (value := labels[class_idx]) is not None]
        boxes = self._boxes.get(image_id, [])
        return {
            "image_id": image_id,
            "labels": [int(class_idx) for class_idx in ordered],
            "confidence": confidence if ordered and len(confidence) == len(ordered) else None,
            "boxes": [box for _, box in boxes],
            "box_labels": [int(class_idx) for class_idx, _ in boxes],
        }
