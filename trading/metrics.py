"""What is counted for Prometheus and the Latency page. Observing costs about a microsecond, never waits, never raises.

Each process counts for itself; `registry()` is the sum over all of them (docs/latency.md).
"""

import logging
import os
from enum import StrEnum
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from trading import metrics_store
from trading.domain.values import Action
from trading.metrics_buffer import Buffer

log = logging.getLogger("metrics")
DIRECTORY = os.environ.get(metrics_store.VARIABLE, "")
metrics_store.share(DIRECTORY, role=os.environ.get("CHIMERA_PROCESS", "command"))

MILLISECOND = 0.001
BOUNDS_SECONDS = tuple(
    round(milliseconds * MILLISECOND, 6)
    for milliseconds in (
        *(0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7),
        *(10, 15, 20, 30, 50, 70, 100, 200, 500, 1_000, 2_000, 5_000, 10_000),
    )
)
"""2 ms and 5 ms are bounds, so that the share within the bar is counted, not estimated."""


class Stage(StrEnum):
    """The life of a signal: what is measured at each is the time since the one before."""

    COMMITTED = "committed"
    CLAIMED = "claimed"
    FACTS = "facts"
    SIGNED = "signed"
    DECIDED = "decided"
    RECORDED = "recorded"
    SENT = "sent"


_own = CollectorRegistry()
_stage_seconds = Histogram(
    "chimera_signal_stage_seconds",
    "Time of one stage",
    ("stage", "action"),
    registry=_own,
    buckets=BOUNDS_SECONDS,
)
_waited_seconds = Histogram(
    "chimera_signal_waited_seconds",
    "Waiting for other machines",
    ("action",),
    registry=_own,
    buckets=BOUNDS_SECONDS,
)
_internal_seconds = Histogram(
    "chimera_signal_internal_seconds",
    "Received to first byte, less waiting",
    ("action",),
    registry=_own,
    buckets=BOUNDS_SECONDS,
)
_answers = Counter(
    "chimera_webhook_answers", "Answers at the door", ("status", "code"), registry=_own
)
_decisions = Counter("chimera_decisions", "Decisions on buys", ("code",), registry=_own)
_submissions = Counter(
    "chimera_submissions", "What became of submissions", ("action", "outcome"), registry=_own
)

_source_events = Counter(
    "chimera_source_events",
    "Leaders' trades by how a source told of them: heard, late, recovered, lost",
    ("source", "how"),
    registry=_own,
)
DELAY_BOUNDS_SECONDS = (0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
_source_delay = Histogram(
    "chimera_source_delay_seconds",
    "From a leader's trade to a source telling of it",
    ("source",),
    registry=_own,
    buckets=DELAY_BOUNDS_SECONDS,
)

_buffer = Buffer(BOUNDS_SECONDS)
# Finding a child by its labels costs more than counting with it.
_stage_of = cache(_stage_seconds.labels)
_waited_of = cache(_waited_seconds.labels)
_internal_of = cache(_internal_seconds.labels)
_answer_of = cache(_answers.labels)
_decision_of = cache(_decisions.labels)
_submission_of = cache(_submissions.labels)


def bind(*stages: Stage) -> None:
    """Make what will be counted now, so that the first signal does not pay for it."""
    for action in Action:
        for stage in stages:
            _stage_of(stage, action)
        if Stage.SENT in stages:
            _waited_of(action)
            _internal_of(action)


def observe_stage(stage: Stage, action: Action, *, seconds: float) -> None:
    """One signal has passed a stage."""
    _buffer.observe(_stage_of(stage, action), seconds)


def observe_first_byte(action: Action, *, total_seconds: float, waited_seconds: float) -> None:
    """A signal's first transaction has begun to leave, so long after it was received."""
    _buffer.observe(_waited_of(action), waited_seconds)
    _buffer.observe(_internal_of(action), total_seconds - waited_seconds)


def count_answer(*, status: int, code: str) -> None:
    """The door has answered; no code means accepted."""
    _answer_of(str(status), code or "accepted").inc()


def count_decision(code: str) -> None:
    """A buy was decided on: ORDER, or the code of the denial."""
    _decision_of(code).inc()


def count_submission(action: str, outcome: str) -> None:
    """A submission was recorded, or the books know what became of it."""
    _submission_of(action, outcome).inc()


def count_hearing(source: str, how: str) -> None:
    """It is known how a source told of one more trade."""
    _source_events.labels(source, str(how)).inc()


def observe_hearing(source: str, *, seconds: float) -> None:
    """A source told of a trade so long after it."""
    _source_delay.labels(source).observe(seconds)


def settle() -> None:
    """Everything that this process has observed until now is counted."""
    _buffer.settle()


def registry() -> CollectorRegistry:
    """Everything that all processes have counted, or what this one has when it counts alone."""
    _buffer.settle()
    if not DIRECTORY:
        return _own
    try:
        return metrics_store.shared(DIRECTORY)
    except (OSError, ValueError) as error:
        log.warning("only what this process has counted can be told: %s", error)
        return _own
