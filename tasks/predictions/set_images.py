"""The images that a file of predictions or of features may name: of photographs, and of each variant."""

from __future__ import annotations

from typing import Final

import pandas as pd

from reground.tasks.errors import unknown
from reground.tasks.imports import ImageMatcher, ImageMatchError
from reground.tasks.references import reference_names
from reground.tasks.schema import PHOTOGRAPHS, ImageId
from reground.tasks.workspace import Workspace

STAGE: Final = "predict-import"
"""Step of the manifest, and stage of the rows of ``dropped``."""


def photograph_ids(workspace: Workspace) -> set[str]:
    """Ids of all images in ``images``, ``original_labels``, ``votes`` and reference truths."""
    references = (f"reference_truths/{name}" for name in reference_names(workspace))
    return {
        str(image_id)
        for table in ("images", "original_labels", "votes", *references)
        for image_id in pd.unique(workspace.read(table, ["image_id"])["image_id"])
    }


class SetImages:
    """Finds the images that one file names.

    Args:
        workspace: with the variants.
        photographs: as `photograph_ids` gives them.
    """

    def __init__(self, workspace: Workspace, photographs: set[str]) -> None:
        self._workspace = workspace
        self._matchers = {PHOTOGRAPHS: ImageMatcher(photographs)}

    def match(self, location: str, set_name: str, text: str) -> ImageId:
        """The id of an image.

        Args:
            location: of the row in its file, for messages.
            set_name: ``photographs`` or the name of a variant.
            text: that names the image.

        Raises:
            ImageMatchError: it names none in this set, or several.
            UsageError: the workspace has no such set.
        """
        if set_name not in self._matchers:
            self._matchers[set_name] = ImageMatcher(self._variant_ids(location, set_name))
        try:
            return self._matchers[set_name].match(text)
        except ImageMatchError as error:
            raise ImageMatchError(f"{error} among {set_name}") from None

    def check_folders(self, location: str) -> None:
        """Check that no two paths in different folders named one image; raises as `ImageMatcher.check_folders`."""
        for matcher in self._matchers.values():
            matcher.check_folders(location)

    def _variant_ids(self, location: str, set_name: str) -> set[str]:
        table, tables = f"variants/{set_name}", self._workspace.tables()
        if table not in tables:
            variants = [name.partition("/")[2] for name in tables if name.startswith("variants/")]
            raise unknown(f"set (in {location})", set_name, [PHOTOGRAPHS, *variants])
        return set(self._workspace.read(table, ["image_id"])["image_id"])
