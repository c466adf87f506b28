"""What the journey has shown: every code there is, how often, and the signal that showed it first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trading.domain.denials import DenialCode
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import SignalStatus, SubmissionStatus
from trading.domain.safety import SafetyCode
from trading.domain.values import Action, Route
from trading.models import Delivery, Signal, Submission
from workers.journey.client import Reply

SAFETY_ANSWER = "200 safety code"
ANSWERS = (
    "202 accepted",
    "200 duplicate_signal",
    SAFETY_ANSWER,
    "401 authentication_failed",
    "401 replayed_request",
    "413 body_too_large",
    "422 validation_failed",
    "429 rate_limited",
    "503 circuit_breaker_triggered",
    "503 queue_full",
    "503 storage_unavailable",
)
"""The webhook's table of specification §3, row by row."""
SCHEMES = {"hmac": "X-Signature", "v1": "Standard Webhooks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How often something was seen, and where first: a signal, or a delivery that became none."""

    count: int
    signal: str = ""
    delivery: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The count and the evidence there is."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """From the first RPC's failure to the second's taking over, and from its end to the first's return.

    None is never. `calls_to_second` asked for our balance, which no probe does: they are trading's own.
    """

    over_after_seconds: float | None
    calls_to_second: int
    back_after_seconds: float | None

    @property
    def is_whole(self) -> bool:
        """Whether it went over and came back."""
        return self.over_after_seconds is not None and self.back_after_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One list of things to show: all that exist are `wanted`."""

    key: str
    wanted: tuple[str, ...]
    seen: Mapping[str, Shown]

    @property
    def title(self) -> str:
        return self.key.replace("_", " ")

    @property
    def missing(self) -> list[str]:
        """What nobody has shown, in the order of its list."""
        return [each for each in self.wanted if each not in self.seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Everything that a journey is to show."""

    parts: tuple[Part, ...]
    failover: Failover | None = None

    def missing(self) -> Iterator[str]:
        """Each thing that was not shown, with the name of its list."""
        for part in self.parts:
            yield from (f"{part.title}: {each}" for each in part.missing)
        if self.failover is None or not self.failover.is_whole:
            yield "failover: over and back"

    def as_json(self) -> dict[str, Any]:
        """By the name of each list; `missing` names what was not shown."""
        parts = {
            part.key: {name: shown.as_json() for name, shown in part.seen.items()}
            for part in self.parts
        }
        failover = None if self.failover is None else asdict(self.failover)
        return {**parts, "failover": failover, "missing": list(self.missing())}


def measure(replies: Iterable[Reply], *, failover: Failover | None) -> Coverage:
    """What the rows of the platform and the replies of its door show."""
    routes = Submission.objects.filter(status=SubmissionStatus.LANDED)
    return Coverage(
        parts=(
            Part(key="denial_codes", wanted=(*DenialCode, *SafetyCode), seen=_denials()),
            Part(key="exit_reasons", wanted=tuple(ExitReason), seen=_exits()),
            Part(
                key="routes",
                wanted=tuple(Route),
                seen=_first(routes.order_by("pk").values_list("route", "signal_id")),
            ),
            Part(key="answers", wanted=ANSWERS, seen=_answers(replies)),
            Part(key="signature_schemes", wanted=tuple(SCHEMES.values()), seen=_schemes()),
        ),
        failover=failover,
    )


def _denials() -> dict[str, Shown]:
    """Those of the executor, and those that the door gave at once."""
    denied = Signal.objects.filter(status=SignalStatus.REJECTED).order_by("received_at")
    codes = {*DenialCode, *SafetyCode}
    refused = Delivery.objects.filter(code__in=codes).order_by("pk").values_list("code", "pk")
    at_the_door = dict(reversed(refused))
    counts = Counter(code for code, _ in refused)
    seen = _first(denied.values_list("code", "uuid"))
    return {
        code: Shown(
            count=counts[code] + (seen[code].count if code in seen else 0),
            signal=seen[code].signal if code in seen else "",
            delivery=None if code in seen else at_the_door[code],
        )
        for code in sorted(codes & (seen.keys() | counts.keys()))
    }


def _exits() -> dict[str, Shown]:
    """Sales that landed; a signal that names no reason is the leader's own sale."""
    sold = Submission.objects.filter(action=Action.SELL, status=SubmissionStatus.LANDED)
    rows = sold.order_by("pk").values_list("signal__exit_reason", "signal_id")
    return _first((reason or ExitReason.LEADER_SOLD, signal) for reason, signal in rows)


def _answers(replies: Iterable[Reply]) -> dict[str, Shown]:
    names = Counter(
        SAFETY_ANSWER if reply.reason in set(SafetyCode) else str(reply) for reply in replies
    )
    return {name: Shown(count=count) for name, count in sorted(names.items())}


def _schemes() -> dict[str, Shown]:
    accepted = Delivery.objects.filter(http_status=202).order_by("pk")
    rows = accepted.values_list("replay_key", "signal_id")
    return _first((SCHEMES[key.partition(":")[0]], signal) for key, signal in rows if key)


def _first(rows: Iterable[tuple[str, Any]]) -> dict[str, Shown]:
    """Count by code; the first row's signal is the evidence."""
    found: dict[str, Shown] = {}
    for code, signal in rows:
        before = found.get(code)
        found[code] = Shown(
            count=1 if before is None else before.count + 1,
            signal=str(signal) if before is None else before.signal,
        )
    return dict(sorted(found.items()))
