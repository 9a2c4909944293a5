"""Data cards: counts that add up, agreement that is right, sources that are named for what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.truth.step import TruthSettings
from reground.tasks.export.data_card import _size, pair_counts, without_front_matter
from reground.tasks.export.export import FORMATS
from reground.tasks.schema import to_arrow
from reground.tasks.workspace import Workspace
from tests.support.export_world import CLASSIFY, IMAGENET, STRANGE, answers, export, judged, make_truth
from tests.support.released_data import imagenet_varied
from tests.support.tables import annotator, put, vote


def card(workspace: Workspace, out: Path, to_format: str = "real") -> str:
    return (export(workspace, to_format, out) / "DATA_CARD.md").read_text(encoding="utf-8")


def front(text: str) -> dict[str, Any]:
    _, yaml_text, rest = text.split("---\n", 2)
    assert rest.startswith("\n# Data card\n") and without_front_matter(text) == rest[1:]
    return yaml.safe_load(yaml_text)


def test_the_card_says_where_labels_came_from(tmp_path: Path) -> None:
    workspace = judged(tmp_path, IMAGENET)
    put(workspace, "dropped", [{"stage": "index", "item": "x", "reason": "truncated", "detail": "half"}])
    text = card(workspace, tmp_path / "out")
    assert f"truth version: {workspace.table_digest('truth')[:12]}\n" in text
    counts = "settled: 2 (confirmed: 0, changed: 0, extended: 1, empty: 1); in review: 0; unreviewed: 1"
    assert f"- images in the truth: 3; {counts}\n- images in this export: 2; settled: 1 (" in text
    assert "- left out of this export: 1 (settled: no label holds); see left_out.csv\n" in text
    assert '- method: selection-frequency; settings: {"' in text and '"keep": 0.5' in text
    assert "- votes: 20, from recorded (recorded beforehand for a demonstration: not a survey)\n" in text
    line = next(line for line in text.splitlines() if "question classify" in line)
    assert "not a survey), question classify: 20 votes on 4 pairs of image and label, 2 images, 5 annotators" in line
    assert "Krippendorff's alpha (nominal) 0.808, two answers on a pair are equal in 90.0%" in line
    assert "- dropped in index: 1 truncated\n" in text and "## Licence\n\nNot known" in text


def test_sources_are_named_apart_and_never_without_what_they_are(tmp_path: Path) -> None:
    workspace = judged(tmp_path, IMAGENET, source="label-studio")
    name = next(iter(IMAGENET))
    other = vote(name, 0, "x", source="tsv", annotator_id="tsv:anonymous-1", answer_id="tsv:1", question="rate")
    made = [*answers(name, [[0], [0]], [0], "simulated"), other]
    workspace.commit("more", "0000", "1" * 32, _votes(made))
    make_truth(workspace, TruthSettings(hold_out=("tsv",)))
    text = card(workspace, tmp_path / "out")
    assert "from label-studio, simulated (made by a program: not people's)\n" in text
    assert "- simulated (made by a program: not people's), question classify: 2 votes" in text
    assert "- not counted: 1 vote from tsv, held out\n" in text
    assert front(text)["annotations_creators"] == ["machine-generated", "other"]


def _votes(rows: list[dict[str, Any]]) -> Any:
    from reground.tasks.workspace import Output

    return Output({"votes": rows})


def test_agreement_is_not_made_up(tmp_path: Path) -> None:
    workspace = judged(tmp_path, {"one": 0})
    rows = [vote("one", 0, "x", annotator_id="csv:anonymous-1", source="csv", question="rate", answer_id="csv:1")]
    put(workspace, "votes", rows)
    make_truth(workspace)
    text = card(workspace, tmp_path / "out")
    assert "1 image, annotators unknown; no pair was judged twice, so that agreement is not known" in text
    rows += [row | {"annotator_id": "csv:b", "answer_id": "csv:2"} for row in rows]
    put(workspace, "votes", rows)
    make_truth(workspace)
    assert "alpha (nominal) not defined (all answers are alike)" in card(workspace, tmp_path / "again")


def test_excluded_annotators_do_not_count(tmp_path: Path) -> None:
    workspace = judged(tmp_path, IMAGENET)
    put(workspace, "annotators", [annotator("recorded:p0", excluded="slept")])
    make_truth(workspace, TruthSettings(min_annotators=4))
    text = card(workspace, tmp_path / "out")
    assert "- votes: 16, from recorded" in text and "question classify: 16 votes" in text
    assert "- not counted: 4 votes of 1 excluded annotator (1 for slept)\n" in text
    frame = pd.read_pickle(export(workspace, "imagenet-multilabel", tmp_path / "ml") / f"{CLASSIFY}.pkl")
    assert frame["num_workers"].tolist() == [4]
    make_truth(workspace, TruthSettings(count_excluded=True, keep=0.9))
    text = card(workspace, tmp_path / "all")
    assert "- votes: 20, from recorded" in text and "not counted" not in text
    assert "- votes of excluded annotators count all the same\n" in text
    assert "- labels are kept from confidence 0.9 on\n" in text


def test_votes_that_came_later_are_told(tmp_path: Path) -> None:
    workspace = judged(tmp_path, IMAGENET)
    put(workspace, "votes", answers(next(iter(IMAGENET)), [[0]], [0]))
    assert "the votes have changed since this truth was made: 20 then, 1 when exported" in card(
        workspace, tmp_path / "o"
    )


def test_a_truth_of_nobody(tmp_path: Path) -> None:
    text = card(judged(tmp_path, {"ILSVRC2012_val_00050000": 2}), tmp_path / "out")
    assert "- votes: 0, from nobody yet\n" in text
    assert front(text)["annotations_creators"] == ["no-annotation"]


@pytest.mark.parametrize("to_format", [name for name in FORMATS if name != "imagenet9"])
def test_every_card_has_front_matter_for_the_hub(tmp_path: Path, to_format: str) -> None:
    told = front(card(judged(tmp_path, IMAGENET | STRANGE), tmp_path / "out", to_format))
    assert told["license"] == "unknown" and told["task_categories"] == ["image-classification"]
    assert told["size_categories"] == ["n<1K"] and to_format in told["pretty_name"]
    assert ("configs" in told) == (to_format == "parquet")
    json.dumps(told)


def test_the_variants_card_has_front_matter_too(tmp_path: Path) -> None:
    assert front(card(imagenet_varied(tmp_path / "w"), tmp_path / "out", "imagenet9"))["license"] == "unknown"


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (50_000, "10K<n<100K"),
        (1_281_167, "1M<n<10M"),
    ],
)
def test_sizes_are_called_as_the_hub_calls_them(count: int, name: str) -> None:
    assert _size(count) == name


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-1, 3), st.sampled_from(["no", "maybe", "yes"]))))
def test_votes_are_counted_by_pair(rows: list[tuple[str, int, str]]) -> None:
    made = [vote(i, c, f"p{n}", answer, answer_id=str(n)) for n, (i, c, answer) in enumerate(rows)]
    counts = pair_counts(to_arrow("votes", made).combine_chunks())
    expected: dict[tuple[str, int], list[int]] = {}
    for image_id, label, answer in rows:
        expected.setdefault((image_id, label), [0, 0, 0])[["no", "maybe", "yes"].index(answer)] += 1
    assert sorted(counts.tolist()) == sorted(expected.values())
    assert counts.shape == (len(expected), 3) and counts.dtype == np.int64
    assert isinstance(to_arrow("votes", made), pa.Table)
