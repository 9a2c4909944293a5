"""What travels to the nodes of a cluster: the whole package, as files."""

from __future__ import annotations

from pathlib import Path

import reground
from reground.flows.run.ray.shipping import copy_package


def test_the_copy_holds_every_file_and_no_link(tmp_path: Path) -> None:
    copy = copy_package(tmp_path)
    source = Path(reground.__file__).parent
    folders = [source, *(path for path in source.iterdir() if path.is_dir() and "__pycache__" not in path.name)]
    files = {path.relative_to(source) for folder in folders for path in folder.rglob("*") if path.is_file()}
    expected = {path for path in files if path.suffix != ".pyc" and path.name != ".gitignore"}
    assert {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()} == expected
    assert Path("tasks/vocabularies/imagenet.csv") in expected and Path("flows/run/ray/worker.py") in expected
    assert not any(path.is_symlink() for path in [copy, *copy.rglob("*")])
