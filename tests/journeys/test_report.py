"""The journey's table and figures: aligned, complete, honest about what did not hold."""

import json
from typing import Any

import pytest

from trading.reconciliation.findings import Finding, FindingKind, Report, Totals
from workers.journey.journal import Journal, Line
from workers.journey.report import JourneyReport, table
from workers.journey.verdict import percentile


def report(**changes: Any) -> JourneyReport:
    values: dict[str, Any] = {
        "signals": 3,
        "accepted": 2,
        "rejected": {"FREEZE_AUTHORITY": 1, "replayed_request": 1},
        "opened": 1,
        "closed": 1,
        "failed": 0,
        "duplicates_blocked": 1,
        "books_equal_chain": True,
        "p50_ms": 1.25,
        "p99_ms": 4.5,
        "seconds": 12.3,
        "held": 7,
        "violated": (),
        **changes,
    }
    return JourneyReport(**values)


def test_the_figures_are_json() -> None:
    figures = json.loads(json.dumps(report().as_json()))
    wanted = {
        "signals": 3,
        "accepted": 2,
        "rejected": {"FREEZE_AUTHORITY": 1, "replayed_request": 1},
        "opened": 1,
        "closed": 1,
        "failed": 0,
        "duplicates_blocked": 1,
        "books_equal_chain": True,
        "p50_ms": 1.25,
        "p99_ms": 4.5,
    }
    assert {name: figures[name] for name in wanted} == wanted
    assert figures["violated"] == []
    assert "lines" not in figures


def test_only_a_journey_without_violations_is_good() -> None:
    assert report().is_good
    assert not report(violated=("no signal was bought twice",)).is_good


def test_every_violation_is_named_to_people_and_machines() -> None:
    bad = report(violated=("hard stop: SOLD; found: no end", "no accepted signal is lost"))
    lines = list(bad.as_lines())
    assert lines[-2:] == [
        "VIOLATED: hard stop: SOLD; found: no end",
        "VIOLATED: no accepted signal is lost",
    ]
    assert bad.as_json()["violated"] == list(bad.violated)


def test_lines_are_numbered_and_marked() -> None:
    lines = (
        Line(
            title="SHIELD buy", answer="202 accepted", end="COMPLETED BOUGHT", milliseconds=1234.5
        ),
        Line(title="unsigned", answer="401 authentication_failed", is_as_expected=False),
    )
    shown = "\n".join(report(lines=lines).as_lines())
    assert "1  SHIELD buy" in shown
    assert "1,234 ms" in shown
    [unsigned] = [line for line in shown.splitlines() if "unsigned" in line]
    assert unsigned.endswith("✗")


def test_columns_stand_under_each_other_whatever_the_letters() -> None:
    shown = list(table(("a", "b"), [("short", "1"), ("日本", "2"), ("much longer", "3")]))
    assert shown == [
        "a            b",
        "───────────  ─",
        "short        1",
        "日本         2",
        "much longer  3",
    ]


def test_a_difference_in_the_books_is_shown() -> None:
    finding = Finding(
        kind=FindingKind.UNKNOWN_TX, subject="5xk", books="not in the books", chain="-1 lamports"
    )
    books = Report(findings=(finding,), totals=Totals(balance_lamports=10**9))
    shown = list(report(books=books, books_equal_chain=False).as_lines())
    assert "UNKNOWN_TX 5xk: books not in the books, chain -1 lamports" in shown
    assert "1 differences" in shown


def test_without_a_trade_there_is_no_latency() -> None:
    assert any("p50 unknown" in line for line in report(p50_ms=None, p99_ms=None).as_lines())


@pytest.mark.parametrize(
    ("values", "percent", "wanted"),
    [
        ([], 50, None),
        ([3.0], 99, 3.0),
        ([1.0, 2.0], 50, 1.0),
        ([float(value) for value in range(1, 101)], 99, 99.0),
        ([float(value) for value in range(1, 101)], 50, 50.0),
        ([float(value) for value in range(1, 12)], 99, 11.0),
    ],
)
def test_percentiles_are_values_that_really_occurred(
    values: list[float], percent: int, wanted: float | None
) -> None:
    assert percentile(values, percent) == wanted


def test_an_expectation_that_fails_says_what_was_found() -> None:
    said: list[str] = []
    journal = Journal(say=said.append)
    assert journal.expect("books equal", holds=True)
    assert not journal.expect_one_of("BONK", {"SOLD"}, "NO_POSITION")
    assert journal.held == ["books equal"]
    assert journal.violated == ["BONK: SOLD; found: NO_POSITION"]
    assert "✗ BONK: SOLD" in said[-1]
