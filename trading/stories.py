"""The story of a signal for people: what was decided and why, and how long each step took. Read only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from trading.domain.lifecycle import ENDS, SignalStatus, SubmissionStatus
from trading.domain.values import Action
from trading.holdings import Holding, describe, leader_names
from trading.models import (
    Decision,
    Delivery,
    Fill,
    Hearing,
    LeaderTrade,
    Lot,
    Position,
    Signal,
    SignalEvent,
    Submission,
)

OUTCOMES: dict[str, tuple[str, str]] = {
    SignalStatus.QUEUED: ("queued", "wait"),
    SignalStatus.EXECUTING: ("executing", "busy"),
    SignalStatus.RETRY: ("retrying", "wait"),
    SignalStatus.REJECTED: ("denied", "denied"),
    SignalStatus.SKIPPED: ("skipped", "flat"),
    SignalStatus.DEAD_LETTER: ("dead letter", "bad"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one moment of the story to the next, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """A signal with its latest decision and submission."""

    signal: Signal
    leader: str
    decision: Decision | None
    submission: Submission | None
    outcome: str
    tone: str
    steps: tuple[Step, ...]

    @property
    def is_finished(self) -> bool:
        return self.signal.status in ENDS

    @property
    def code(self) -> str:
        """Why it went no further; empty where it went all the way."""
        if self.signal.status == SignalStatus.COMPLETED:
            return ""
        return self.signal.code or (self.decision.code if self.decision else "")

    @property
    def text(self) -> str:
        """The reason in a sentence; for a signal still on its way, what it waits for."""
        if self.submission is not None and self.submission.unknown_since:
            return f"Nobody can tell whether it landed: {self.submission.unknown_text}"
        stored = self.signal.text or (self.decision.text if self.decision else "")
        return stored or _present_state(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStory:
    """Everything known of one signal, in the order in which it happened."""

    row: SignalRow
    deliveries: list[Delivery]
    events: list[SignalEvent]
    decisions: list[Decision]
    submissions: list[Submission]
    fills: list[Fill]
    position: Position | None
    heard: list[LeaderTrade]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStory:
    """A position, the signals that opened and sold it, and what its transactions changed."""

    holding: Holding
    opening: SignalRow
    exits: list[SignalRow]
    submissions: list[Submission]
    fills: list[Fill]
    lots: list[Lot]


def recent_signals(*, limit: int) -> list[SignalRow]:
    """The newest signals first, without the sells of what we never held: leaders make many of those."""
    told = Signal.objects.exclude(status=SignalStatus.SKIPPED)
    return _rows(told.order_by("-received_at")[:limit])


def signal_story(uuid: UUID) -> SignalStory:
    """The whole story; Signal.DoesNotExist when there is none."""
    signal = _with_parts(Signal.objects.filter(uuid=uuid)).select_related("position").get()
    submissions = list(signal.submissions.select_related("position").order_by("attempt"))
    fills = Fill.objects.filter(submission__signal=signal).select_related(
        "position", "submission__paper"
    )
    return SignalStory(
        row=_rows_of([signal])[0],
        deliveries=list(signal.deliveries.select_related("provider").order_by("received_at")),
        events=list(signal.events.order_by("id")),
        decisions=list(signal.decisions.order_by("at")),
        submissions=submissions,
        fills=list(fills),
        position=signal.position or _position_traded(signal, submissions),
        heard=list(_heard(signal)),
    )


def _position_traded(signal: Signal, submissions: Iterable[Submission]) -> Position | None:
    """What the signal opened, or sold without naming it: a leader's sell names its token alone."""
    sold = next((each.position for each in submissions if each.position_id), None)
    return sold or Position.objects.filter(signal=signal).first()


def _heard(signal: Signal) -> QuerySet[LeaderTrade]:
    """The leader's transactions that this signal stands for, each with who told of it, the first first."""
    told = Hearing.objects.filter(heard_at__isnull=False).order_by("heard_at")
    trades = LeaderTrade.objects.filter(legs__signal=signal).distinct()
    return trades.prefetch_related(Prefetch("hearings", queryset=told))


def position_story(uuid: UUID) -> PositionStory:
    """The whole story; Position.DoesNotExist when there is none."""
    position = Position.objects.select_related("signal").get(uuid=uuid)
    signals = Signal.objects.filter(uuid=position.signal_id)
    # Apart, not joined by an OR: each of them has an index, and there are many signals.
    named = position.exit_signals.values_list("uuid", flat=True)
    sold = position.submissions.filter(action=Action.SELL).values_list("signal", flat=True)
    exits = Signal.objects.filter(uuid__in={*named, *sold})
    return PositionStory(
        holding=describe([position])[0],
        opening=_rows(signals)[0],
        exits=_rows(exits.order_by("received_at")),
        submissions=list(position.submissions.order_by("recorded_at")),
        fills=list(position.fills.select_related("submission__paper").order_by("id")),
        lots=list(position.lots.prefetch_related("disposals").order_by("id")),
    )


def _with_parts(signals: QuerySet[Signal]) -> QuerySet[Signal]:
    return signals.prefetch_related(
        Prefetch("decisions", queryset=Decision.objects.defer("facts", "gates").order_by("-at")),
        Prefetch("submissions", queryset=Submission.objects.defer("wire").order_by("-attempt")),
    )


def _rows(signals: QuerySet[Signal]) -> list[SignalRow]:
    return _rows_of(_with_parts(signals))


def _rows_of(signals: Iterable[Signal]) -> list[SignalRow]:
    found = list(signals)
    names = leader_names(signal.leader_address for signal in found)
    return [_row(signal, leader=names.get(signal.leader_address, "")) for signal in found]


def _row(signal: Signal, *, leader: str) -> SignalRow:
    decision = next(iter(signal.decisions.all()), None)
    submission = next(iter(signal.submissions.all()), None)
    outcome, tone = _outcome(signal, submission)
    return SignalRow(
        signal=signal,
        leader=leader,
        decision=decision,
        submission=submission,
        outcome=outcome,
        tone=tone,
        steps=_steps(signal.received_at, decision, submission),
    )


def _outcome(signal: Signal, submission: Submission | None) -> tuple[str, str]:
    if submission is not None and submission.unknown_since:
        return ("unknown", "bad")
    if signal.status == SignalStatus.COMPLETED:
        return ("bought", "good") if signal.action == Action.BUY else ("sold", "good")
    return OUTCOMES[signal.status]


def _present_state(row: SignalRow) -> str:
    submission = row.submission
    match row.signal.status:
        case SignalStatus.QUEUED:
            return "Waiting for a seat in the executor"
        case SignalStatus.EXECUTING if submission is None:
            return "Gathering facts and a quote"
        case SignalStatus.EXECUTING:
            return "Sent; waiting for the chain's answer"
        case SignalStatus.RETRY:
            return "The last attempt provably died; the next one follows"
        case SignalStatus.COMPLETED if submission is not None:
            return f"Slot {submission.slot:,}" if submission.slot else "Landed"
        case _:
            return ""


def _steps(
    received_at: datetime, decision: Decision | None, submission: Submission | None
) -> tuple[Step, ...]:
    """Received → decided → sent → landed, as far as it came; sells are owed and have no decision."""
    moments: list[tuple[str, datetime | None]] = [("decided", decision.at if decision else None)]
    if submission is not None:
        is_landed = submission.status == SubmissionStatus.LANDED
        moments.append(("sent", submission.sent_at))
        moments.append(("landed" if is_landed else "resolved", submission.resolved_at))
    steps, last = [], received_at
    for name, at in moments:
        if at is not None:
            steps.append(Step(name=name, seconds=max(0.0, (at - last).total_seconds())))
            last = at
    return tuple(steps)
