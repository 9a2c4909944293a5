"""Take what is damaged off the manifest, so that the next run makes exactly that anew."""

from __future__ import annotations

import xxhash

from reground.tasks.errors import RegroundError
from reground.tasks.storage import Storage
from reground.tasks.workspace.chain import DamagedManifestError
from reground.tasks.workspace.manifest import Entry, Part
from reground.tasks.workspace.prefetch import read_ahead
from reground.tasks.workspace.store import Workspace


def repair_manifest(workspace: Workspace) -> list[str]:
    """Take what is damaged off the manifest; the lock is not held.

    Every file that is listed is read whole. Nothing outside the workspace is touched.

    Returns:
        What was damaged: ``STEP/SHARD`` of each shard, and the files of the manifest that were removed.
    """
    removed: list[str] = []
    while damaged := _damaged_manifest_file(workspace):
        workspace.storage.delete([damaged])
        removed.append(damaged)
    with workspace.lock("reground repair"):
        entries = workspace.entries()
        whole = read_ahead(workspace.storage, lambda entry: _is_whole(workspace.storage, entry), entries)
        damaged_shards = [entry for entry, is_whole in zip(entries, whole, strict=True) if not is_whole]
        for entry in damaged_shards:
            workspace.discard(entry.step, entry.shard)
    return [*removed, *(f"{entry.step}/{entry.shard}" for entry in damaged_shards)]


def _damaged_manifest_file(workspace: Workspace) -> str | None:
    try:
        workspace.exists()
    except DamagedManifestError as error:
        return error.key
    return None


def _is_whole(storage: Storage, entry: Entry) -> bool:
    return all(_is_as_listed(storage, part) for part in (*entry.tables.values(), *entry.files.values()))


def _is_as_listed(storage: Storage, part: Part) -> bool:
    try:
        content = storage.get(part.path)
    except (FileNotFoundError, RegroundError):
        return False
    return len(content) == part.bytes and xxhash.xxh3_128_hexdigest(content) == part.digest
