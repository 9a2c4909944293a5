"""Published files that are damaged, or of another vocabulary, are refused by name."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reground.annotations.published import imagenet_multilabel, import_votes
from reground.annotations.published import real as real_module
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.needs import need_case
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
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "BadZipFile"),
        (shorten, "ends early"),
        (lambda path: rewrite(path, tensor=np.ones((18, 3, 3))), "two answers on one pair"),
        (lambda path: rewrite(path, tensor=np.full((18, 3, 3), 0.5)), "values other than 0 and 1"),
        (lambda path: rewrite(path, tensor=np.zeros((18, 3, 2))), "tensor is float64"),
        (lambda path: rewrite(path, ids=np.array([None] * 18)), "pickle"),
        (
            lambda path: rewrite(path, info=np.array([[ONE, str(n)] for n in (0, 1, 1000)])),
            "expected labels to be indices",
        ),
        (lambda path: rewrite(path, info=np.array([[ONE, name] for name in ("0", "1", "tench")])), "invalid literal"),
        (
            lambda path: rewrite(path, info=np.array([["cat_1", str(n)] for n in range(3)])),
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
        (entry(our_guessed_label=True), "whole numbers"),
        (entry(our_guessed_label=1.0), "whole numbers"),
        (entry(our_guessed_label=10**400), "expected labels to be indices"),
        (entry(our_guessed_label=-1), "found -1"),
        (entry(mturk=dict.fromkeys(("given", "guessed", "neither", "both"), 10**9)), "counts of up to 50 people"),
        (entry() * 2, f"expected one entry for each image, found 2 for {ONE}"),
        ([], "expected a list with entries"),
        (entry(our_guessed_label=0), "found class 0 and 0"),
        (entry(our_guessed_label=1000), "expected labels to be indices"),
        (entry(url="val/n01440764/cat_1.JPEG"), "expected the name of an ImageNet validation image"),
        ({"a": 1}, "expected a list with entries, found"),
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
        ({"main": 7}, "expected class indices: .*found 7 in main"),
        ({"main": [10**18]}, "found 1000000000000000000"),
        ({"main": [True]}, "expected class indices: .*bool"),
        ({"selected": [[-1]]}, "found -1"),
        ({"selected": [0]}, r"expected class indices: .*\[0\] in selected"),
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


def test_an_image_has_one_row_and_a_file_has_limits(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"image": ONE, "main": [0, 1], "selected": [[0], [1]], "imagenet_label": 0}
    with pytest.raises(UsageError, match=rf"expected each image once, found {ONE}\.JPEG twice"):
        import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "twice", [row, row]))
    for name, limit in (("MAX_WORKERS", 1), ("MAX_VOTES", 3)):
        with monkeypatch.context() as patch, pytest.raises(UsageError, match="found 2 and 4 so far"):
            patch.setattr(imagenet_multilabel, name, limit)
            import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / name, [row]))
    for name in ("MAX_PAIRS", "MAX_RATERS", "MAX_VOTES", "MAX_INFO_BYTES"):
        with monkeypatch.context() as patch, pytest.raises(UsageError, match=r"\(limit 2\)|\(2\)|over 2 "):
            patch.setattr(real_module, name, 2)
            import_votes(workspace, "real", real(tmp_path / name))
    assert not workspace.tables()


@pytest.mark.parametrize(
    "name",
    ["label5000", "labelneg", "labelnone", "mainint", "selhuge", "selint", "selnan", "selstr", "wnstrkey"],
)
def test_files_that_once_passed_or_failed_without_a_reason(workspace: Workspace, tmp_path: Path, name: str) -> None:
    folder = multilabel(tmp_path / "m")
    for path in need_case(f"multilabel-malformed/{name}").iterdir():
        (folder / "data" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match=r"/data/\w+\.(pkl|npy)(, ILSVRC2012_val_\d+\.JPEG)?: expected .* found "):
        import_votes(workspace, "imagenet-multilabel", folder)
    assert not workspace.tables()


@pytest.mark.parametrize("name", ["pickle-billion-laughs", "pickle-deep-tuple-hash", "pickle-poisons-reader"])
def test_pickles_that_once_cost_the_process(workspace: Workspace, tmp_path: Path, name: str) -> None:
    folder = multilabel(tmp_path / "m")
    whole = (folder / "data" / "image_info.pkl").read_bytes()
    for path in need_case(name).glob("*.pkl"):
        (folder / "data" / "image_info.pkl").write_bytes(path.read_bytes())
        with pytest.raises(RegroundError, match="this pickle was not read"):
            import_votes(workspace, "imagenet-multilabel", folder)
    (folder / "data" / "image_info.pkl").write_bytes(whole)
    assert import_votes(workspace, "imagenet-multilabel", folder)["votes"] == 6


def test_other_vocabularies_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "m")
    path = folder / "data" / "imagenet_label_to_wnid.npy"
    np.save(path, np.array({0: "n02084071"}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="calls class 0 n02084071, but ImageNet's class 0 is n01440764"):
        import_votes(workspace, "imagenet-multilabel", folder)
    np.save(path, np.array({"a": "n01440764"}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="expected class indices as keys"):
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
