"""Gold: read from a CSV, and mixed into a round at its rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.rounds import gold_sources, read_gold, remove_gold
from reground.flows.cli.main import main
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.rounds_world import create_tasks, import_gold, plan
from tests.support.tables import candidate, put


def test_gold_comes_in_and_nothing_is_replaced_by_the_way(workspace: Workspace, tmp_path: Path) -> None:
    first = import_gold(workspace, tmp_path, "i00,class 0,yes", "i00,1,no", "i09,n00000002,yes", "i09.JPEG,2.0,Yes")
    assert first == {"pairs": 3, "images": 2, "dropped": 0, "repeated": 1}
    lines = ["i00,0,yes", "nobody,0,yes", "i00,dragon,no"]
    with pytest.raises(UsageError, match="remove or change 2 of the 3 known answers of the source 'known'"):
        import_gold(workspace, tmp_path, *lines)
    assert len(read_gold(workspace)) == 3
    second = import_gold(workspace, tmp_path, *lines, replace=True)
    assert second == {"pairs": 1, "images": 1, "dropped": 2, "repeated": 0}
    assert read_gold(workspace) == {("i00", 0): "yes"}
    assert sorted(workspace.read("dropped")["reason"]) == ["image_unknown", "label_unknown"]


def test_sources_of_gold_stand_beside_each_other_and_go_out_again(workspace: Workspace, tmp_path: Path) -> None:
    for name, text in {
        "ann": "image_id,class,answer\ni00,0,yes\n",
        "bob": "file,class,answer,note\nval/i01.JPEG,0,0,x\ni02,0,1,\n",
    }.items():
        (tmp_path / name).mkdir()
        path = tmp_path / name / "gold.csv"
        path.write_text(text)
        columns = ["--columns", "image_id=file"] if "file" in text else []
        assert main(["gold", "import", str(path), "-w", workspace.url, "--source", name, *columns]) == 0
    assert gold_sources(workspace) == {"ann": 1, "bob": 2}
    assert read_gold(workspace) == {("i00", 0): "yes", ("i01", 0): "no", ("i02", 0): "yes"}
    assert main(["gold", "remove", "-w", workspace.url, "--source", "bob"]) == 0
    assert gold_sources(workspace) == {"ann": 1} and read_gold(workspace) == {("i00", 0): "yes"}
    with pytest.raises(UsageError, match="unknown source of known answers 'bob': expected one of: ann"):
        remove_gold(workspace, "bob")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["i00,0,perhaps"], r"line 2\) 'perhaps': expected one of: no, yes"),
        (["i00,0,yes", "i00,class 0,no"], "line 3: .*the opposite"),
        (["i00,0"], "line 2: expected 3 cells"),
        (["i77.JPEG,0,yes"], r"none of the 1 can be used: 1 image_unknown .*line 2: no image i77\.JPEG"),
        ([], "one known answer a line"),
    ],
)
def test_malformed_gold_is_refused_whole(workspace: Workspace, tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        import_gold(workspace, tmp_path, *lines)
    assert workspace.read("gold").empty


def test_wrong_use_on_the_command_line_says_so(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["-w", workspace.url]
    assert main(["review", "push", "ann@lab", *where]) == 2
    assert "Unexpected argument: ann@lab" in capsys.readouterr().err
    assert main(["gold", "import", str(tmp_path / "none.csv"), *where]) == 2
    assert "expected a CSV" in capsys.readouterr().err
    assert main(["review", "annotators", *where]) == 0 and "nobody has answered" in capsys.readouterr().out


def test_gold_is_mixed_in_at_the_rate_and_looks_like_the_rest(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate(f"i{n:02d}", label) for n in range(8) for label in (0, 1, 2)])
    import_gold(workspace, tmp_path, *(f"i{n:02d},0,yes" for n in range(8, 12)))
    made = plan(workspace, "classify", gold_rate=0.2)
    extra = [q for q in made.questions if q.image_ids[0] >= "i08"]
    assert len(made.questions) == 10 and len(extra) == 2
    assert {len(q.class_idxs) for q in made.questions} == {3} and all(0 in q.class_idxs for q in extra)
    create_tasks(workspace, made, "classify", 2)
    assert plan(workspace, "classify", gold_rate=0.2).questions == []
    assert len(plan(workspace, "classify", gold_rate=0.0, round=2).questions) == 8
    with pytest.raises(UsageError, match=r"review.gold_rate: expected a number, at least 0, less than 1, got 1"):
        plan(workspace, "classify", gold_rate=1, round=3)


def test_gold_among_the_questions_counts_towards_the_rate(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(8)])
    import_gold(workspace, tmp_path, *(f"i{n:02d},0,yes" for n in range(12)))
    assert len(plan(workspace, "classify", gold_rate=0.2).questions) == 8
