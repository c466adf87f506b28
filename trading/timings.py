"""The metrics as distributions: since the platform's start, and of the last minute."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from prometheus_client import CollectorRegistry

from trading import metrics
from trading.domain.distribution import Distribution
from trading.domain.values import Action
from trading.metrics import Stage

log = logging.getLogger("timings")
WINDOW = timedelta(minutes=1)
SAMPLE_SECONDS = 5.0
EMPTY = Distribution(bounds=metrics.BOUNDS_SECONDS, counts=(0,) * (len(metrics.BOUNDS_SECONDS) + 1))
STAGES, INTERNAL, WAITED = (
    "chimera_signal_stage_seconds",
    "chimera_signal_internal_seconds",
    "chimera_signal_waited_seconds",
)

Key = tuple[str, str, str]
"""Metric, action, and the stage or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What was counted between two moments; seconds."""

    found: Mapping[Key, Distribution]

    def stage(self, stage: Stage, action: Action) -> Distribution:
        return self.found.get((STAGES, action.value, stage.value), EMPTY)

    def internal(self, action: Action) -> Distribution:
        return self.found.get((INTERNAL, action.value, ""), EMPTY)

    def waited(self, action: Action) -> Distribution:
        return self.found.get((WAITED, action.value, ""), EMPTY)

    def since(self, earlier: "Timings") -> "Timings":
        """What came after `earlier`."""
        return Timings(
            found={
                key: each.since(earlier.found.get(key, EMPTY)) for key, each in self.found.items()
            }
        )


def read() -> Timings:
    """Everything that all processes have measured since the platform's start."""
    return timings_in(metrics.registry())


def timings_in(registry: CollectorRegistry) -> Timings:
    """What a registry's histograms tell."""
    reached: dict[Key, dict[float, float]] = {}
    totals: dict[Key, float] = {}
    for family in registry.collect():
        if family.name not in (STAGES, INTERNAL, WAITED):
            continue
        for sample in family.samples:
            key = (family.name, sample.labels["action"], sample.labels.get("stage", ""))
            if sample.name.endswith("_bucket"):
                reached.setdefault(key, {})[float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_sum"):
                totals[key] = sample.value
    return Timings(
        found={key: _distribution(each, totals.get(key, 0.0)) for key, each in reached.items()}
    )


def _distribution(reached: Mapping[float, float], total: float) -> Distribution:
    """From counts that include everything below, as Prometheus tells them."""
    bounds = sorted(reached)
    counts = [int(reached[bound]) for bound in bounds]
    steps = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    return Distribution(
        bounds=tuple(bound for bound in bounds if bound != math.inf),
        counts=tuple(max(0, step) for step in steps),
        total=total,
    )


class History:
    """What was counted a minute ago, from samples taken every few seconds; safe between threads."""

    def __init__(self) -> None:
        size = int(WINDOW.total_seconds() / SAMPLE_SECONDS) + 2
        self._samples: deque[tuple[datetime, Timings]] = deque(maxlen=size)

    def take(self, timings: Timings, *, now: datetime) -> None:
        self._samples.append((now, timings))

    def latest(self) -> Timings | None:
        """What the minute before the newest sample was like; None before the first."""
        samples = tuple(self._samples)
        return samples[-1][1].since(samples[0][1]) if samples else None

    def window(self, timings: Timings, *, now: datetime) -> tuple[timedelta, Timings]:
        """What came within the last minute, or since the first sample when that is not so long ago.

        Without any sample nothing is known to be recent.
        """
        samples = tuple(self._samples)
        if not samples:
            return timedelta(0), timings.since(timings)
        old_enough = [each for each in samples if now - each[0] >= WINDOW]
        at, earlier = old_enough[-1] if old_enough else samples[0]
        return now - at, timings.since(earlier)


history = History()


def keep_sampling() -> None:
    """Start the thread that lets this process's pages tell about the last minute."""
    threading.Thread(target=_sample_for_ever, name="timings", daemon=True).start()


def _sample_for_ever() -> None:
    while True:
        try:
            history.take(read(), now=timezone.now())
        except Exception:
            # A page without its last minute is better than none.
            log.exception("the timings could not be read")
        time.sleep(SAMPLE_SECONDS)
