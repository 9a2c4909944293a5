"""ImageFolder by main label: one folder a class, which torchvision and ``datasets`` read as it is."""

from __future__ import annotations

import csv
from pathlib import Path

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.file_names import folder, folders, stem, suffix
from reground.tasks.export.image import Photo


def imagefolder(data: Dataset, out: Path) -> None:
    """``SPLIT/CLASS/STEM.SUFFIX``, a class's folder called by its first WordNet id, else by its name.

    Images go by main label where people settled one and it is not tied, else by the surest of their labels.
    """
    folder_of = folders({row["class_idx"]: (row["wnids"] or [row["name"]])[0] for row in data.classes})
    with (out / "classes.csv").open("w", newline="", encoding="utf-8") as handle:
        listing = csv.writer(handle)
        listing.writerow(("folder", "class_idx", "name"))
        listing.writerows((name, class_idx, data.names[class_idx]) for class_idx, name in folder_of.items())
    for image, photo in data.with_photo():
        copy(photo, out / folder(photo.split) / folder_of[image.only_label()] / stem(image.image_id))


def copy(photo: Photo, target: Path) -> Path:
    """Write a photograph's own bytes to ``target``, with its suffix; the file.

    Raises:
        OSError: the photograph is gone, the disk full, or two keys differ by capitals only and the
            file system takes them for one.
    """
    content = photo.read()
    path = target.with_name(target.name + suffix(photo.uri, content))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as handle:
        handle.write(content)
    return path
