"""Where an export may lie: nowhere that the workspace or the next `reground index` would take for its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from reground.tasks.errors import UsageError
from reground.tasks.storage import is_url
from reground.tasks.workspace import Workspace


def check_destination(workspace: Workspace, out: Path) -> None:
    """Check the folder that an export is to make.

    Raises:
        UsageError: there is something already, or the next `reground index` would take it for images.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"expected a new or an empty folder, but {out} has content: remove it or name another folder.")
    place = out.resolve()
    if workspace.is_local and place.is_relative_to(Path(workspace.root).resolve()):
        for owned in ("manifest", "tables", "files"):
            if place.is_relative_to(Path(workspace.path(owned)).resolve()):
                raise UsageError(f"expected a folder outside {workspace.path(owned)}, which is the workspace's own.")
        return
    for folder in _folders_of_images(workspace):
        if place.is_relative_to(folder):
            raise UsageError(
                f"expected a folder outside {folder}, whose images are indexed: they would be indexed again "
                f"from {out}. Name another folder."
            )


def _folders_of_images(workspace: Workspace) -> set[Path]:
    """Where images lie, and the folder that was indexed; where that is not known, what holds several of the former."""
    folders: set[Path] = set()
    for _, part in workspace.parts("images"):
        uris = workspace.read_part(part.path, ["uri"])["uri"].to_pylist()
        folders |= {Path(uri).parent.resolve() for uri in uris if not is_url(uri)}
    images = workspace.settings_of("index").get("images", "")
    if is_url(images):
        return folders
    indexed = Path(images).resolve()
    if images and indexed.exists():
        return folders | {indexed} if indexed.is_dir() else folders  # else a listing, which names its images
    parents = Counter(folder.parent for folder in folders)
    return folders | {folder for folder, count in parents.items() if count > 1}
