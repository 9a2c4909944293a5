"""Sources of votes: what imports have brought, and how it goes out again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reground.annotations.published.rows import SHARD_SEPARATOR, STAGE, shard_prefix
from reground.tasks.errors import UsageError, unknown
from reground.tasks.votes import COLLECTED
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class VoteSource:
    """Votes with one source.

    Attributes:
        name: of the source.
        votes: number of votes.
        import_name: the source of the import that brought them; empty: no import did.
    """

    name: str
    votes: int
    import_name: str = ""


def vote_sources(workspace: Workspace) -> list[VoteSource]:
    """The sources of the votes in a workspace, by name."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry, part in workspace.parts("votes"):
        import_name = entry.shard.partition(SHARD_SEPARATOR)[0] if entry.step == STAGE else ""
        for (_, source), rows in part.counts:
            counts[source, import_name] += rows
    return [VoteSource(name, votes, import_name) for (name, import_name), votes in sorted(counts.items())]


def remove_votes(workspace: Workspace, source: str) -> int:
    """Remove what the import of a source brought: votes, original labels, annotators and rows of ``dropped``.

    Args:
        workspace: with the votes.
        source: name of the source.

    Returns:
        The number of votes removed.

    Raises:
        UsageError: no import brought the source, or one brought it with others under another name.
    """
    sources = vote_sources(workspace)
    imports = {one.import_name for one in sources if one.import_name}
    if source not in imports:
        raise _not_imported(source, sources, sorted(imports))
    entries = workspace.entries(STAGE)
    removed = [entry for entry in entries if entry.shard.startswith(shard_prefix(source))]
    workspace.retire(STAGE, {entry.shard for entry in entries} - {entry.shard for entry in removed})
    return sum(entry.tables["votes"].rows for entry in removed if "votes" in entry.tables)


def _not_imported(source: str, sources: list[VoteSource], imports: list[str]) -> UsageError:
    import_name = next((one.import_name for one in sources if one.name == source and one.import_name), "")
    if import_name:
        return UsageError(f"the votes of '{source}' came in with those of '{import_name}': remove that source")
    if source in COLLECTED and any(one.name == source for one in sources):
        return UsageError(
            f"expected the source of an import, one of {', '.join(imports) or 'none'}; '{source}' was not imported: "
            "to leave its votes out of the truth, give `reground truth --hold-out`"
        )
    return unknown("source of imported votes", source, imports)
