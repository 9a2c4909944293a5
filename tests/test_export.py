"""Every export is read back by the library it is meant for, and compared."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from PIL import Image

from tasks import export as exporting
from tasks.errors import RegroundError, UsageError
from tasks.export import export
from tasks.store import Workspace
from tests.tables import class_row, image, put
from tests.test_evaluation import truth_row


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    stems = [f"ILSVRC2012_val_{number:08d}" for number in (3, 7, 50000)]
    for number, stem in enumerate(stems):
        Image.new("RGB", (30, 20), (90 * number, 50, 50)).save(tmp_path / f"{stem}.JPEG")
    put(made, "images", [image(s, c, str(tmp_path / f"{s}.JPEG")) for s, c in zip(stems, (1, 0, 2), strict=True)])
    put(made, "classes", [class_row(0, "tench"), class_row(1, "goldfish"), class_row(2, "great white shark")])
    put(
        made,
        "truth",
        [
            truth_row(stems[0], [0, 1], "extended", 1),
            truth_row(stems[1], [], "empty", None),
            truth_row(stems[2], [2], "unreviewed", None),
        ],
    )
    return made


def test_imagefolder_by_main_label(workspace: Workspace, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    out = export(workspace, "imagefolder", tmp_path / "out")
    read = ImageFolder(str(out / "val"))
    assert read.classes == ["n00000001", "n00000002"]
    found = {Path(path).stem: read.classes[label] for path, label in read.samples}
    assert found == {"ILSVRC2012_val_00000003": "n00000001", "ILSVRC2012_val_00050000": "n00000002"}
    assert (tmp_path / "ILSVRC2012_val_00000003.JPEG").read_bytes() == Path(read.samples[0][0]).read_bytes()


def test_real_is_a_list_over_all_images_that_timm_takes(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    import torch
    from timm.data.real_labels import RealLabelsImagenet

    out = export(workspace, "real", tmp_path / "out")
    labels = json.loads((out / "real.json").read_text())
    assert len(labels) == 50_000
    assert (labels[2], labels[6], labels[49_999], labels[0]) == ([0, 1], [], [2], [])
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)]
    judge = RealLabelsImagenet(names, real_json=str(out / "real.json"))
    answers = torch.full((50_000, 5), 9)
    answers[2], answers[49_999] = 1, 0
    for start in range(0, 50_000, 10_000):
        judge.add_result(torch.nn.functional.one_hot(answers[start : start + 10_000, 0], 10).float())
    assert judge.get_accuracy(k=1) == pytest.approx(50.0)


def test_real_for_other_ids_is_keyed_by_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "images", [image("cat_1", 0)])
    put(workspace, "classes", [class_row(0)])
    put(workspace, "truth", [truth_row("cat_1", [0], "confirmed", 0)])
    assert json.loads((export(workspace, "real", tmp_path / "out") / "real.json").read_text()) == {"cat_1": [0]}


def test_parquet_opens_in_datasets_with_images(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from datasets import load_dataset

    out = export(workspace, "parquet", tmp_path / "out")
    read = load_dataset(
        "parquet", data_files=str(out / "data" / "*.parquet"), split="train", cache_dir=str(tmp_path / "c")
    )
    assert read.features["original_label"].names == ["tench", "goldfish", "great white shark"]
    first = read[0]
    assert first["image"].size == (30, 20)
    assert (first["image_id"], first["original_label"], first["labels"]) == ("ILSVRC2012_val_00000003", 1, [0, 1])
    assert (first["main_label"], read[1]["main_label"], read[1]["labels"]) == (1, None, [])


def test_the_card_says_where_labels_came_from(workspace: Workspace, tmp_path: Path) -> None:
    card = (export(workspace, "real", tmp_path / "out") / "DATA_CARD.md").read_text()
    assert "images: 3; with no label that holds: 1" in card
    assert "votes: 15, from recorded" in card and "not a survey" in card


def test_an_interrupted_export_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: object, out: Path) -> None:
        (out / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(exporting.FORMATS, "real", full)
    with pytest.raises(RegroundError, match="No space left"):
        export(workspace, "real", tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_an_image_that_is_gone_is_named(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2012_val_00000003.JPEG").unlink()
    with pytest.raises(RegroundError, match=r"val_00000003\.JPEG.*bring the image back"):
        export(workspace, "imagefolder", tmp_path / "out")


def test_wrong_use(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="imagefolder, imagenet9, parquet, real"):
        export(workspace, "tfrecord", tmp_path / "out")
    with pytest.raises(UsageError, match="is there already"):
        export(workspace, "real", tmp_path)
    with pytest.raises(RegroundError, match="run `reground truth"):
        export(Workspace(tmp_path / "empty"), "real", tmp_path / "out")
