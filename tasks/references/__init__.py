"""Reference truths: labels that others publish, as sets of labels for each image.

Each is a table ``reference_truths/NAME``, which `reground truth import` writes.
"""

from reground.tasks.references.label_sets import ORIGINAL, OWN, LabelSets, read_reference, reference_names

__all__ = ["ORIGINAL", "OWN", "LabelSets", "reference_names", "read_reference"]
