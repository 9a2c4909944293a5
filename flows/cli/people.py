"""``reground review invite|annotators``, ``reground gold import``: who is asked, and how well they answer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reground.flows.settings import check, remember, resolve
from reground.tasks.workspace import Workspace


def invite(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make accounts; the workspace remembers whom it asks."""
    from reground.annotations.review import invite_annotators

    resolved = resolve(workspace, told, arguments.config)
    check(resolved, ["review"])
    settings = resolved.settings
    accounts = invite_annotators(workspace, settings.review, arguments.emails)
    everybody = list(dict.fromkeys([*settings.review.annotators, *(account.email for account in accounts)]))
    remember(workspace, told, arguments.config)
    remember(workspace, {"review": {"annotators": everybody}})
    lines = [
        f"{account.email}: {'new account' if account.is_new else 'had an account'}"
        + (f", first password in {account.password_file}" if account.password_file else "")
        for account in accounts
    ]
    return "\n".join(lines), {"invited": [asdict(account) for account in accounts], "annotators": everybody}


def annotators(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Judge everybody anew by the rule of the settings, from what was collected; needs no Label Studio."""
    from reground.annotations.collect import summarize

    resolved = resolve(workspace, told, arguments.config)
    check(resolved, ["review"])
    settings = resolved.settings
    with workspace.lock("reground review annotators"):
        remember(workspace, told, arguments.config)
        summarize(workspace, settings.review.exclude)
    table = workspace.read("annotators")
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    lines = [_line(row) for row in rows]
    return "\n".join(lines) or "nobody has answered yet", {"annotators": rows}


def import_gold(workspace: Workspace, arguments: Namespace) -> tuple[str, dict[str, Any]]:
    """Bring known answers in."""
    from reground.annotations import rounds

    with workspace.lock("reground gold import"):
        counts = rounds.import_gold(workspace, arguments.path)
    return ", ".join(f"{name} {value}" for name, value in counts.items()), dict(counts)


def _line(row: Mapping[str, Any]) -> str:
    parts = [f"{row['annotator_id']}: {row['votes']} votes in {row['tasks']} tasks"]
    if row["gold_n"]:
        parts.append(
            f"known answers {row['gold_correct']}/{row['gold_n']} [{row['gold_low']:.2f}, {row['gold_high']:.2f}]"
        )
    if row["agreement"] is not None:
        parts.append(f"agreement {row['agreement']:.2f} (n={row['agreement_n']})")
    if row["seconds_per_task"] is not None:
        parts.append(f"{row['seconds_per_task']:.1f} s a task")
    if row["excluded"]:
        parts.append(f"EXCLUDED: {row['excluded']}")
    return "; ".join(parts)
