"""Imports: the rules that files of votes, known answers and predictions share.

Which image a file means, what it means that rows are left out, and when an import may take away what an earlier
one brought.
"""

from reground.tasks.imports.drops import check_rows_left, log_drops
from reground.tasks.imports.image_ids import ImageMatcher, ImageMatchError
from reground.tasks.imports.replacement import check_replacement

__all__ = [
    "ImageMatcher",
    "ImageMatchError",
    "check_rows_left",
    "log_drops",
    "check_replacement",
]
