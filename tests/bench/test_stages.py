"""The stage table of a benchmark: what the platform's histograms counted in the phase, in milliseconds."""

import pytest

from tests.bench.test_figures import phase
from trading import metrics
from trading.domain.distribution import Distribution
from trading.domain.values import Action
from trading.metrics import Stage
from trading.timings import INTERNAL, STAGES, Timings
from workers.bench.report import BenchReport
from workers.bench.stages import stages_of

LAST = len(metrics.BOUNDS_SECONDS)


def counted(*, up_to: float, count: int) -> Distribution:
    """So many in the bucket that ends there, all of them as long as it allows."""
    place = metrics.BOUNDS_SECONDS.index(up_to)
    counts = tuple(count if index == place else 0 for index in range(LAST + 1))
    return Distribution(bounds=metrics.BOUNDS_SECONDS, counts=counts, total=count * up_to)


TIMINGS = Timings(
    found={
        (STAGES, Action.SELL.value, Stage.SENT.value): counted(up_to=0.0001, count=4),
        (INTERNAL, Action.BUY.value, ""): counted(up_to=0.005, count=10),
        (STAGES, Action.BUY.value, Stage.CLAIMED.value): counted(up_to=0.002, count=10),
        (STAGES, Action.BUY.value, Stage.COMMITTED.value): counted(up_to=0.001, count=12),
        (STAGES, Action.BUY.value, Stage.DECIDED.value): counted(up_to=0.002, count=0),
    }
)


def test_stages_stand_in_the_order_of_a_signals_way_and_only_those_that_were_reached() -> None:
    found = [(each.action, each.stage, each.count) for each in stages_of(TIMINGS)]
    assert found == [
        ("BUY", "committed", 12),
        ("BUY", "claimed", 10),
        ("BUY", "internal", 10),
        ("SELL", "sent", 4),
    ]


def test_figures_are_milliseconds_within_their_buckets() -> None:
    claimed = stages_of(TIMINGS)[1]
    assert claimed.mean == pytest.approx(2.0)
    assert 1.5 < claimed.p50 < claimed.p90 < claimed.p99 <= 2.0


def test_the_report_has_a_line_for_each_and_the_file_has_them_too() -> None:
    report = BenchReport(phases=[phase(stages=stages_of(TIMINGS))], floor=None, machine={})
    (line,) = [each for each in report.as_lines() if each.startswith("  buy claimed")]
    assert line.split()[2:4] == ["10", "2.00"]
    told = report.as_json()["phases"][0]["stages"]
    assert [each["stage"] for each in told] == ["committed", "claimed", "internal", "sent"]
