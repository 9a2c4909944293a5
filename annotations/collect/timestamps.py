"""Timestamps of Label Studio in UTC, so that they can be compared as text."""

from __future__ import annotations

from datetime import UTC, datetime


def to_utc(timestamp: str) -> str:
    """ISO 8601 in UTC with microseconds.

    Examples:
        >>> to_utc("2026-01-01T12:30:00+02:00")
        '2026-01-01T10:30:00.000000+00:00'
    """
    return datetime.fromisoformat(timestamp).astimezone(UTC).isoformat(timespec="microseconds")
