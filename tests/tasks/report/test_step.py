"""The report: read as HTML, in every state a workspace can be in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reground.tasks.report import step as report
from reground.tasks.report.models import UNKNOWN, Number, Recipes, ranked
from reground.tasks.report.photographs import order, short_names
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import PAGE, ReportSettings, sheet
from reground.tasks.workspace import Output, Workspace, run_shard, todo
from tests.support.needs import need_chromium
from tests.support.report_world import (
    EVIL,
    MODELS,
    RECIPE,
    Page,
    evaluate,
    foreground_row,
    html_of,
    index,
    judge,
    mix,
    predict,
    truth_row,
    variant_row,
)
from tests.support.tables import image, put, put_truth, vote


@pytest.fixture
def full(workspace_url: str, tmp_path: Path) -> Workspace:
    workspace = Workspace(workspace_url)
    index(workspace, tmp_path / "photographs")
    for step in (mix, predict, judge, evaluate):
        step(workspace)
    return workspace


def test_nothing_is_loaded_and_everything_closes(full: Workspace) -> None:
    html = html_of(full)
    page = Page(html)
    assert "http" not in re.sub(r"http-equiv|data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", html)
    assert all(value.startswith("data:image/jpeg;base64,") for name, value in page.attributes if name == "src")
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    anchors = {value for name, value in page.attributes if name == "id"}
    assert {value[1:] for name, value in page.attributes if name == "href"} <= anchors
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'") in (
        page.attributes
    )


def test_names_from_data_are_text(full: Workspace) -> None:
    put(full, "votes", [vote("a", 7, "x", source=EVIL)])
    html = html_of(full, title=EVIL)
    assert html.count("<script") == 1 and "alert(&#34;x&#34;)" in html
    assert Page(html).line("photo0", EVIL)


def test_every_line_built_on_votes_names_their_source(full: Workspace) -> None:
    page = Page(html_of(full))
    counted = [line for line in page.lines if re.search(r"\d of 3\b", line) and "photographs" not in line]
    assert len(counted) >= 7  # one a judged label, and one a verdict
    built = [page.line("settled photographs"), page.line("models change rank"), page.line("Main object")]
    built += [line for line in page.lines for model in MODELS if line.startswith((model, model[-1])) and "→" in line]
    assert len(built) >= 7
    assert [line for line in (*counted, *built) if "recorded" not in line] == []


def test_votes_from_label_studio_need_no_caution(full: Workspace) -> None:
    judge(full, "label-studio")
    evaluate(full)
    html = html_of(full)
    assert "not-live" not in html.partition("</style>")[2] and "were not given" not in html
    assert "votes: label-studio" in html


def test_what_changed_is_said_in_words(full: Workspace) -> None:
    page = Page(html_of(full))
    said = "The original label “prayer rug” was ticked by 0 of 3 annotators; “mosque” holds instead."
    assert page.line(said) == f"{said} recorded"
    assert page.line("prayer rug → mosque")
    assert page.line("was ticked by 0 of 3 annotators, and no other label that was asked about holds")
    assert page.line("ticked by 3 of 3 annotators; “class 8” holds too")
    assert page.line("ticked by 3 of 3 annotators, and no other label holds")
    assert page.line("Nobody has judged the original label “mosque” yet.")
    assert page.line("mosque", "3 of 3 recorded", "b:1", "0.500")
    assert page.line("(tied with another)", "2 objects")


def test_numbers_are_those_of_the_evaluation(full: Workspace) -> None:
    page = Page(html_of(full))
    a = page.line("lite-a", "n 5", "n 3")
    assert re.findall(r"([\d.]+) %", a) == ["60.0", "60.0", "66.7", "66.7", "33.3"]
    assert "1= → 2 recorded" in a
    b = page.line("lite-b", "n 5", "n 3")
    assert re.findall(r"([\d.]+) %", b) == ["80.0", "80.0", "66.7", "100.0", "100.0"]
    assert page.line("models change rank").startswith("1 of 2")
    assert page.line("Mixed-Same", "0.0 %", "100.0 %", "n 1")
    assert page.line("3 of 4 settled photographs")


def test_different_recipes_are_not_compared_silently(full: Workspace) -> None:
    assert Page(html_of(full)).line("their recipes differ in preprocessing")
    same = {model: [("photographs", RECIPE % (224, model))] for model in MODELS}
    assert Recipes.of(same).differing == () and Recipes.of(same).mixed == ()
    elsewhere = {**same, "theirs": [("photographs", '{"imported": "x.csv", "sha256": "0"}')]}
    assert Recipes.of(elsewhere).differing == () and Recipes.of(elsewhere).imported == ("theirs",)
    two = {"lite-a": [("only_fg", "by hand"), ("no_fg", "otherwise")]}
    assert Recipes.of(two).mixed == ("lite-a",)


def test_what_is_not_decided_is_named(full: Workspace) -> None:
    row = truth_row("a", {7: 1.0, 9: 0.5}, [], "in_review")
    put_truth(full, [row | {"undecided": [9]}])
    page = Page(html_of(full))
    names = dict(full.read("classes")[["class_idx", "name"]].itertuples(index=False))
    assert page.line("was ticked by 3 of 3 annotators; not decided yet", f"“{names[9]}”")
    put_truth(full, [truth_row("a", {9: 0.0}, [], "in_review")])
    assert "not decided yet" not in html_of(full)
    assert Page(html_of(full)).line(f"Nobody has judged the original label “{names[7]}” yet")


def test_stale_numbers_are_called_so(full: Workspace) -> None:
    assert "and the truth is now" not in html_of(full)
    put_truth(full, [truth_row("a", {7: 1.0}, [7], "confirmed")])
    assert Page(html_of(full)).line("and the truth is now", "reground evaluate -w W")


STATES: list[tuple[list[Callable[[Workspace], None]], list[str]]] = [
    ([], ["masks", "variants", "predict", "candidates", "review push", "truth", "evaluate"]),
    ([predict, evaluate], ["masks", "variants", "review push", "truth"]),
    ([predict, judge, evaluate], ["masks", "variants", "review push"]),
    ([mix], ["predict", "candidates", "review push", "truth", "evaluate"]),
    ([mix, predict, judge, evaluate], ["review push"]),
]


@pytest.mark.parametrize(("done", "left"), STATES)
def test_any_state_says_what_is_left(
    workspace_url: str, tmp_path: Path, done: list[Callable[[Workspace], None]], left: list[str]
) -> None:
    workspace = Workspace(workspace_url)
    index(workspace, tmp_path / "photographs")
    for step in done:
        step(workspace)
    commands = [command for _, command in report.open_steps(Snapshot(workspace))]
    assert commands == [f"reground {command} -w W" for command in left]
    page = Page(html_of(workspace))
    assert all(page.line(command) for command in commands)
    assert all(page.line(name) for name in ("prayer rug", "mosque"))


def test_no_photographs_at_all(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [])
    assert Page(html_of(workspace)).line("There are 0 photographs")


def test_most_questioned_first_and_the_rest_counted(full: Workspace) -> None:
    assert list(order(Snapshot(full))["image_id"]) == ["a", "c", "d", "b", "e"]
    page = Page(html_of(full, max_images=2))
    assert [value for name, value in page.attributes if name == "data-stage" and value] == [
        *("changed", "empty"),  # the filter's buttons
        *("changed", "empty"),  # the cards
    ]
    assert page.line("3 more photographs are not shown here")


def test_a_photograph_that_went_away(full: Workspace, tmp_path: Path) -> None:
    (tmp_path / "photographs" / "a.png").unlink()
    (tmp_path / "photographs" / "b.png").write_bytes(b"no image")
    assert Page(html_of(full)).text().count("the file is gone or broken") == 2


def test_the_same_tables_give_the_same_bytes(full: Workspace) -> None:
    settings = ReportSettings()
    plan = todo(report.STEP, full, settings)
    (shard,) = plan.missing
    first = run_shard(report.STEP, full, settings, shard).files[PAGE]
    assert run_shard(report.STEP, full, settings, shard).files[PAGE] == first
    assert full.read_bytes(first.path).decode() == html_of(full)
    assert not todo(report.STEP, full, settings).missing
    put(full, "votes", [vote("a", 7, "new")])
    assert todo(report.STEP, full, settings).missing


def test_only_the_shards_of_what_is_shown_are_opened(
    workspace_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(workspace_url)
    index(workspace, tmp_path / "photographs")
    rows = workspace.read("images").to_dict("records")
    workspace.retire("by-hand-images", ())
    for row in rows:
        boxes = [dict(box) for box in row["boxes"]]
        workspace.commit("index", row["image_id"], "0" * 32, Output({"images": [{**row, "boxes": boxes}]}))
        variant = variant_row(row["image_id"], "only_fg", 1)
        workspace.commit("variants", row["image_id"], "0" * 32, Output({"variants/only_fg": [variant]}))
    opened: list[str] = []
    read_part = Workspace.read_part
    monkeypatch.setattr(
        Workspace, "read_part", lambda w, path, columns=None: opened.append(path) or read_part(w, path, columns)
    )
    page = Page(html_of(workspace, max_images=1))
    assert page.text().count("Only-FG") == 1
    assert len([path for path in opened if "variants" in path]) == 1


def test_the_contact_sheet_takes_turns_between_groups(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    mix(workspace)
    ids = [f"r{n}" for n in range(9)] + ["z"]
    put(workspace, "images", [image(i, 8 if i == "z" else 7) for i in ids])
    put(workspace, "foregrounds", [foreground_row(i, int(i == "z")) for i in ["not indexed", *ids]])
    assert sheet(Snapshot(workspace)) == ["r0", "r1", "r2", "r3", "r4", "z"]


def test_ranks_are_shared_by_equals() -> None:
    numbers = {"a": 0.5, "b": 0.7, "c": 0.7, "d": 0.1}
    measured = {model: Number(value, 0, 1, 9) for model, value in numbers.items()}
    assert ranked({**measured, "unknown": UNKNOWN}) == {"a": "3", "b": "1=", "c": "1=", "d": "4"}


def test_short_names_stay_apart() -> None:
    assert short_names(["net-lite0", "net-lite1"]) == {"net-lite0": "lite0", "net-lite1": "lite1"}
    assert short_names(["net-a", "net-a-b"]) == {"net-a": "a", "net-a-b": "a-b"}
    assert short_names(["only-one"]) == {"only-one": "only-one"}
    assert short_names([]) == {}


@pytest.mark.slow
def test_a_browser_shows_it_without_a_request(full: Workspace, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(html_of(full))
    requests: list[str] = []
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((tmp_path / "page.html").as_uri())
        page.click(".filter button[data-stage=empty]")
        assert page.locator(".card:visible").count() == 1
        for width in (1400, 820, 420, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
    assert [url for url in requests if not url.startswith("data:")] == [(tmp_path / "page.html").as_uri()]
    assert problems == []
