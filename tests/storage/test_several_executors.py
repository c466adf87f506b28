"""Several executors on one database: every signal is traded once, by whoever is left; the chain is asked."""

import signal
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from audit.models import Heartbeat
from tests.databases import Database
from tests.platform import Platform, until
from tests.storage.processes import House, stopped
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.policy import SHIELD_DEFAULTS
from trading.models import Position, Signal, Submission

pytestmark = [pytest.mark.both_databases, pytest.mark.timeout(240)]
PATIENCE_SECONDS = 90.0


@pytest.fixture
def mints(platform: Platform) -> list[str]:
    """Eight tokens that are safe to buy and have a pool deep enough."""
    kinds = ("major", "memecoin")
    return [str(each["mint"]) for kind in kinds for each in platform.sandbox.tokens(kind)][:8]


async def alive(platform: Platform, count: int) -> None:
    """Wait until so many executors have beaten just now."""

    async def are_alive() -> bool:
        since = timezone.now() - timedelta(seconds=4)
        beats = Heartbeat.objects.filter(name="executor", beat_at__gte=since)
        return await platform.see(beats.count) >= count

    await until(are_alive, seconds=PATIENCE_SECONDS)


async def count_of(platform: Platform, status: SignalStatus) -> int:
    return await platform.see(Signal.objects.filter(status=status).count)


async def all_finished(platform: Platform, uuids: list[UUID]) -> None:
    async def are_finished() -> bool:
        unfinished = Signal.objects.filter(pk__in=uuids, finished_at__isnull=True)
        return not await platform.see(unfinished.exists)

    await until(are_finished, seconds=PATIENCE_SECONDS)


async def wide_open(platform: Platform) -> None:
    """Room for all of it, and no signal is too old for a slow machine."""
    patient = replace(SHIELD_DEFAULTS, maximum_signal_age_seconds=300)
    await platform.policy(shield=patient, maximum_positions=50, maximum_attempts=20)


def deadlocks(database: Database) -> int:
    """How often PostgreSQL had to choose a victim; SQLite has one lock and nothing to choose."""
    if database.vendor == "sqlite":
        return 0
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(database.rows(query)[0][0])


async def bought_once_each(platform: Platform, uuids: list[UUID]) -> None:
    """The books, the chain and the signals all tell of one buy each."""
    rows = [await platform.row(uuid) for uuid in uuids]
    assert [(row.status, row.code) for row in rows] == [("COMPLETED", "BOUGHT")] * len(rows)
    landed = await platform.see(lambda: list(Submission.objects.filter(status="LANDED")))
    assert sorted(row.signal_id for row in landed) == sorted(uuids)
    on_chain = {reply["transaction"]["signatures"][0] for reply in await platform.landed()}
    assert on_chain == {row.signature for row in landed}, "nothing else was signed by us and landed"
    for position in await platform.see(lambda: list(Position.objects.all())):
        assert position.held_raw == await platform.held_raw(position.mint) > 0


async def test_executors_share_a_queue_and_one_of_them_may_be_killed(
    platform: Platform, house: House, database: Database, mints: list[str]
) -> None:
    await wide_open(platform)
    before = deadlocks(database)
    house.start("resolver")
    processes = [house.start("executor") for _ in range(3)]
    await alive(platform, 3)
    platform.sandbox.fault(plane="jupiter", kind="latency", seconds=0.2)
    uuids = [await platform.signal(mint) for mint in mints]
    await until(lambda: count_of(platform, SignalStatus.EXECUTING), seconds=PATIENCE_SECONDS)
    assert stopped(processes[0], by=signal.SIGKILL) == -signal.SIGKILL
    await all_finished(platform, uuids)
    await bought_once_each(platform, uuids)
    sells = [await platform.sell_signal(mint) for mint in mints]
    await all_finished(platform, sells)
    statuses = await platform.see(lambda: set(Position.objects.values_list("status", flat=True)))
    assert statuses == {PositionStatus.CLOSED}
    assert [await platform.held_raw(mint) for mint in mints] == [0] * len(mints)
    assert await platform.see(Submission.objects.filter(status="LANDED").count) == 2 * len(mints)
    assert [stopped(each) for each in processes[1:]] == [0, 0], house.log.read_text()
    assert deadlocks(database) == before, (database.file / "log").read_text()


async def test_a_stopped_executor_leaves_only_what_is_sent_and_a_new_one_finishes_it(
    platform: Platform, house: House, mints: list[str]
) -> None:
    await wide_open(platform)
    house.environment["EXECUTION_SEATS"] = "2"
    house.start("resolver")
    first = house.start("executor")
    await alive(platform, 1)
    platform.sandbox.fault(plane="jupiter", method="swap-instructions", kind="latency", seconds=0.3)
    uuids = [await platform.signal(mint) for mint in mints]
    await until(lambda: count_of(platform, SignalStatus.EXECUTING), seconds=PATIENCE_SECONDS)
    assert stopped(first) == 0, house.log.read_text()
    sent = await platform.see(
        lambda: set(
            Submission.objects.filter(
                status=SubmissionStatus.IN_FLIGHT, sent_at__isnull=False
            ).values_list("signal", flat=True)
        )
    )
    # In this order: the resolver goes on booking what was sent, and what it has booked is neither.
    executing = await platform.see(
        lambda: list(
            Signal.objects.filter(status=SignalStatus.EXECUTING).values_list("pk", flat=True)
        )
    )
    assert set(executing) <= sent
    assert await count_of(platform, SignalStatus.QUEUED) >= len(mints) - 4
    platform.sandbox.clear()
    house.start("executor")
    await all_finished(platform, uuids)
    await bought_once_each(platform, uuids)
