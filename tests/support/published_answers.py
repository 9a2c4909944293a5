"""Small files in the formats of published answers, and what an import of them gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace

ONE, TWO = "ILSVRC2012_val_00000293", "ILSVRC2012_val_00002138"  # both tench, class 0
LAST = "ILSVRC2012_val_00050000.JPEG"
WNIDS = [row["wnids"][0] for row in load_classes()]


def multilabel(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Two workers on ONE, one on TWO; TWO has a row in neither when ``rows`` say so."""
    rows = rows or [
        {"image": ONE, "main": [0, 389], "selected": [[0], [389, 0]], "imagenet_label": 0},
        {"image": TWO, "main": [1], "selected": [[1]], "imagenet_label": 0},
    ]
    data = folder / "data"
    data.mkdir(parents=True)
    made = pd.DataFrame(rows).assign(image=lambda frame: frame["image"] + ".JPEG").set_index("image")
    made["main"] = [np.array(main) if isinstance(main, list) else main for main in made["main"]]
    made.to_pickle(data / "annotations_classify_task.pkl")
    info = pd.DataFrame({"annotation": ["fu", "fu", "mis"]}, index=[f"{ONE}.JPEG", f"{TWO}.JPEG", LAST])
    info.to_pickle(data / "image_info.pkl")
    np.save(data / "imagenet_label_to_wnid.npy", np.array(dict(enumerate(WNIDS)), dtype=object), allow_pickle=True)
    return folder


def raters(path: Path, answers: list[list[str]], pairs: list[tuple[str, int]], kind: type = np.float64) -> None:
    """``answers[rater][pair]`` of no, maybe, yes or nothing."""
    tensor = np.zeros((len(answers), len(pairs), 3), kind)
    for rater, given in enumerate(answers):
        for pair, answer in enumerate(given):
            if answer:
                tensor[rater, pair, ["no", "maybe", "yes"].index(answer)] = 1
    info = np.array([[f"{image_id}.JPEG", str(label)] for image_id, label in pairs], "<U28")
    np.savez_compressed(path, tensor=tensor, info=info, ids=np.arange(100, 100 + len(answers)))


def real(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    pairs = [(ONE, 0), (ONE, 389), (TWO, 0)]
    raters(folder / "raters.npz", [["yes", "no", ""], ["yes", "maybe", "yes"]] * 9, pairs)
    raters(folder / "golden.npz", [["yes", "yes", "no"]] * 5, pairs, np.uint8)
    return folder


def label_errors(folder: Path, entries: list[dict[str, Any]] | None = None) -> Path:
    names = [f"val/{WNIDS[0]}/{name}.JPEG" for name in (ONE, TWO)]
    verdicts = {"given": 1, "guessed": 2, "neither": 1, "both": 1}
    url = f"https://labelerrors.com//static/imagenet/{names[0]}"
    entry = {"id": 293, "url": url, "given_original_label": 0, "our_guessed_label": 389, "mturk": verdicts}
    for name in ("mturk", "dataset_indexing", "original_test_labels"):
        (folder / name).mkdir(parents=True)
    (folder / "mturk" / "imagenet_mturk.json").write_text(json.dumps(entries if entries is not None else [entry]))
    (folder / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").write_text(json.dumps(names))
    np.save(folder / "original_test_labels" / "imagenet_val_set_original_labels.npy", np.array([0, 0], np.uint16))
    return folder


def votes(workspace: Workspace) -> pd.DataFrame:
    return workspace.read("votes")


def dropped(workspace: Workspace) -> list[tuple[str, str]]:
    return list(workspace.read("dropped")[["item", "reason"]].itertuples(index=False, name=None))


def entry(**more: Any) -> list[dict[str, Any]]:
    path = f"val/{WNIDS[0]}/{ONE}.JPEG"
    counts = {"given": 5, "guessed": 0, "neither": 0, "both": 0}
    return [{"url": path, "given_original_label": 0, "our_guessed_label": 1, "mturk": counts, **more}]
