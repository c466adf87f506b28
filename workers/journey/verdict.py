"""The end of the journey: what the rows and the chain say about all of it together."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from trading.domain.lifecycle import ENDS, PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Action
from trading.gateways.base import Endpoints, GatewayError
from trading.gateways.connect import connect
from trading.gateways.rpc import Rpc
from trading.models import Position, Signal, SignalEvent, Submission
from trading.reconciliation.check import reconcile
from trading.reconciliation.findings import Report
from trading.reconciliation.reader import UnableToRead
from trading.services.claims import OUTCOME_AWAITED
from workers.journey import coverage, outcomes
from workers.journey.house import House
from workers.journey.report import JourneyReport
from workers.journey.steps import Journey

QUIET_SECONDS = 40.0
SETTLE_SECONDS = 10.0
MINIMUM_SIGNALS = 20
# A line of the log begins with the process's name, filled up to this, and a space.
NAME_COLUMNS = 11
WATCHED_LOGS = ("executor", "resolver", "ingress", "watcher", "wallet_watcher", "web", "seed")


async def reach(journey: Journey, *, kills: Mapping[str, int]) -> JourneyReport:
    """Wait for quiet, ask the chain, count."""
    await _wait_for_quiet(journey)
    books = await _ask_the_chain(journey)
    await _check_processes(journey)
    if journey.is_rough:
        dead = min(kills.get("executor", 0), kills.get("ingress", 0))
        journey.journal.expect("executor and ingress were killed often", holds=dead >= 3)
    shown = await sync_to_async(coverage.measure)(journey.client.replies, failover=journey.failover)
    # Where processes die meanwhile, a signal may honestly end for another reason than its own.
    for each in () if journey.is_rough else shown.missing():
        journey.journal.violate(f"not shown: {each}")
    counted = await sync_to_async(_count)(journey)
    journey.journal.expect(
        f"at least {MINIMUM_SIGNALS} signals were sent", holds=counted["signals"] >= MINIMUM_SIGNALS
    )
    return JourneyReport(
        **counted,
        books_equal_chain=books is not None and books.is_equal,
        books=books,
        coverage=shown,
        must_cover=not journey.is_rough,
        kills=dict(kills),
        seconds=round(journey.journal.seconds, 1),
        held=len(journey.journal.held),
        violated=tuple(journey.journal.violated),
    )


async def _wait_for_quiet(journey: Journey) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    while not await outcomes.is_quiet() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    unfinished = await sync_to_async(_unfinished)()
    journey.journal.expect(
        "every signal has reached an end", holds=not unfinished, found=unfinished
    )
    known = await sync_to_async(_known)(journey.accepted)
    lost = journey.accepted - known
    journey.journal.expect("no accepted signal is lost", holds=not lost, found=lost)


def _unfinished() -> list[str]:
    rows = Signal.objects.exclude(status__in=list(ENDS))
    return [f"{row} {row.status} {row.code}" for row in rows]


def _known(accepted: set[UUID]) -> set[UUID]:
    return set(Signal.objects.filter(pk__in=accepted).values_list("uuid", flat=True))


async def _ask_the_chain(journey: Journey) -> Report | None:
    journal = journey.journal
    async with connect(_endpoints(journey.house)) as gateways:
        try:
            report = await reconcile(gateways.rpc, settle_seconds=SETTLE_SECONDS)
            bought = await _buys_on_chain(gateways.rpc)
        except (UnableToRead, GatewayError) as error:
            journal.expect("the chain can be read", holds=False, found=error)
            return None
    for finding in report.findings:
        found = f"books {finding.books}, chain {finding.chain}"
        journal.expect(f"no {finding.kind} of {finding.subject}", holds=False, found=found)
    journal.expect("books equal the chain to the lamport", holds=report.is_equal)
    twice = {signal: count for signal, count in bought.items() if count > 1}
    journal.expect("no signal was bought twice", holds=not twice, found=twice)
    opened = await Position.objects.acount()
    landed = sum(bought.values())
    journal.expect("a position for every buy on the chain", holds=opened == landed, found=landed)
    return report


def _endpoints(house: House) -> Endpoints:
    url = house.wiring.sandbox_url
    return Endpoints(
        rpc_urls=(f"{url}/rpc/primary",),
        jito_url=f"{url}/jito",
        jupiter_url=f"{url}/jupiter",
        dexscreener_url=f"{url}/dexscreener",
    )


async def _buys_on_chain(rpc: Rpc) -> Counter[UUID]:
    """How many transactions of each buy signal the chain itself calls successful."""
    rows = await sync_to_async(_signed_buys)()
    statuses = await rpc.signature_statuses([signature for _, signature in rows])
    return Counter(
        signal
        for (signal, _), status in zip(rows, statuses, strict=True)
        if status is not None and status.err is None
    )


def _signed_buys() -> list[tuple[UUID, str]]:
    buys = Submission.objects.filter(action=Action.BUY)
    return list(buys.values_list("signal_id", "signature"))


async def _check_processes(journey: Journey) -> None:
    """The pages are up, and nobody has stumbled over an error that was not foreseen."""
    journal = journey.journal
    journal.expect(
        "the web process is healthy", holds=await journey.house.page_status("/health") == 200
    )
    log = await asyncio.to_thread(journey.house.log.read_text)
    found_errors = list(stumbled(log.splitlines()))
    if not journey.is_rough:
        found = f"{found_errors[:3]} in {journey.house.log}"
        journal.expect("no process logged a traceback", holds=not found_errors, found=found)


def stumbled(lines: list[str]) -> Iterable[str]:
    """The last line of every traceback, which names the error: the first that is not indented."""
    open_in: set[str] = set()
    for line in lines:
        name, text = line[:NAME_COLUMNS].strip(), line[NAME_COLUMNS:]
        if name in WATCHED_LOGS and "Traceback" in text:
            open_in.add(name)
        elif name in open_in and text.strip() and not text.startswith(" "):
            open_in.remove(name)
            yield line
    yield from (f"{name}: a traceback without an end" for name in sorted(open_in))


def _count(journey: Journey) -> dict[str, Any]:
    replies = journey.client.replies
    rejected = Counter(reply.reason for reply in replies if not reply.is_accepted and reply.reason)
    ended = Signal.objects.filter(status__in=[SignalStatus.REJECTED, SignalStatus.SKIPPED])
    rejected.update(ended.values_list("code", flat=True))
    latencies = sorted(_latencies_ms(journey.delayed))
    positions = Position.objects.all()
    return {
        "signals": len(replies) + journey.foreign_signals,
        "accepted": len(journey.accepted),
        "rejected": dict(sorted(rejected.items())),
        "not_traded": ended.count(),
        "opened": positions.count(),
        "closed": positions.filter(status=PositionStatus.CLOSED).count(),
        "failed": Signal.objects.filter(status=SignalStatus.DEAD_LETTER).count(),
        "duplicates_blocked": rejected["duplicate_signal"] + rejected["replayed_request"],
        "p50_ms": percentile(latencies, 50),
        "p99_ms": percentile(latencies, 99),
    }


def _latencies_ms(delayed: set[UUID]) -> Iterable[float]:
    """Received to first byte out, less the waiting for other machines, of first attempts.

    Without signals that the journey itself made wait, and those that waited for another trade to end.
    """
    put_back = SignalEvent.objects.filter(code__in=OUTCOME_AWAITED).values("signal_id")
    rows = Submission.objects.filter(attempt=1, sent_at__isnull=False).select_related("signal")
    rows = rows.exclude(status=SubmissionStatus.IN_FLIGHT).exclude(signal__in=put_back)
    for row in rows.exclude(signal__in=delayed):
        assert row.sent_at is not None
        taken = (row.sent_at - row.signal.received_at) / timedelta(milliseconds=1)
        yield taken - row.waited_microseconds / 1_000


def percentile(ordered: list[float], percent: int) -> float | None:
    """The nearest-rank percentile of values in rising order; None without values."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return round(ordered[max(rank, 1) - 1], 2)
