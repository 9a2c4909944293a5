"""The rows of a file of features, matched with the images of a workspace."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from reground.tasks.errors import UsageError
from reground.tasks.imports import ImageMatchError
from reground.tasks.predictions.feature_files import FileVectors
from reground.tasks.predictions.features import FeatureKey
from reground.tasks.predictions.set_images import STAGE, SetImages
from reground.tasks.schema import DroppedRow, DropReason, ImageId, dropped_row


@dataclass
class FeatureRows:
    """The rows of a file: those that become features, and those left out.

    Attributes:
        keys: of N images.
        vectors: ``(N, D) float16``, in the same order.
        dropped: rows left out.
        repeated: rows that came again.
    """

    keys: list[FeatureKey] = field(default_factory=list[FeatureKey])
    vectors: npt.NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 0), np.float16))
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    repeated: int = 0


def match_features(file: FileVectors, images: SetImages, default_recipe: str) -> FeatureRows:
    """Match the rows of a file.

    Args:
        file: with the features.
        images: of the workspace, by set.
        default_recipe: of rows without one.

    Raises:
        UsageError: a set is unknown, or an image has two vectors that differ.
    """
    matches = FeatureRows()
    numbers: dict[tuple[str, ImageId], int] = {}
    for number, (name, set_name, recipe) in enumerate(zip(file.image_names, file.set_names, file.recipes, strict=True)):
        location = file.location(number)
        try:
            image_id = images.match(location, set_name, name)
        except ImageMatchError as error:
            matches.dropped.append(dropped_row(STAGE, name, DropReason.IMAGE_UNKNOWN, f"{location}: {error}"))
            continue
        first = numbers.setdefault((set_name, image_id), number)
        if first == number:
            matches.keys.append({"set": set_name, "image_id": image_id, "recipe": recipe or default_recipe})
        elif np.array_equal(file.vectors[first], file.vectors[number]):
            matches.repeated += 1
        else:
            raise UsageError(
                f"{location}: has other features of {image_id} than {file.location(first)}: keep one of the two."
            )
    matches.vectors = file.vectors[list(numbers.values())]
    return matches
