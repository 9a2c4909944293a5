"""Find the box file of each image, by its stem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from reground.tasks.errors import UsageError
from reground.tasks.images.listed_file import FileProblem, ListedFile
from reground.tasks.images.listing import list_files
from reground.tasks.schema import DropReason


class BoxFinder:
    """Finds the box file of an image by its stem, in one folder or in class folders.

    Args:
        folder: of the box files; empty: there are none.
        images: the files to find boxes for.

    Attributes:
        unlistable: folders that cannot be listed.
        files: box files by stem.
        images: number of images by stem; files that differ by suffix alone are one image.

    Raises:
        UsageError: the folder does not exist, or has no box file with the stem of an image.
    """

    def __init__(self, folder: str, images: Iterable[ListedFile]) -> None:
        files = list_files(folder) if folder else []
        self.unlistable = [file for file in files if file.is_folder]
        self.files: dict[str, list[ListedFile]] = {}
        for file in files:
            if file.name.lower().endswith(".xml"):
                self.files.setdefault(file.stem, []).append(file)
        places = {PurePath(image.name).with_suffix("") for image in images} if folder else set[PurePath]()
        self.images = Counter(place.name for place in places)
        if folder and not self.files.keys() & self.images.keys():
            first = next(iter(self.files), None)
            raise UsageError(
                f"expected box files below {folder}, named like their images (NAME.xml for NAME.JPEG), "
                + (f"found {len(self.files):,} of other names (first: {first}.xml)" if first else "found no .xml there")
            )

    def find(self, image: ListedFile) -> ListedFile | FileProblem | None:
        """The image's box file; None: it has none; a `FileProblem` if it is ambiguous."""
        files = self.files.get(image.stem)
        if not files:
            return None
        if len(files) == 1 and self.images[image.stem] == 1:
            return files[0]
        expected = PurePath(image.name).with_suffix("")
        matches = [file for file in files if PurePath(file.name).with_suffix("") == expected]
        if len(matches) == 1:
            return matches[0]
        names = ", ".join(file.name for file in files[:3])
        return FileProblem(
            DropReason.BOX_FILE_INVALID,
            f"{self.images[image.stem]} images and {len(files)} box files ({names}) have the stem {image.stem}, "
            f"and none is at {expected}.xml",
        )
