"""Shells complete commands and options."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reground.flows.cli.main import main


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("completion") / "reground.bash"
    script.write_text(script_of("bash"))
    return script


def script_of(shell: str) -> str:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["completion", shell]) == 0
    return printed.getvalue()


def complete(script: Path, line: str) -> set[str]:
    """What bash offers for the last word of a line."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    code = f"""
    source {script}
    COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMP_POINT={len(line)}
    $(complete -p reground | sed 's/.*-F \\([^ ]*\\) .*/\\1/') reground '{words[-1]}' '{words[-2]}'
    printf '%s\\n' "${{COMPREPLY[@]}}\"
    """
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    return {word.strip() for word in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("reground ma", {"masks"}),
        ("reground review pu", {"push", "pull"}),
        ("reground truth -w W --met", {"--method"}),
        ("reground index --id", {"--ids"}),
        ("reground index --ids ", {"stem", "path"}),
        ("reground completion ", {"bash", "zsh", "fish"}),
        ("reground masks --js", {"--json"}),
    ],
)
def test_bash_completes(line: str, offered: set[str], bash_script: Path) -> None:
    assert complete(bash_script, line) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(shell: str) -> None:
    script = script_of(shell)
    assert "reground" in script and "needs_vote" in script and "min-quality" in script


def test_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["completion", "fish", "--install"]) == 0
    written = Path(capsys.readouterr().out.removeprefix("wrote ").partition(":")[0])
    assert written.is_relative_to(tmp_path) and "reground" in written.read_text()
