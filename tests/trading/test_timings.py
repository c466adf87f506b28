"""What the pages read from the metrics: all of it, and what of it came within the last minute."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from trading import latency, metrics, timings
from trading.domain.distribution import Distribution
from trading.domain.values import Action
from trading.metrics import BOUNDS_SECONDS, Stage
from trading.timings import INTERNAL, History, Timings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sent(count, *, seconds=0.0011):
    counts = [0] * (len(BOUNDS_SECONDS) + 1)
    counts[next(i for i, bound in enumerate(BOUNDS_SECONDS) if seconds <= bound)] = count
    distribution = Distribution(bounds=BOUNDS_SECONDS, counts=tuple(counts), total=count * seconds)
    return Timings(found={(INTERNAL, "BUY", ""): distribution})


def recent(history, whole):
    window, found = history.window(whole, now=NOW)
    return window.total_seconds(), found.internal(Action.BUY).count


def test_what_is_observed_is_read_in_its_bucket_with_its_sum():
    before = timings.read()
    metrics.observe_stage(Stage.SIGNED, Action.SELL, seconds=0.0025)
    metrics.observe_first_byte(Action.SELL, total_seconds=0.25, waited_seconds=0.2)
    found = timings.read().since(before)
    signed = found.stage(Stage.SIGNED, Action.SELL)
    assert (signed.count, signed.ceiling) == (1, 0.003)
    assert signed.mean == pytest.approx(0.0025)
    assert found.internal(Action.SELL).ceiling == 0.05
    assert found.waited(Action.SELL).mean == pytest.approx(0.2)
    assert found.stage(Stage.SIGNED, Action.BUY).count == 0


@pytest.mark.parametrize(("seconds", "ceiling"), [(-1.0, 0.0001), (11.0, math.inf)])
def test_a_clock_that_was_set_and_a_signal_that_took_for_ever_are_counted_too(seconds, ceiling):
    before = timings.read()
    metrics.observe_stage(Stage.RECORDED, Action.BUY, seconds=seconds)
    after = timings.read().since(before).stage(Stage.RECORDED, Action.BUY)
    assert (after.count, after.ceiling) == (1, ceiling)


def test_the_last_minute_begins_at_the_newest_sample_that_is_old_enough():
    history = History()
    for age, count in ((70, 1), (62, 2), (58, 5)):
        history.take(sent(count), now=NOW - timedelta(seconds=age))
    assert recent(history, sent(9)) == (62, 7)


def test_a_page_that_opens_early_tells_of_a_shorter_time():
    history = History()
    history.take(sent(3), now=NOW - timedelta(seconds=20))
    history.take(sent(4), now=NOW - timedelta(seconds=15))
    assert recent(history, sent(5)) == (20, 2)


def test_without_samples_nothing_counts_as_recent():
    assert recent(History(), sent(5)) == (0, 0)


def test_samples_of_the_last_minute_are_kept_and_no_more():
    history = History()
    for second in range(0, 600, 5):
        history.take(sent(second), now=NOW - timedelta(seconds=600 - second))
    assert recent(history, sent(600)) == (60, 60)
    assert history.latest().internal(Action.BUY).count <= 70


def test_the_stacked_bar_takes_storing_out_of_claiming():
    def found(stage, seconds):
        one = sent(10, seconds=seconds).internal(Action.BUY)
        return {(timings.STAGES, "BUY", stage.value): one}

    shown = Timings(found=found(Stage.COMMITTED, 0.001) | found(Stage.CLAIMED, 0.0015))
    assert latency._mean(shown, Stage.CLAIMED, Action.BUY) == pytest.approx(0.0005)


def test_segments_fill_the_bar_in_their_order_and_leave_out_what_took_nothing():
    parts = latency.segments([("a", 1.0), ("b", 0.0), ("c", 3.0)])
    assert [(part.name, part.x, part.width) for part in parts] == [("a", 0, 25), ("c", 25, 75)]
    assert latency.segments([("a", 0.0)]) == ()


def test_a_single_slow_signal_is_seen_in_the_histogram_and_stands_right_of_the_bar():
    fast, slow = sent(5_000).internal(Action.BUY), sent(1, seconds=0.06).internal(Action.BUY)
    drawn = latency.histogram(fast + slow)
    last = drawn.columns[-1]
    assert (last.count, last.is_within) == (1, False)
    assert last.height >= 1.5
    assert last.x >= drawn.bar_x
    assert all(each.is_within == (each.x < drawn.bar_x - 1) for each in drawn.columns)
