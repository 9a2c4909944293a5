"""Check: faults of review settings that show before anything is done."""

from __future__ import annotations

from collections.abc import Iterator

from reground.annotations.label_studio import parse_address, tls_context
from reground.annotations.rounds.assignment import normalize_email
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.workspace import Fault, refused, type_faults


def review_faults(settings: ReviewSettings) -> list[Fault]:
    """All faults that show without a workspace and without Label Studio."""
    return [*type_faults(settings)] or [*_faults(settings)]


def _faults(settings: ReviewSettings) -> Iterator[Fault]:
    if settings.url:
        yield from refused("url", parse_address, settings.url)
    if settings.ca_file:
        yield from refused("ca_file", tls_context, settings.ca_file)
    for field in ("annotators", "curators", "recorded_annotators"):
        for email in getattr(settings, field):
            yield from refused(field, normalize_email, email)
    num_controls = settings.positive_controls + settings.negative_controls
    if num_controls >= settings.grid:
        yield Fault(
            "grid",
            f"expected room for questions beside {num_controls} control images (review.positive_controls and "
            f"review.negative_controls), got a grid of {settings.grid}: change one of them",
        )
