"""The image_id of a file: its stem, or its path below the folder."""

from __future__ import annotations

from pathlib import PurePath

from reground.tasks.images.listed_file import normalize
from reground.tasks.schema import ImageId


def stem_id(name: str) -> ImageId:
    """The image_id with ``--ids stem``.

    Args:
        name: of the file below the folder.

    Examples:
        >>> stem_id("val/n01440764/a.png")
        'a'
    """
    return ImageId(PurePath(normalize(name)).stem)


def path_id(name: str) -> ImageId:
    """The image_id with ``--ids path``.

    Args:
        name: of the file below the folder.

    Examples:
        >>> path_id("val/n01440764/a.png")
        'val__n01440764__a'
    """
    return ImageId(str(PurePath(normalize(name)).with_suffix("")).lstrip("/").replace("/", "__"))
