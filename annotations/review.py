"""Review: open a round of questions in Label Studio, and collect its votes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReviewSettings:
    """Where people are asked, and how.

    Attributes:
        url: of Label Studio. Its token comes from the environment
            (``REGROUND_LABEL_STUDIO_TOKEN``), never from a settings file.
        overlap: people asked about each question.
        grid: images in one CONTAINS question.
        batch_size: tasks in one import request.
        recorded_annotators: e-mail addresses whose answers are recordings, not people's own;
            their votes carry the source ``recorded``.
        seed: of the order in which candidates are shown.
    """

    url: str = "http://127.0.0.1:8080"
    overlap: int = 5
    grid: int = 48
    batch_size: int = 250
    recorded_annotators: tuple[str, ...] = ()
    seed: int = 0
