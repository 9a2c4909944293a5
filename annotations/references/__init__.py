"""Reference truths: import of labels that others publish."""

from reground.annotations.references.formats import FORMATS
from reground.annotations.references.importer import (
    ReferenceImport,
    ReferenceOptions,
    import_reference,
    references,
    remove_reference,
)
from reground.annotations.references.table import OPTIONAL, REQUIRED

COLUMNS = (*REQUIRED, *OPTIONAL)
"""Columns of a table of published labels."""

__all__ = [
    "import_reference",
    "ReferenceOptions",
    "ReferenceImport",
    "references",
    "remove_reference",
    "FORMATS",
    "COLUMNS",
]
