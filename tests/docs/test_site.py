"""The documentation as a site: it builds, its links hold, and it opens from a folder."""

from __future__ import annotations

from pathlib import Path

import yaml

from reground.flows.cli import reference
from reground.flows.settings import Settings, fields
from reground.tasks.schema import TABLES
from tests.support.needs import ROOT
from tests.support.site import Addresses, Site, copy_site, site

__all__ = ["site"]

PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
WRITTEN = [page for page in PAGES if page.parts[0] != "reference"]


def test_every_page_is_built(site: Site) -> None:
    missing = [page for page in WRITTEN if not (site.folder / page).with_suffix(".html").exists()]
    assert not missing
    assert len(site.pages()) > len(WRITTEN)


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert {str(page) for page in WRITTEN} == {page for page in _leaves(config["nav"]) if "reference/" not in page}


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    copy = copy_site(tmp_path)
    page = copy.project / "docs" / "glossary.md"
    page.write_text("# Glossary\n\n[a](gone.md)\n\n[b](masks.md#gone)\n\n[c](#gone)\n\n[d](masks.md#masks)\n")
    built = copy.build()
    assert built.returncode != 0
    assert [line for line in (3, 5, 7, 9) if f"glossary.md:{line}:" in built.stdout] == [3, 5, 7]


def test_a_page_loads_nothing_foreign(site: Site) -> None:
    addresses = {address for page in site.pages() for address in Addresses(page).loaded}
    assert len(addresses) > 5
    assert not [address for address in addresses if ":" in address.partition("/")[0] or address.startswith("//")]


def test_what_a_page_loads_is_there(site: Site) -> None:
    missing = [
        f"{page.name}: {address}"
        for page in site.pages()
        if page.name != "404.html"  # its addresses start at the root of a server
        for address in Addresses(page).loaded
        if address and not page.parent.joinpath(address.partition("?")[0].partition("#")[0]).exists()
    ]
    assert not missing


def test_every_command_is_in_the_reference(site: Site) -> None:
    text = (site.project / "docs" / "reference" / "commands.md").read_text()
    commands = [command.words for command in reference().commands]
    assert len(commands) > 15
    assert not [words for words in commands if f"## reground {words}\n" not in text]


def test_every_setting_is_in_the_reference_with_its_meaning(site: Site) -> None:
    lines = (site.project / "docs" / "reference" / "settings.md").read_text().splitlines()
    rows = {line.split("|")[1].strip(): line.split("|")[4].strip() for line in lines if line.startswith("| `")}
    assert not [field.name for field in fields(Settings) if not rows.get(f"`{field.name}`")]


def test_every_column_is_in_the_reference(site: Site) -> None:
    text = (site.project / "docs" / "reference" / "tables.md").read_text()
    for table in TABLES.values():
        section = text.partition(f"## {table.name}\n")[2].partition("\n## ")[0]
        assert not [name for name in table.names() if f"| `{name}` |" not in section], table.name


def _leaves(nav: list[object]) -> list[str]:
    leaves: list[str] = []
    for entry in nav:
        values = entry.values() if isinstance(entry, dict) else [entry]
        for value in values:
            leaves += _leaves(value) if isinstance(value, list) else [str(value)]
    return leaves
