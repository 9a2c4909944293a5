"""Any two truths side by side: how far their labels agree, which images differ, and why."""

from __future__ import annotations

import json
import math

import pytest

from reground.annotations.truth.diff import diff
from reground.annotations.truth.sides import find
from reground.annotations.truth.step import TruthSettings
from reground.annotations.truth.versions import versions
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put, reference_row
from tests.support.truth_versions import five, settle


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    put(made, "classes", [class_row(7, "tench"), class_row(3, "hook"), class_row(4, "net")])
    put(made, "images", [image("a", 7), image("b", 7)])
    return made


BOTH = [*five("a", {7: 5, 3: 1}), *five("b", {7: 5})]


def test_other_votes_change_their_image_alone(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    settle(workspace, [*five("a", {7: 5, 3: 4}), *five("b", {7: 5})])
    found = diff(workspace, "1", "2")
    assert (found.unchanged, found.settings) == (1, {})
    (change,) = found.changes
    assert change.first is not None and change.second is not None
    assert (change.image_id, change.first["labels"], change.second["labels"]) == ("a", [7], [7, 3])
    assert change.why == ["votes"]
    assert found.transitions() == {("confirmed", "extended"): 1}


def test_labels_in_another_order_are_the_same_labels(workspace: Workspace) -> None:
    settle(workspace, [*five("a", {7: 4, 3: 3})])
    settle(workspace, [*five("a", {7: 3, 3: 4})])
    assert len(versions(workspace)) == 2
    assert diff(workspace, "1", "2").changes == []


def test_settings_and_method_are_reasons(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    settle(workspace, BOTH, TruthSettings(keep=0.1, method="dawid-skene"))
    settle(workspace, BOTH, TruthSettings(keep=0.1))
    assert diff(workspace, "1", "3").settings == {"keep": (0.5, 0.1)}
    assert diff(workspace, "1", "3").reasons() == {"settings": 1}
    assert "method" in diff(workspace, "1", "2").settings


def test_new_and_lost_images_and_originals(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    put(workspace, "images", [image("a", 3), image("c", 7)])
    settle(workspace, BOTH[:10])
    found = diff(workspace, "1", "2")
    assert {c.image_id: c.why for c in found.changes} == {"a": ["original"], "b": ["image gone"], "c": ["new image"]}


def test_versions_are_found_by_what_people_have_at_hand(workspace: Workspace) -> None:
    with pytest.raises(RegroundError, match="found none"):
        find(workspace, "1")
    version = settle(workspace, BOTH)
    assert find(workspace, version[:5]) == find(workspace, "1")
    with pytest.raises(UsageError, match=version):
        find(workspace, "9")


def test_on_the_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    settle(workspace, BOTH)
    settle(workspace, [*five("a", {7: 0, 3: 5}), *five("b", {7: 5})])
    assert main(["truth", "-w", workspace.url, "versions"]) == 0
    assert "2  " in capsys.readouterr().out
    assert main(["truth", "diff", "1", "2", "-w", workspace.url]) == 0
    out = capsys.readouterr().out
    sides = "[tench; main tench, objects 1; confirmed] -> [hook; main hook, objects 1; changed]"
    assert f"a: {sides}; no label in common; votes" in out
    assert "images: 1 differ, 1 do not" in out and "confirmed -> changed: 1" in out
    assert main(["truth", "diff", "1", "2", "--json", "-w", workspace.url]) == 0
    assert json.loads(capsys.readouterr().out)["changes"][0]["image_id"] == "a"
    assert main(["truth", "diff", "1", "-w", workspace.url]) == 2
    assert main(["truth", "difff", "-w", workspace.url]) == 2
    assert "versions" in capsys.readouterr().err


def test_a_reference_against_the_own_truth(workspace: Workspace) -> None:
    """a is settled with 7 and 3, b with 7, c is in review: it is not compared, and its labels are not none."""
    put(workspace, "images", [image("a", 7), image("b", 7), image("c", 7)])
    settle(workspace, [*five("a", {7: 5, 3: 4}), *five("b", {7: 5}), *five("c", {7: 5})[:2]])
    rows = [reference_row("a", [7]), reference_row("b", [3], [0.5]), reference_row("c", [3]), reference_row("z", [4])]
    put(workspace, "reference_truths/real", rows)
    found = diff(workspace, "real", "own")
    assert (found.compared, found.only_first, found.only_second, found.unchanged) == (2, 2, 0, 0)
    assert (found.first.images, found.second.images, found.second.settled) == (4, 3, 2)
    whole = found.scores[0].agreement
    assert (whole.first, whole.second, whole.both) == (2, 3, 1)
    assert (whole.exact.value, whole.precision.value, whole.f1.value) == (0, 0.5, pytest.approx(0.4))
    assert whole.recall.value == pytest.approx(1 / 3) and whole.recall.n == 2
    by_class = {score.name: score.agreement for score in found.scores if score.level == "class"}
    assert set(by_class) == {"tench", "hook"}  # nobody says net of an image that both settled
    assert (by_class["hook"].both, by_class["hook"].f1.n, by_class["hook"].f1.value) == (0, 2, 0)
    # b: of 3 (0.5 sure) and 7 (sure) neither is in both; a: 3 is in one, 7 in both
    assert [(change.image_id, change.kind) for change in found.changes] == [
        ("b", "no label in common"),
        ("a", "more labels in 1"),
    ]
    assert found.changes[0].disagreement == 0.75 and found.changes[0].why == []
    assert found.changes[0].first == {"labels": [3]}


def test_the_two_directions_change_precision_and_recall(workspace: Workspace) -> None:
    put(workspace, "reference_truths/x", [reference_row("a", [7, 3]), reference_row("b", []), reference_row("c", [4])])
    put(workspace, "reference_truths/y", [reference_row("a", [3]), reference_row("b", [7]), reference_row("c", [4])])
    there, back = (diff(workspace, *names).scores[0].agreement for names in (("x", "y"), ("y", "x")))
    assert there.precision.value == back.recall.value and there.recall.value == back.precision.value
    assert there.f1 == back.f1 and there.exact == back.exact
    assert [c.kind for c in diff(workspace, "x", "y").changes] == ["no label holds in x", "more labels in x"]


def test_the_original_labels_are_a_truth(workspace: Workspace) -> None:
    put(workspace, "reference_truths/real", [reference_row("a", [7]), reference_row("b", [3, 7])])
    found = diff(workspace, "original", "real")
    assert (found.first.name, found.compared) == ("original", 2)
    assert found.scores[0].agreement.precision.value == 1
    assert [change.kind for change in found.changes] == ["more labels in real"]


def test_nothing_in_common_is_no_number(workspace: Workspace) -> None:
    put(workspace, "reference_truths/x", [reference_row("a", [7])])
    put(workspace, "reference_truths/y", [reference_row("b", [7])])
    found = diff(workspace, "x", "y")
    assert (found.compared, found.changes, found.only_first, found.only_second) == (0, [], 1, 1)
    whole = found.scores[0].agreement
    assert all(math.isnan(value) for value in (whole.exact.value, whole.precision.value, whole.f1.low))
    assert found.to_dict()["scores"][0]["agreement"]["f1"] == {"value": None, "low": None, "high": None, "n": 0}
    json.dumps(found.to_dict(), allow_nan=False)


def test_names_that_mean_no_truth_list_all(workspace: Workspace) -> None:
    put(workspace, "reference_truths/real", [reference_row("a", [7])])
    version = settle(workspace, BOTH)
    with pytest.raises(
        UsageError, match=rf"unknown truth 'rael': did you mean 'real'.*1 \({version}\).*original, own, real"
    ):
        diff(workspace, "rael", "1")
    with pytest.raises(UsageError, match="unknown truth ''"):
        diff(workspace, "", "1")


def test_a_reference_on_the_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    put(workspace, "groups", [{"group": 0, "name": "Fish", "class_idx": 7}])
    put(workspace, "reference_truths/real", [reference_row("a", [7, 3]), reference_row("b", [])])
    settle(workspace, BOTH)
    assert main(["truth", "diff", "own", "real", "-w", workspace.url, "--resamples", "50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("labels: 2 in 1, 2 in real, 1 in both") for line in lines)
    assert any(line.split()[:3] == ["precision", "50.0", "%"] for line in lines)
    assert any(line.endswith("Fish") for line in lines)
    assert "b: [tench] -> [no label]; no label holds in real" in "\n".join(lines)
    assert main(["truth", "diff", "own", "real", "-w", workspace.url, "--limit", "1"]) == 0
    assert "... and 1 more: --json names all" in capsys.readouterr().out
    for wrong in (["--limit", "-1"], ["--resamples", "0"]):
        assert main(["truth", "diff", "own", "real", "-w", workspace.url, *wrong]) == 2
