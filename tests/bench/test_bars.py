"""Every bar stands beside what was measured for it, met or missed; a run that says nothing of it has no line."""

import pytest

from tests.bench.test_figures import phase
from workers.bench.bars import bars, outcome
from workers.bench.figures import Spread
from workers.bench.report import BenchReport

FULL = {"name": "1000/s", "offered_per_second": 1_000.0, "internal": None}


@pytest.mark.parametrize(("p99", "word"), [(4.9, "met"), (5.0, "missed"), (55.0, "missed")])
def test_internal_latency_is_judged_at_100_a_second(p99: float, word: str) -> None:
    told = [str(each) for each in bars([phase(internal=Spread.of([p99]))])]
    assert told == [f"internal p99 at 100/s: {p99:.1f} ms, bar below 5 ms: {word}"]


@pytest.mark.parametrize(
    ("lost", "statuses", "is_met"),
    [
        (0, {202: 60_000}, True),
        (0, {202: 40_000, 503: 20_000}, True),
        (1, {202: 60_000}, False),
        (0, {0: 1, 202: 59_999}, False),
    ],
)
def test_shed_is_not_lost_but_no_answer_is(
    lost: int, statuses: dict[int, int], is_met: bool
) -> None:
    (found,) = bars([phase(**FULL, sent=60_000, statuses=statuses, lost=lost)])
    assert found.is_met is is_met


def test_a_minute_that_was_cut_short_is_not_judged() -> None:
    assert not list(bars([phase(**FULL, sent=10_000)]))


@pytest.mark.parametrize(("accepted", "is_met"), [(7_998, False), (8_000, True)])
def test_a_burst_is_judged_by_what_was_accepted(accepted: int, is_met: bool) -> None:
    statuses = {202: accepted, 503: 9_000}
    (found,) = bars([phase(name="burst", offered_per_second=0.0, internal=None, statuses=statuses)])
    assert found.is_met is is_met


def test_what_became_of_all_is_told_in_words() -> None:
    statuses = {0: 2, 202: 50_000, 429: 3, 503: 9_995}
    assert outcome(phase(sent=60_000, statuses=statuses, lost=4)) == (
        "50,000 accepted, 9,995 told to come again (503, Retry-After), 3 refused,"
        " 2 without an answer, 4 lost"
    )


def test_the_report_ends_with_its_bars() -> None:
    report = BenchReport(phases=[phase()], floor=None, machine={})
    assert "internal p99 at 100/s: 4.0 ms, bar below 5 ms: met" in list(report.as_lines())
    (bar,) = report.as_json()["bars"]
    assert bar["is_met"]
