"""The tables of labels that others publish."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import IMAGE_ID, Column, Table

REFERENCES: Final = (
    Table(
        "references",
        "reference truth",
        ("name",),
        (
            Column("name", "string", "name of the reference truth"),
            Column("format", "string", "format of its file"),
            Column("file", "string", "name of the file"),
            Column("sha256", "string", "SHA-256 of the file, hexadecimal"),
            Column("classes_file", "string", "name of the file that maps its classes; empty: none"),
            Column("classes_sha256", "string", "SHA-256 of that file; empty: none"),
            Column("images", "int64", "number of images with known labels"),
            Column("empty", "int64", "number of those on which no label holds"),
            Column("labels", "int64", "number of pairs of image and label"),
            Column("dropped", "int64", "number of items that are left out"),
        ),
    ),
    Table(
        "reference_truths",
        "image in a reference truth",
        ("image_id",),
        (
            IMAGE_ID,
            Column("labels", "list<int32>", "labels that hold, by descending confidence; empty: none holds"),
            Column(
                "confidence",
                "list<float32>",
                "published confidence of each label, 0 to 1, higher is more certain; null: not known",
                nullable=True,
            ),
            Column("boxes", "list<box>", "boxes of objects: xmin, ymin, xmax, ymax in pixels"),
            Column("box_labels", "list<int32>", "label of each box"),
        ),
    ),
    Table(
        "reference_classes",
        "class of a reference truth, with a class that it is",
        ("theirs", "class_idx"),
        (
            Column("theirs", "string", "the class as the file names it"),
            Column("class_idx", "int32", "index into classes; null: outside the vocabulary", nullable=True),
            Column("match", "string", "how it was matched: map, name, wnid, index or none"),
            Column("labels", "int64", "number of labels of the class in the file"),
        ),
    ),
)
