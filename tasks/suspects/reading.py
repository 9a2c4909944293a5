"""What `suspects` says: which kinds were looked for, whether they are up to date, and what to show people first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.schema import ImageId, ImageState
from reground.tasks.suspects.registry import REGISTRY
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.suspects.step import STEP, kind_shard
from reground.tasks.workspace import Workspace, build, remembered


def recorded_kinds(workspace: Workspace) -> list[str]:
    """The kinds that were looked for in a workspace, by name; one may have no suspect."""
    return sorted(workspace.keys(STEP.name))


def require_kinds(workspace: Workspace, kinds: Collection[str]) -> None:
    """Check kinds that somebody names.

    Raises:
        UsageError: nobody finds one of them; the message lists all kinds.
        RegroundError: one was not looked for in this workspace; the message names the command.
    """
    recorded = recorded_kinds(workspace)
    for kind in kinds:
        if kind in recorded:
            continue
        if kind not in REGISTRY.names():
            raise REGISTRY.unknown(kind)
        option = "--against OTHER_WORKSPACE" if kind == "leak" else f"--find {','.join([*recorded, kind])}"
        raise RegroundError(
            f"expected suspects of the kind '{kind}' in {workspace.url}, where these were looked for: "
            f"{', '.join(recorded) or 'none'}. Run `reground suspects -w {workspace.shell_url} {option}`."
        )


def why_outdated(workspace: Workspace, kind: str) -> str:
    """What is wrong with the suspects of a recorded kind, with the command that mends it; empty: nothing is."""
    command = f"`reground suspects -w {workspace.shell_url}`"
    try:
        settings = _settings(workspace, kind)
        is_current = workspace.keys(STEP.name)[kind] == STEP.key(settings, kind_shard(workspace, settings, kind))
    except RegroundError as error:  # a plugin is gone, another workspace does not answer, a table is missing
        return f"whether the suspects of the kind '{kind}' are up to date is not known: {error}"
    if is_current:
        return ""
    return f"the suspects of the kind '{kind}' are older than the truth, or than what they were found in: run {command}"


def _settings(workspace: Workspace, kind: str) -> SuspectSettings:
    """Those that a kind was found with."""
    entry = workspace.entry(STEP.name, kind)
    against = remembered.read(workspace).get("suspects.against")
    values = {**(entry.settings if entry else {}), "against": against.value if against else ()}
    return build(SuspectSettings, values)


def open_suspects(workspace: Workspace, kinds: Collection[str]) -> pa.Table:
    """Flagged suspects of some kinds that people have not settled as the truth stands now, by kind and rank."""
    truth = workspace.read_arrow("truth", ["image_id", "state"])
    settled = truth.filter(pc.field("state") == ImageState.SETTLED)["image_id"].combine_chunks()
    rows = workspace.read_arrow("suspects", ["kind", "rank", "image_id", "flagged", "class_idx", "proposed"])
    is_open = pc.field("flagged") & pc.field("kind").isin(sorted(kinds)) & ~pc.field("image_id").isin(settled)
    return rows.filter(is_open).sort_by([("kind", "ascending"), ("rank", "ascending")])


def review_order(suspects: pa.Table, kinds: Sequence[str]) -> list[ImageId]:
    """Images in the order in which people should see them: of each kind in turn the next by rank, each image once.

    Args:
        suspects: as `open_suspects` gives them.
        kinds: in their order.

    Examples:
        >>> rows = {"kind": ["label", "label", "outlier"], "image_id": ["a", "b", "a"]}
        >>> review_order(pa.table(rows), ["outlier", "label"])
        ['a', 'b']
    """
    images: dict[str, list[ImageId]] = {kind: [] for kind in kinds}
    for kind, image_id in zip(suspects["kind"].to_pylist(), suspects["image_id"].to_pylist(), strict=True):
        images[kind].append(image_id)
    return list(_in_turn([iter(of_kind) for of_kind in images.values()]))


def _in_turn(queues: list[Iterator[ImageId]]) -> Iterator[ImageId]:
    seen: set[ImageId] = set()
    while queues:
        for queue in list(queues):
            image_id = next((one for one in queue if one not in seen), None)
            if image_id is None:
                queues.remove(queue)
            else:
                seen.add(image_id)
                yield image_id
