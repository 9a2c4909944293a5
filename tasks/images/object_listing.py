"""List the objects below a folder of an object store by one listing, as the files of a folder are listed."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from reground.tasks.images.listed_file import ListedFile, is_hidden, normalize
from reground.tasks.storage import Entity, scan_url, stat_url

MAX_LISTED_PER_OBJECT: Final = 20
"""Of a folder with more objects than that for each one that is wanted, not all are listed: each is asked for."""
PAGE: Final = 1_000
REQUESTS: Final = 32
"""In flight at once."""


def list_objects(root: str, skip: Collection[str] = ()) -> list[ListedFile]:
    """Every object below a folder, sorted by name; objects that stand for folders are left out.

    Hidden objects, workspaces and what is in ``skip`` are left out.

    Args:
        root: URL of the folder.
        skip: URLs of objects and folders.

    Raises:
        RegroundError: the store cannot be reached, or refuses to answer.
    """
    root = root.rstrip("/")
    entities = list(scan_url(root))
    hidden = {url.rstrip("/").removeprefix(f"{root}/") for url in skip} | _workspaces(entities)
    files = [
        _listed(root, entity)
        for entity in entities
        if not (_is_marker(entity) or any(map(is_hidden, entity.key.split("/"))) or hidden & _places(entity.key))
    ]
    return sorted(files, key=lambda file: (file.name, file.uri))


def listed_object(name: str, url: str, entity: Entity) -> ListedFile:
    """The entry of one object.

    Args:
        name: of the entry.
        url: of the object.
        entity: what the store says of it.
    """
    stamp = f"{entity.size}:{entity.tag or entity.modified.isoformat()}"
    return ListedFile(normalize(name), url, stamp, entity.size)


def find_objects(urls: Iterable[str]) -> dict[str, tuple[str, Entity]]:
    """What the stores say of objects: their URL, which may spell a name in another normal form, and their size and tag.

    Args:
        urls: of objects. Those that are not there are not in the answer.

    Raises:
        RegroundError: a store cannot be reached, or refuses to answer.
    """
    buckets: dict[str, list[str]] = {}
    for url in dict.fromkeys(urls):
        buckets.setdefault("/".join(url.split("/", 3)[:3]), []).append(url)
    return {url: entry for bucket, wanted in buckets.items() for url, entry in _find_in_bucket(bucket, wanted)}


def _find_in_bucket(bucket: str, wanted: Sequence[str]) -> Iterator[tuple[str, tuple[str, Entity]]]:
    """By one listing of the folder that holds them all, and by a request for each where that holds far more."""
    folder = posixpath.commonpath([url.removeprefix(bucket).rpartition("/")[0] or "/" for url in wanted])
    root = f"{bucket}{folder}".rstrip("/")
    most = MAX_LISTED_PER_OBJECT * len(wanted) + PAGE
    entities = list(itertools.islice(scan_url(root), most))
    listed = {f"{root}/{entity.key}": entity for entity in entities}
    spellings = {normalize(url): url for url in listed}
    missing = []
    for url in wanted:
        actual = url if url in listed else spellings.get(normalize(url))
        if actual is None:
            missing.append(url)
        else:
            yield url, (actual, listed[actual])
    if len(entities) == most:
        with ThreadPoolExecutor(REQUESTS) as pool:
            for url, entity in zip(missing, pool.map(_stat, missing), strict=True):
                if entity is not None:
                    yield url, (url, entity)


def _stat(url: str) -> Entity | None:
    try:
        return stat_url(url)
    except FileNotFoundError:
        return None


def _listed(root: str, entity: Entity) -> ListedFile:
    return listed_object(entity.key, f"{root}/{entity.key}", entity)


def _is_marker(entity: Entity) -> bool:
    """Whether it stands for a folder: consoles of vendors make empty objects of that name."""
    return entity.size == 0 and "." not in entity.key.rpartition("/")[2]


def _places(key: str) -> set[str]:
    """The key, and each folder that it is in."""
    return {key, *_folders(key)}


def _folders(key: str) -> Iterator[str]:
    end = key.find("/")
    while end >= 0:
        yield key[:end]
        end = key.find("/", end + 1)


def _workspaces(entities: Iterable[Entity]) -> set[str]:
    """The folders below the root that hold a workspace, by the same rule as `reground.tasks.workspace.is_workspace`."""
    parts: dict[str, set[str]] = {}
    for entity in entities:
        for folder in _folders(entity.key):
            parent, _, name = folder.rpartition("/")
            if parent and name in ("manifest", "tables"):
                parts.setdefault(parent, set()).add(name)
    return {folder for folder, names in parts.items() if len(names) == 2}
