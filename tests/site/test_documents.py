"""What the documents point at exists, and the README knows every setting, command and page."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
DOCUMENTS = sorted(
    [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("ops/*/*.md")]
)
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
FILE_ON_THE_MAP = re.compile(r"[\w*]+\.py")
ROOM = re.compile(r"^(\w+)/")
SETTING = re.compile(r'env\.\w+\(\s*"(\w+)"')
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(REPOSITORY)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    inside = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_file_on_the_map_is_in_its_room() -> None:
    drawn = README.split("## The map")[1].split("```")[1]
    room, missing, found = "", [], 0
    for line in drawn.splitlines():
        if match := ROOM.match(line):
            room = match[1]
        for name in FILE_ON_THE_MAP.findall(line):
            found += 1
            missing += [] if any((REPOSITORY / room).rglob(name)) else [f"{room}: {name}"]
    assert found > 40
    assert missing == []


def test_the_readme_names_every_setting() -> None:
    names = set(SETTING.findall((REPOSITORY / "chimera_site" / "settings.py").read_text()))
    assert len(names) > 30
    assert sorted(name for name in names if f"`{name}`" not in README) == []


def test_the_readme_names_every_command() -> None:
    ours = {name for name, app in get_commands().items() if app == "workers"}
    assert len(ours) > 10
    named = set(re.findall(r"`(?:manage\.py )?(\w+)[^`]*`", README))
    assert sorted(name for name in ours if name not in named) == []
    targets = TARGET.findall((REPOSITORY / "Makefile").read_text())
    assert [name for name in targets if name != "help" and f"make {name}" not in README] == []


def test_the_readme_links_every_page_of_docs() -> None:
    pages = [f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md")]
    assert [page for page in pages if f"({page})" not in README] == []
