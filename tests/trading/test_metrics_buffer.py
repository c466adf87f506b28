"""Observations wait in a queue: none is lost between threads, and the queue has an end."""

import sys
import threading
import time
from collections import deque

import pytest
from prometheus_client import CollectorRegistry, Histogram

from trading.metrics_buffer import Buffer

BOUNDS = (0.1, 0.2, 0.5)


@pytest.fixture
def histogram() -> Histogram:
    family = Histogram("h", "h", ("kind",), registry=CollectorRegistry(), buckets=BOUNDS)
    return family.labels("a")


def counts(histogram: Histogram) -> list[float]:
    return [bucket.get() for bucket in histogram._buckets]


def test_values_are_counted_as_the_library_itself_would(histogram):
    other = Histogram("o", "o", registry=CollectorRegistry(), buckets=BOUNDS)
    buffer = Buffer(BOUNDS)
    for value in (0.0, 0.1, 0.1000001, 0.2, 0.3, 0.5, 7.0):
        buffer.observe(histogram, value)
        other.observe(value)
    buffer.settle()
    assert counts(histogram) == counts(other)
    assert histogram._sum.get() == pytest.approx(other._sum.get())


def test_threads_that_observe_while_it_is_counted_lose_nothing(histogram):
    buffer, each = Buffer(BOUNDS), 5_000

    def observe():
        for _ in range(each):
            buffer.observe(histogram, 0.15)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=observe) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            buffer.settle()
        buffer.settle()
    finally:
        sys.setswitchinterval(before)
    assert counts(histogram) == [0, 4 * each, 0, 0]


def test_nobody_has_to_ask_for_the_counting(histogram):
    buffer = Buffer(BOUNDS)
    buffer.observe(histogram, 0.15)
    deadline = time.monotonic() + 10
    while sum(counts(histogram)) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert counts(histogram) == [0, 1, 0, 0]


def test_a_queue_that_nobody_empties_drops_the_oldest(histogram):
    buffer = Buffer(BOUNDS)
    buffer._waiting = deque(buffer._waiting, maxlen=3)
    for value in (7.0, 0.15, 0.15, 0.15):
        buffer._waiting.append((histogram, value))
    buffer.settle()
    assert counts(histogram) == [0, 3, 0, 0]


def test_two_who_count_at_a_time_count_once(histogram):
    buffer = Buffer(BOUNDS)
    for _ in range(10_000):
        buffer.observe(histogram, 0.3)
    threads = [threading.Thread(target=buffer.settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(histogram) == [0, 0, 10_000, 0]
