"""The folder of this machine that a review of a workspace uses: task images, and the workspace's own Label Studio."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from reground.tasks.user_data import user_data_folder
from reground.tasks.workspace import Workspace


def local_folder(workspace: Workspace) -> Path:
    """The workspace's own folder; of a workspace in an object store one in the data folder of this user.

    That has a folder for each address, with the accounts and tasks of Label Studio, which are not in the workspace:
    it is no cache.
    """
    if workspace.is_local:
        return Path(workspace.root)
    name = re.sub(r"[^a-z0-9]+", "-", workspace.root.lower()).strip("-")
    return user_data_folder() / f"{name[-60:]}-{hashlib.blake2b(workspace.root.encode(), digest_size=6).hexdigest()}"
