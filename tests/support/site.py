"""The documentation built as a site, in a folder of its own: the project's stays as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs.make_reference import write
from tests.support.needs import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Site:
    """A copy of what the site is built from.

    Attributes:
        project: holds ``mkdocs.yml``, ``docs`` and, once built, ``site``.
    """

    project: Path

    @property
    def folder(self) -> Path:
        return self.project / "site"

    def pages(self) -> list[Path]:
        return sorted(self.folder.rglob("*.html"))

    def build(self) -> subprocess.CompletedProcess[str]:
        """As `make docs` does; standard output and error together, without colours."""
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        built = subprocess.run(
            command, cwd=self.project, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_offline()
        )
        return subprocess.CompletedProcess(command, built.returncode, COLOUR.sub("", built.stdout))


def _offline() -> dict[str, str]:
    # Nothing listens on port 9 (discard): whatever goes out fails.
    return {**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


def copy_site(project: Path) -> Site:
    """All sources of the site, the pages made from the code among them."""
    shutil.copytree(ROOT / "docs", project / "docs", ignore=shutil.ignore_patterns("reference", "__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", project)
    (project / "reground").symlink_to(ROOT / "reground")
    write(project / "docs" / "reference")
    return Site(project)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Built once a worker."""
    copy = copy_site(tmp_path_factory.mktemp("site"))
    built = copy.build()
    assert built.returncode == 0, built.stdout
    return copy


class Addresses(HTMLParser):
    """What a page loads by itself, as opposed to what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(values.get("href") or "")
        if tag in ("script", "img", "iframe", "source", "audio", "video"):
            self.loaded.append(values.get("src") or "")
