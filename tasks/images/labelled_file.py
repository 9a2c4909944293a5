"""A listed file with its label as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from reground.tasks.images.listed_file import ListedFile


@dataclass(frozen=True)
class OtherLabel:
    """A label that something else than the source's label names for a file.

    Attributes:
        text: the label, not resolved yet.
        place: where it is named, for a message.
    """

    text: str
    place: str


@dataclass(frozen=True)
class LabelledFile:
    """A file with its label and split.

    Attributes:
        file: the file.
        label: as text, not resolved yet; empty: the source has none.
        split: name of the split; empty: the source has none.
        label_problem: why there is no label; empty: there is one.
        other_labels: labels from elsewhere; they may name the same class.
    """

    file: ListedFile
    label: str
    split: str = ""
    label_problem: str = ""
    other_labels: tuple[OtherLabel, ...] = ()


def folder_label(name: str) -> tuple[OtherLabel, ...]:
    """The label that the folder of a file names, if it is in one."""
    folder = PurePath(name).parent.name
    return (OtherLabel(folder, "its folder"),) if folder else ()
