"""The journey's table and figures: aligned, complete, honest about what did not hold."""

import json
from typing import Any

import pytest

from trading.domain.denials import DenialCode
from trading.reconciliation.findings import Finding, FindingKind, Report, Totals
from workers.journey import layout
from workers.journey.coverage import Coverage, Failover, Part, Shown
from workers.journey.journal import Journal
from workers.journey.report import JourneyReport
from workers.journey.verdict import percentile, stumbled

WHOLE = Failover(over_after_seconds=2.0, calls_to_second=9, back_after_seconds=8.5)


def coverage(*seen: str, failover: Failover | None = WHOLE) -> Coverage:
    shown = {name: Shown(count=2, signal="a-signal") for name in seen}
    routes = Part(key="routes", wanted=("JITO", "STANDARD"), seen=shown)
    return Coverage(parts=(routes,), failover=failover)


def report(**changes: Any) -> JourneyReport:
    values: dict[str, Any] = {
        "signals": 3,
        "accepted": 2,
        "rejected": {"FREEZE_AUTHORITY": 1, "replayed_request": 1},
        "not_traded": 1,
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
        "coverage": coverage(),
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
    assert figures["missing"] == ["routes: JITO", "routes: STANDARD"]


def test_what_was_shown_has_its_count_and_its_signal() -> None:
    figures = report(coverage=coverage("JITO")).as_json()
    assert figures["routes"] == {"JITO": {"count": 2, "signal": "a-signal"}}
    assert figures["failover"]["calls_to_second"] == 9


def test_people_see_what_was_shown_and_what_is_missing() -> None:
    shown = "\n".join(report(coverage=coverage("JITO")).as_lines())
    assert " ✗ routes               1 of 2   JITO 2×\n" in shown
    assert "\n                        missing: STANDARD\n" in shown
    assert " ✓ failover             over after 2 s, 9 calls to the second RPC" in shown
    whole = "\n".join(report(coverage=coverage("JITO", "STANDARD")).as_lines())
    assert " ✓ routes               2 of 2   JITO 2×   STANDARD 2×" in whole


def test_many_missing_ones_stay_within_the_width_of_the_table() -> None:
    codes = Part(key="denial_codes", wanted=tuple(DenialCode), seen={})
    lines = list(report(coverage=Coverage(parts=(codes,), failover=WHOLE)).as_lines())
    assert max(map(layout.width, lines)) <= layout.COLUMNS
    assert all(any(code in line for line in lines) for code in DenialCode)


def test_where_processes_are_killed_nothing_need_be_shown() -> None:
    rough = report(coverage=coverage("JITO", failover=None), must_cover=False)
    assert "   routes               1 of 2   JITO 2×" in list(rough.as_lines())


def test_only_a_journey_without_violations_is_good() -> None:
    assert report().is_good
    assert not report(violated=("no signal was bought twice",)).is_good


def test_every_violation_is_named_to_people_and_machines() -> None:
    bad = report(violated=("hard stop: SOLD; found: no end", "no accepted signal is lost"))
    lines = list(bad.as_lines())
    assert lines[-2:] == [
        " ✗ VIOLATED: hard stop: SOLD; found: no end",
        " ✗ VIOLATED: no accepted signal is lost",
    ]
    assert bad.as_json()["violated"] == list(bad.violated)


def test_a_row_shows_title_answer_end_and_time_in_columns_and_marks_what_was_not_expected() -> None:
    bought = layout.row(
        "SHIELD buy", "202 accepted", "BOUGHT", milliseconds=1234.5, is_as_expected=True
    )
    unsigned = layout.row(
        "日本", "401 authentication_failed", "", milliseconds=None, is_as_expected=False
    )
    assert bought == (
        " ✓ SHIELD buy                         202 accepted                  BOUGHT"
        "                 1,234 ms"
    )
    assert unsigned == " ✗ 日本                               401 authentication_failed"


def test_every_column_has_its_name_above_it() -> None:
    row = layout.row("s", "a", "w", milliseconds=1.0, is_as_expected=True)
    names = layout.header().strip("\n")
    starts = [names.index(name) for name in ("sent", "answer at the door", "what came of it")]
    assert [row[start] for start in starts] == ["s", "a", "w"]
    assert layout.width(names) == layout.width(row) == layout.COLUMNS


def test_what_takes_long_is_given_in_seconds() -> None:
    row = layout.row("exit", "202 accepted", "SOLD", milliseconds=10_449.0, is_as_expected=True)
    assert row.endswith(" 10.4 s")


@pytest.mark.parametrize("title", ["At the door", "日本"])
def test_headings_are_as_wide_as_the_table(title: str) -> None:
    shown = layout.heading(title, note="5 s")
    assert shown.startswith(f"\n── {title} ─")
    assert shown.endswith("─ 5 s")
    assert layout.width(shown) == layout.COLUMNS


def test_columns_stand_under_each_other_whatever_the_letters() -> None:
    shown = list(layout.table(("a", "b"), [("short", "1"), ("日本", "2"), ("much longer", "3")]))
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
    assert "   UNKNOWN_TX 5xk: books not in the books, chain -1 lamports" in shown
    assert "   1 differences" in shown


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


def test_of_a_traceback_the_error_is_named() -> None:
    log = [
        "watcher    12:00:00 E exit_watcher  BONK cannot be judged",
        "watcher    Traceback (most recent call last):",
        "executor   12:00:00 I executor  fine",
        'watcher      File "x.py", line 1, in step',
        "watcher    ValueError: no such thing",
        "redis      Traceback (of somebody else's)",
        "ingress    Traceback (most recent call last):",
    ]
    assert list(stumbled(log)) == [
        "watcher    ValueError: no such thing",
        "ingress: a traceback without an end",
    ]


def test_an_expectation_that_fails_says_what_was_found() -> None:
    said: list[str] = []
    journal = Journal(say=said.append)
    assert journal.expect("books equal", holds=True)
    assert not journal.expect_one_of("BONK", {"SOLD"}, "NO_POSITION")
    assert journal.held == ["books equal"]
    assert journal.violated == ["BONK: SOLD; found: NO_POSITION"]
    assert "✗ BONK: SOLD" in said[-1]
