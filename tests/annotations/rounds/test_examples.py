"""Examples beside a question: of which images, and drawn from the seed."""

from __future__ import annotations

from reground.annotations.rounds.examples import example_pool
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Workspace
from tests.support.rounds_world import truth
from tests.support.tables import image, put, put_truth


def test_examples_are_of_the_truth_first_and_never_of_the_question(workspace: Workspace) -> None:
    put_truth(workspace, [truth("i01", {1: 0.1, 0: 1.0}, outcome="changed"), truth("i03", {0: 0.0, 4: 1.0})])
    shown = example_pool(workspace, 3, 0)
    assert shown.select(ClassIdx(0), ())[0] == "i01"  # its truth is 0, though it came as 1
    assert set(shown.select(ClassIdx(0), ())) <= {"i01", "i00", "i06", "i09"}  # i03 came as 0 and is not
    assert (
        "i01" not in shown.select(ClassIdx(0), {ImageId("i01")})
        and len(shown.select(ClassIdx(0), {ImageId("i01")})) == 3
    )
    assert shown.select(ClassIdx(3), ()) == [] and example_pool(workspace, 0, 0).select(ClassIdx(0), ()) == []
    copies = [{**image(f"c{n}", 4), "sha256": f"{n // 2:064x}"} for n in range(4)]
    put(workspace, "images", [*copies, {**image("asked", 0), "sha256": f"{1:064x}"}])
    assert example_pool(workspace, 3, 0).select(ClassIdx(4), {ImageId("asked")}) in (["c0"], ["c1"])


def test_examples_are_drawn_from_the_seed(workspace: Workspace) -> None:
    assert len({tuple(example_pool(workspace, 3, seed).select(ClassIdx(2), ())) for seed in range(9)}) > 1
