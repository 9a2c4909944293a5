"""What is wrong with settings of reviews before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator

from reground.annotations.rounds.assignment import normalize_email
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.workspace import Fault, refused, type_faults


def review_faults(settings: ReviewSettings) -> list[Fault]:
    """Every fault that shows without a workspace and without Label Studio."""
    return [*type_faults(settings)] or [*_faults(settings)]


def _faults(settings: ReviewSettings) -> Iterator[Fault]:
    if settings.url and not settings.url.startswith(("http://", "https://")):
        yield Fault("url", f"expected an address that starts with http:// or https://, got '{settings.url}'")
    for field in ("annotators", "recorded_annotators"):
        for email in getattr(settings, field):
            yield from refused(field, normalize_email, email)
    controls = settings.positive_controls + settings.negative_controls
    if controls >= settings.grid:
        yield Fault(
            "grid",
            f"expected room for questions beside {controls} control images (review.positive_controls and "
            f"review.negative_controls), got a grid of {settings.grid}: set one of them otherwise",
        )
