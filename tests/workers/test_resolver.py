"""The resolver asks the chain and nobody else, and one row that breaks our code hurts no other."""

import asyncio
from pathlib import Path

import pytest

from tests.cluster import Sandbox, running
from tests.databases import Database
from tests.platform import Platform, open_platform
from trading.domain.lifecycle import SignalStatus, SubmissionStatus
from trading.domain.values import Route
from trading.models import UNKNOWN, Position, Submission, TradingState
from trading.writer import GroupWriter


@pytest.fixture
def mints(sandbox: Sandbox) -> list[str]:
    return [str(each["mint"]) for each in sandbox.tokens("major")]


async def test_with_nothing_in_flight_the_chain_is_not_asked(platform: Platform) -> None:
    platform.sandbox.fault(plane="rpc", kind="http_error")
    assert await platform.resolver.step() == 0


async def test_a_row_that_cannot_be_booked_keeps_no_other_in_flight(
    platform: Platform, mints: list[str]
) -> None:
    broken, sound = await platform.signal(mints[0]), await platform.signal(mints[1])
    for _ in range(2):
        await platform.work()
    # A mint of which the landed transaction moved nothing: its buy has no price.
    await platform.see(lambda: Submission.objects.filter(signal=broken).update(mint=mints[2]))
    await platform.settle()
    assert (await platform.row(sound)).status == SignalStatus.COMPLETED
    assert (await platform.row(broken)).status == SignalStatus.EXECUTING
    assert await platform.see(Position.objects.count) == 1
    await platform.see(lambda: Submission.objects.filter(signal=broken).update(mint=mints[0]))
    await platform.settle()
    assert (await platform.row(broken)).status == SignalStatus.COMPLETED


async def test_a_node_that_is_silent_for_one_row_is_asked_again(
    platform: Platform, mints: list[str]
) -> None:
    for mint in mints[:2]:
        await platform.signal(mint)
        await platform.work()
    # The request for both fails, and then one of those for each alone.
    platform.sandbox.fault(plane="rpc", method="getTransaction", kind="http_error", count=2)
    assert await platform.resolver.step() == 1
    assert await platform.resolver.step() == 1
    assert await platform.see(Position.objects.count) == 2


async def test_a_node_that_does_not_know_a_landed_transaction_proves_nothing(
    platform: Platform, mints: list[str]
) -> None:
    """Statuses are lost while the height moves on: a second answer must come from the chain's tip."""
    uuid = await platform.signal(mints[0])
    await platform.work()
    platform.sandbox.fault(
        plane="rpc", method="getSignatureStatuses", kind="rpc_error", code=-32005
    )
    platform.sandbox.advance(slots=200)
    for _ in range(2):
        with pytest.raises(Exception, match="32005"):
            await platform.resolver.step()
    platform.sandbox.clear()
    assert await platform.resolver.step() == 1
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_two_resolvers_at_once_book_once(platform: Platform, mints: list[str]) -> None:
    uuid = await platform.signal(mints[0])
    await platform.work()
    first = platform.resolver
    platform.restart()
    counts = await asyncio.gather(first.step(), platform.resolver.step())
    assert sorted(counts) == [0, 1]
    [submission] = await platform.submissions(uuid)
    assert submission.status == SubmissionStatus.LANDED


async def test_an_old_balance_does_not_show_capital_that_was_spent_since(
    platform: Platform, mints: list[str]
) -> None:
    """The executor learns its balance once a second; a booking frees the reservation at once."""
    conditions = platform.desk.conditions
    before = await platform.capital_seen()
    uuid = await platform.signal(mints[0])
    await platform.work()
    assert await platform.capital_seen() < before
    assert await platform.resolver.step() == 1
    assert not (await platform.row(uuid)).reserved_lamports
    assert await platform.capital_seen() < before
    await conditions.refresh_once()
    chain = await platform.desk.gateways.rpc.balance(platform.desk.address)
    assert await platform.capital_seen() == chain == conditions.balance_lamports


async def test_a_balance_that_does_not_come_holds_no_booking_up(
    platform: Platform, mints: list[str]
) -> None:
    uuid = await platform.signal(mints[0])
    await platform.work()
    platform.sandbox.fault(plane="rpc", method="getBalance", kind="http_error")
    assert await platform.resolver.step() == 1
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_what_a_node_has_run_and_nobody_confirms_is_told_after_two_minutes(
    tmp_path: Path, database: Database, writer: GroupWriter
) -> None:
    """As on a fork that everybody else has left; nothing is booked of it, however long that lasts."""
    with running(tmp_path / "slow", "--slot-ms", "60000", mode="slot") as slow:
        async with open_platform(slow, database, writer) as platform:
            await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
            uuid = await platform.signal(str(slow.tokens("major")[0]["mint"]))
            await platform.work()
            slow.advance(slots=1)
            [row] = await platform.submissions(uuid)
            rpc = platform.desk.gateways.rpc
            [status] = await rpc.signature_statuses([row.signature])
            assert status is not None
            assert status.confirmation_status == "processed"
            for minutes in (1, 3):
                platform.clock.advance(minutes=minutes)
                assert await platform.resolver.step() == 0
                [row] = await platform.submissions(uuid)
                assert (row.told_status == UNKNOWN) is (minutes == 3)
            slow.advance(slots=3)
            assert await platform.resolver.step() == 1
            assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
