"""Every example of the documentation runs, or says why not; then it is at least a command that exists."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from reground.flows.cli import main, parse, reference
from reground.flows.settings import Settings, fields
from tests.support.examples import PAGES, PYTHON, SHELL, Block, blocks, commands, inline_code, reground_words
from tests.support.examples_world import copy_folder, examples_environment, examples_folder, examples_model
from tests.support.needs import ROOT, need_package

__all__ = ["examples_environment", "examples_folder", "examples_model"]

REASONS = {
    "installs packages": "make",
    "runs until it is stopped": "reground",
    "needs a Label Studio (tests/annotations/review)": "reground",
    "needs a Prefect server (tests/flows/run)": "reground",
    "needs Docker": "docker",
    "needs a bucket": "reground",
    "needs a second workspace": "reground",
    "needs a cluster": "kubectl",
    "needs a Ray cluster (tests/flows/run/ray)": "reground",
    "needs the predictions of two models": "reground",
    "needs the package above": "reground",
    "needs ImageNet": "reground",
    "needs ImageNet and the published weights": "reground",
    "needs the published weights": "reground",
    "needs the released archive and the published weights": "reground",
    "needs the published releases": "reground",
    "needs such files": "reground",
    "takes minutes": "reground",
}
"""Why a block is not run, in the words of the page. Their ``reground`` commands are parsed."""

ALL = [block for page in PAGES for block in blocks(page)]
SHELL_BLOCKS = [block for block in ALL if block.language in SHELL]
PYTHON_BLOCKS = [block for block in ALL if block.language in PYTHON or ">>>" in block.text]
RUN = sorted({block.page for block in SHELL_BLOCKS + PYTHON_BLOCKS if not block.reason})


def test_there_are_examples() -> None:
    assert len([block for block in SHELL_BLOCKS if not block.reason]) > 15
    assert {block.reason for block in ALL if block.reason} == set(REASONS)


@pytest.mark.usefixtures("examples_environment")
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, examples_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_package("timm")
    copy_folder(examples_folder, tmp_path / "page")
    monkeypatch.chdir(tmp_path / "page")
    names: dict[str, object] = {}
    for block in blocks(page):
        if block.reason:
            continue
        if block.language in SHELL:
            _run_shell(block)
        elif ">>>" in block.text:
            _run_python(block, names)


@pytest.mark.parametrize(
    ("place", "command"),
    [(block.place, command) for block in SHELL_BLOCKS for command in commands(block)],
    ids=lambda value: value.replace("::", ":"),
)
def test_a_command_is_understood(place: str, command: str) -> None:
    words = reground_words(command)
    assert words is None or parse(words) is not None


@pytest.mark.parametrize("block", [b for b in PYTHON_BLOCKS if ">>>" not in b.text], ids=lambda block: block.place)
def test_python_without_prompt_compiles(block: Block) -> None:
    compile(block.text, block.place, "exec")


FILE_ENDS = ("csv", "html", "id", "secret", "cursors")
"""Of file names that begin as settings do."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page: Path) -> None:
    known = {command.words for command in reference().commands}
    for code in inline_code(page):
        words = code.split()
        if words[:1] == ["reground"] and len(words) > 1 and words[1][:1].islower():
            assert words[1] in known or " ".join(words[1:3]) in known, code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_in_the_text_exist(page: Path) -> None:
    known = {field.name for field in fields(Settings)}
    steps = {name.partition(".")[0] for name in known if "." in name}
    for code in inline_code(page):
        step, dot, name = code.partition(" ")[0].partition(".")
        if step in steps and dot and name.isidentifier() and name not in FILE_ENDS:
            assert f"{step}.{name}" in known, code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_in_the_text_exist(page: Path) -> None:
    folders = ("tests/", "tasks/", "flows/", "annotations/", "benchmarks/", "docker/")
    for code in inline_code(page):
        if (
            code.startswith(folders)
            and code.isascii()
            and not any(letter in code for letter in "<>* ")
            and code == code.lower()
        ):
            assert (ROOT / code).exists(), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_benchmarks_in_the_text_exist(page: Path) -> None:
    for code in inline_code(page):
        if code.startswith("python -m benchmarks.") and "NAME" not in code:
            assert (ROOT / f"{code.split()[2].replace('.', '/')}.py").exists(), code


def test_an_example_that_fails_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```sh\nreground status -w nowhere\n```\n\n```pycon\n>>> 1 + 1\n3\n```\n")
    shell, python = (block for block in blocks(page))
    with pytest.raises(AssertionError):
        _run_shell(Block(ROOT / "README.md", 1, shell.language, shell.text, ""))
    with pytest.raises(AssertionError):
        _run_python(Block(ROOT / "README.md", 5, python.language, python.text, ""), {})


def test_a_wrong_option_is_noticed() -> None:
    with pytest.raises(CycloptsError):
        parse(["status", "-w", "W", "--no-such-option"])


def _run_shell(block: Block) -> None:
    for command in commands(block):
        words = reground_words(command)
        assert words is not None, (
            f"{block.place}: only reground commands run here, and other blocks say why not: {command}"
        )
        assert main(words) == 0, f"{block.place}: {command}"


def _run_python(block: Block, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, {}, block.place, str(block.page), block.line)
    test.globs = names
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        test, out=report.append, clear_globs=False
    )
    assert not failed, "".join(report)


def test_the_published_models_can_be_named() -> None:
    import torchvision

    (run,) = (
        command
        for block in blocks(ROOT / "docs" / "backgrounds.md")
        if block.language in SHELL
        for command in commands(block)
        if command.startswith("reground run")
    )
    names = parse(reground_words(run) or [])["predict_models"].split(",")
    assert len(names) == 3
    for name in names:
        architecture, _, weights = name.removeprefix("torchvision:").partition("@")
        assert weights in torchvision.models.get_model_weights(architecture).__members__
