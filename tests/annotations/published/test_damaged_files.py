"""Published files that are damaged, or of another vocabulary, are refused by name."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reground.annotations.published import import_votes
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_answers import (
    ONE,
    entry,
    label_errors,
    multilabel,
    real,
)


def rewrite(path: Path, **arrays: Any) -> None:
    held = dict(np.load(path))
    np.savez_compressed(path, **{**held, **arrays})


def shorten(path: Path) -> None:
    """Cut the tensor short inside an archive that is otherwise whole."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content[:-8] if name == "tensor.npy" else content)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.unlink(), "FileNotFoundError"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "BadZipFile"),
        (shorten, "tensor ends early"),
        (lambda path: rewrite(path, tensor=np.ones((18, 3, 3))), "two answers on one pair"),
        (lambda path: rewrite(path, tensor=np.full((18, 3, 3), 0.5)), "values other than 0 and 1"),
        (lambda path: rewrite(path, tensor=np.zeros((18, 3, 2))), "tensor is float64"),
        (lambda path: rewrite(path, ids=np.array([None] * 18)), "pickle"),
        (lambda path: rewrite(path, info=np.array([[ONE, "1000"]] * 3)), "expected labels to be indices"),
        (lambda path: rewrite(path, info=np.array([[ONE, "tench"]] * 3)), "invalid literal"),
        (
            lambda path: rewrite(path, info=np.array([["cat_1", "0"]] * 3)),
            "expected the name of an ImageNet",
        ),
    ],
)
def test_damaged_raters(workspace: Workspace, tmp_path: Path, spoil: Callable[[Path], Any], complaint: str) -> None:
    folder = real(tmp_path / "r")
    spoil(folder / "raters.npz")
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "real", folder)
    assert not workspace.tables()


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        (entry(mturk={"given": 5}), "expected entry 0 to hold url"),
        (entry(our_guessed_label="tench"), "expected entry 0 to hold url"),
        (entry(our_guessed_label=0), "compares class 0 with 0"),
        (entry(our_guessed_label=1000), "expected labels to be indices"),
        (entry(url="val/n01440764/cat_1.JPEG"), "expected the name of an ImageNet validation image"),
        ({"a": 1}, "expected a list, found dict"),
    ],
)
def test_malformed_verdicts(workspace: Workspace, tmp_path: Path, entries: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "label-errors", label_errors(tmp_path / "l", entries))
    assert not workspace.tables()


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"imagenet_label": 5000}, "indices of ImageNet's classes, 0 to 999, found 5000"),
        ({"imagenet_label": -1}, "found -1"),
        ({"imagenet_label": None}, "expected class indices: .*NoneType"),
        ({"imagenet_label": 0.5}, "expected class indices: .*float"),
        ({"main": 7}, "expected class indices: .*int"),
        ({"main": [10**30]}, "found 1000000000000000000000000000000"),
        ({"selected": [0]}, "expected class indices: .*int"),
        ({"selected": [[float("nan")]]}, "expected class indices: .*float"),
        ({"selected": [["x"]]}, "expected class indices: .*str"),
        ({"selected": [[1000]]}, "found 1000"),
    ],
)
def test_malformed_classify_answers(
    workspace: Workspace, tmp_path: Path, cells: dict[str, Any], complaint: str
) -> None:
    row = {"image": ONE, "main": [0], "selected": [[0]], "imagenet_label": 0, **cells}
    with pytest.raises(UsageError, match=rf"annotations_classify_task\.pkl, {ONE}\.JPEG: .*{complaint}"):
        import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "m", [row]))
    assert not workspace.tables()


def test_other_vocabularies_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "m")
    path = folder / "data" / "imagenet_label_to_wnid.npy"
    np.save(path, np.array({0: "n02084071"}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="calls class 0 n02084071, but ImageNet's class 0 is n01440764"):
        import_votes(workspace, "imagenet-multilabel", folder)
    np.save(path, np.array({"a": "n01440764"}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="expected the keys to be class indices"):
        import_votes(workspace, "imagenet-multilabel", folder)
    other = label_errors(tmp_path / "l")
    np.save(other / "original_test_labels" / "imagenet_val_set_original_labels.npy", np.array([7, 0]))
    with pytest.raises(UsageError, match="calls class 7 n01440764"):
        import_votes(workspace, "label-errors", other)


def test_a_pickle_that_wants_to_run_code(workspace: Workspace, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "m")
    (folder / "data" / "image_info.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(RegroundError, match=r"image_info\.pkl: this pickle was not read: it asks for builtins\.print"):
        import_votes(workspace, "imagenet-multilabel", folder)
    assert not workspace.tables()
