"""The page of traps has a line for each and names tests that exist; and two traps that only the sources show."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "traps.md").read_text()
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
LIST_OF_TRAPS = REPOSITORY.parent / "shared" / "design" / "traps.md"


def sections(text: str, line: str) -> list[list[str]]:
    """The lines of each section that begin as given."""
    return [
        [each for each in part.splitlines() if each.startswith(line)]
        for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    ]


def traps() -> list[str]:
    return [row for rows in sections(PAGE, "| ") for row in rows if "| what we do |" not in row]


def test_every_named_test_exists() -> None:
    sources = {file: REPOSITORY / "tests" / file for file, _ in NAMED.findall(PAGE)}
    texts = {file: source.read_text() for file, source in sources.items() if source.is_file()}
    assert sorted(sources.keys() - texts.keys()) == [], (
        "name where they were moved in docs/traps.md"
    )
    named = NAMED.findall(PAGE)
    assert len(named) > 100
    assert [
        f"{file}::{test}" for file, test in named if not re.search(rf"def {test}\(", texts[file])
    ] == []


def test_every_trap_has_a_test_or_says_what_is_open() -> None:
    assert len(traps()) > 60
    assert [row for row in traps() if not NAMED.search(row) and "*open" not in row.lower()] == []


@pytest.mark.skipif(not LIST_OF_TRAPS.is_file(), reason="the list of traps is not at hand here")
def test_every_trap_of_the_list_is_on_the_page() -> None:
    wanted = [len(rows) for rows in sections(LIST_OF_TRAPS.read_text(), "- ")]
    # One more line of each section begins like a row: the head of its table.
    assert [len(rows) - 1 for rows in sections(PAGE, "| ")] == wanted


def test_no_verb_upon_rows_can_wait_for_the_outside() -> None:
    """They run inside transactions: without a coroutine none can hold one over a call to another machine."""
    waiting = [
        f"{file.relative_to(REPOSITORY)}:{node.lineno}"
        for file in [*REPOSITORY.glob("*/services/*.py"), *REPOSITORY.glob("*/services.py")]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]
    assert waiting == []


def test_everything_installed_is_pinned_exactly() -> None:
    for name in ("requirements.txt", "ops/constraints.txt"):
        lines = [
            line.split("#")[0].strip() for line in (REPOSITORY / name).read_text().splitlines()
        ]
        found = [line for line in lines if line]
        assert len(found) > 20
        assert [
            line for line in found if not re.fullmatch(r"[\w.\-]+(\[[\w,]+\])?==[\w.+]+", line)
        ] == []
