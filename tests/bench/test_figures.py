"""Figures of a benchmark: percentiles that were really seen, answers counted, what is lost named."""

import json

from hypothesis import given
from hypothesis import strategies as st

from workers.bench.figures import Phase, Spread, count_statuses
from workers.bench.report import BenchReport

DURATIONS = st.lists(st.floats(0.001, 60_000), min_size=1, max_size=300)


def phase(**changes: object) -> Phase:
    values: dict[str, object] = {
        "name": "100/s",
        "offered_per_second": 100.0,
        "sent": 3,
        "took_seconds": 2.0,
        "statuses": {202: 2, 503: 1},
        "answer": Spread.of([1.0, 2.0, 3.0]),
        "internal": Spread.of([4.0]),
        "waited": None,
        "ends": {"COMPLETED BOUGHT": 2},
        "lost": 0,
        **changes,
    }
    return Phase(**values)


def test_nothing_measured_has_no_figures() -> None:
    assert Spread.of([]) is None


@given(DURATIONS)
def test_every_percentile_was_really_seen_and_they_rise(durations: list[float]) -> None:
    spread = Spread.of(durations)
    assert spread is not None
    figures = [spread.p50, spread.p90, spread.p99, spread.p999, spread.maximum]
    assert figures == sorted(figures)
    assert set(figures) <= set(durations)
    assert spread.maximum == max(durations)


@given(DURATIONS)
def test_at_least_that_share_lies_at_or_below_a_percentile(durations: list[float]) -> None:
    spread = Spread.of(durations)
    assert spread is not None
    for figure, share in ((spread.p50, 0.5), (spread.p90, 0.9), (spread.p99, 0.99)):
        assert sum(each <= figure for each in durations) >= share * len(durations) - 1e-9


def test_answers_are_counted_by_status() -> None:
    assert count_statuses([202, 503, 202, 0]) == {0: 1, 202: 2, 503: 1}


def test_only_what_was_accepted_counts_as_accepted() -> None:
    assert phase().accepted_per_second == 1.0


def test_the_file_names_the_figures_that_other_tools_read() -> None:
    burst = phase(name="burst", internal=None, lost=1, statuses={202: 8_000}, took_seconds=2.0)
    report = BenchReport(phases=[phase(), burst], floor=Spread.of([0.5]), machine={"cores": 2})
    found = json.loads(json.dumps(report.as_json()))
    assert found["internal_latency_ms"]["100/s"]["p99"] == 4.0
    assert set(found["internal_latency_ms"]) == {"100/s"}
    assert found["accepted_per_s"] == 4_000.0
    assert found["lost"] == 1
    assert found["floor"]["p50"] == 0.5
    assert found["machine"] == {"cores": 2}


def test_the_table_shows_a_phase_without_trades_too() -> None:
    lines = list(BenchReport(phases=[phase(internal=None)], floor=None, machine={}).as_lines())
    assert any("2 × 202" in line for line in lines)
    assert any("none" in line for line in lines)
