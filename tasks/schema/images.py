"""The tables of images, their masks and their variants."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import CLASS_IDX, IMAGE_ID, Column, Table

IMAGES: Final = (
    Table(
        "classes",
        "class",
        ("class_idx",),
        (
            CLASS_IDX,
            Column("name", "string", "unique name, as annotators see it"),
            Column("wnids", "list<string>", "WordNet ids of the class; empty: a custom class without one"),
            Column("gloss", "string", "definition; may be empty"),
        ),
    ),
    Table(
        "images",
        "image",
        ("image_id",),
        (
            IMAGE_ID,
            Column("uri", "string", "absolute path of the file"),
            Column("class_idx", "int32", "the original label"),
            Column("wnid", "string", "first WordNet id of that class, or empty"),
            Column("width", "int32", "pixels, as shown (after EXIF rotation)"),
            Column("height", "int32", "pixels, as shown (after EXIF rotation)"),
            Column("mode", "string", "Pillow's mode of the file"),
            Column("sha256", "string", "SHA-256 of the file, hexadecimal"),
            Column("boxes", "list<box>", "boxes of the labelled object: xmin, ymin, xmax, ymax in pixels"),
            Column("split", "string", "name of the split"),
        ),
    ),
    Table(
        "original_labels",
        "image known by its id alone",
        ("image_id", "source"),
        (
            IMAGE_ID,
            Column("class_idx", "int32", "the original label", nullable=True),
            Column("routing", "string", "as in truth; null: the source has none", nullable=True),
            Column("source", "string", "as in votes"),
        ),
    ),
    Table(
        "dropped",
        "item left out",
        ("stage", "item", "reason", "detail"),
        (
            Column("stage", "string", "the step that left it out"),
            Column("item", "string", "an image_id, a uri or another key"),
            Column("reason", "string", "reason from the closed list DropReason"),
            Column("detail", "string", "details, for a person to read"),
        ),
        counts=("stage", "reason"),
    ),
    Table(
        "masks",
        "image with a mask",
        ("image_id",),
        (
            IMAGE_ID,
            Column("method", "string", "how the mask was made"),
            Column("rle", "string", "COCO compressed run lengths (column-major), at native size"),
            Column("width", "int32", "pixels"),
            Column("height", "int32", "pixels"),
            Column(
                "box",
                "box",
                "the box that variants fill where images has not exactly one: that of all its boxes, or the tight "
                "box of the mask where it has none; null: the one in images",
                nullable=True,
            ),
            Column("area_ratio", "float32", "foreground pixels / pixels of the box, 0 to 1"),
            Column("quality", "float32", "estimated quality, 0 (unusable) to 1"),
            Column("quarantine", "string", "reason why variants do not use the mask; null: they use it", nullable=True),
            Column("seed", "int64", "seed of the method's random initialization; 0: it has none"),
        ),
    ),
    Table(
        "groups",
        "class in a group",
        ("group", "class_idx"),
        (
            Column("group", "int32", "0 to number of groups - 1, in the protocol's order"),
            Column("name", "string", "name of the group"),
            CLASS_IDX,
        ),
    ),
    Table(
        "foregrounds",
        "image with variants",
        ("image_id",),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("group", "int32", "group of the class"),
            Column("rle", "string", "mask at the size of the variants, COCO compressed run lengths"),
            Column("width", "int32", "pixels of the variants"),
            Column("height", "int32", "pixels of the variants"),
        ),
    ),
    Table(
        "variants",
        "variant image",
        ("image_id",),
        (
            IMAGE_ID,
            Column("background_id", "string", "image whose background it has", nullable=True),
            CLASS_IDX,
            Column("group", "int32", "group of the foreground"),
            Column("background_group", "int32", "group of the background", nullable=True),
            Column("seed", "int64", "seed of the background selection"),
            Column("image", "image", "bytes (PNG; a released file as it came) and path: the Hugging Face image layout"),
        ),
    ),
    Table(
        "variant_inputs",
        "image that variants were made of, or left out",
        ("image_id",),
        (
            IMAGE_ID,
            Column("digest", "string", "of all that its rows depend on: settings, photograph, mask, backgrounds"),
        ),
    ),
    Table(
        "composition_differences",
        "variant of an image in both compositions",
        ("variant", "image_id"),
        (
            Column("variant", "string", "name of the variant composed by mask"),
            IMAGE_ID,
            Column("same_background", "bool", "whether both compositions use the same background"),
            Column(
                "differing_share",
                "float32",
                "share of pixels that differ between variants/NAME and variants/NAME_published",
            ),
        ),
    ),
)
