"""What a Prefect server's API has recorded."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.waiting import HANG


def ask(api_url: str, what: str, **filters: Any) -> list[dict[str, Any]]:
    found = httpx.post(f"{api_url}/{what}/filter", json=filters, timeout=HANG)
    return found.raise_for_status().json()
