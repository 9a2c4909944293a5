"""Report: one self-contained HTML page. Reads every table; writes ``files/report.html``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows.

    Attributes:
        title: of the page.
        max_images: photographs shown in full, the most questioned first.
    """

    title: str = "reground report"
    max_images: int = 60
