"""Whenever a process dies, the next one ends every buy, and never lands two for one signal."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from tests import factories
from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.models import Position, Signal, Submission


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


async def _killed_at(platform: Platform, uuid: UUID, is_reached: Callable[[], bool]) -> None:
    """Work on the signal and be cancelled once the rows say that a point was reached."""
    work = asyncio.create_task(platform.work())
    async with asyncio.timeout(5):
        while not await platform.see(is_reached):
            await asyncio.sleep(0.005)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def after_the_claim(platform: Platform, uuid: UUID) -> None:
    claim = await platform.see(
        lambda: factories.claim_one(token="dead", is_exit=False, now=platform.clock())
    )
    assert claim is not None


async def before_the_decision(platform: Platform, uuid: UUID) -> None:
    platform.sandbox.fault(plane="dexscreener", kind="latency", seconds=1, count=1)
    await _killed_at(
        platform, uuid, lambda: Signal.objects.filter(pk=uuid, status="EXECUTING").exists()
    )


def instructions_come_late(platform: Platform, *, seconds: float) -> None:
    """Nothing can be signed with the decision, and what it takes comes only a while after it."""
    asked = {"plane": "jupiter", "method": "swap-instructions"}
    platform.sandbox.fault(kind="http_error", count=1, **asked)
    platform.sandbox.fault(kind="latency", seconds=seconds, count=2, **asked)


async def after_the_decision(platform: Platform, uuid: UUID) -> None:
    await platform.rehearse((await platform.row(uuid)).mint)
    instructions_come_late(platform, seconds=0.5)
    await _killed_at(
        platform, uuid, lambda: Signal.objects.filter(pk=uuid, reserved_lamports__gt=0).exists()
    )
    assert await platform.submissions(uuid) == []
    # The sandbox is still busy with what nobody waits for any more, and could take another test's fault.
    await asyncio.sleep(0.6)


async def after_the_record(platform: Platform, uuid: UUID) -> None:
    """The bytes are stored and nobody ever saw them."""
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    await platform.work()
    await platform.see(lambda: Submission.objects.update(sent_at=None))


async def while_sending(platform: Platform, uuid: UUID) -> None:
    """The engine has the bundle and we do not know it."""
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="latency", seconds=0.3, count=1)
    await _killed_at(platform, uuid, lambda: Submission.objects.filter(signal=uuid).exists())
    await asyncio.sleep(0.6)


async def after_the_send(platform: Platform, uuid: UUID) -> None:
    await platform.work()


CRASHES = [
    after_the_claim,
    before_the_decision,
    after_the_decision,
    after_the_record,
    while_sending,
    after_the_send,
]


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
async def test_a_process_that_died_is_succeeded_and_the_buy_lands_once(
    platform: Platform, mint: str, crash: Callable[[Platform, UUID], Awaitable[None]]
) -> None:
    uuid = await platform.signal(mint)
    await crash(platform, uuid)
    platform.sandbox.clear()
    platform.restart()
    platform.sandbox.advance(slots=20)
    for _ in range(6):
        platform.clock.advance(seconds=3)
        await platform.resolver.step()
        await platform.work()
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.COMPLETED, "BOUGHT")
    [landed] = await platform.landed()
    position = await platform.see(lambda: Position.objects.get(signal=uuid))
    assert position.held_raw == await platform.held_raw(mint)
    assert landed["meta"]["err"] is None


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
async def test_a_process_that_died_long_ago_leaves_an_end_all_the_same(
    platform: Platform, mint: str, crash: Callable[[Platform, UUID], Awaitable[None]]
) -> None:
    uuid = await platform.signal(mint)
    await crash(platform, uuid)
    platform.sandbox.clear()
    platform.sandbox.advance(slots=250)
    platform.clock.advance(minutes=5)
    await platform.desk.conditions.refresh_once()
    platform.restart()
    for _ in range(4):
        await platform.resolver.step()
        await platform.work()
        platform.clock.advance(seconds=3)
    signal = await platform.row(uuid)
    landed = await platform.landed()
    assert signal.status in (SignalStatus.COMPLETED, SignalStatus.REJECTED)
    assert len(landed) == (signal.status == SignalStatus.COMPLETED)
    assert signal.code in ("BOUGHT", "STALE_SIGNAL")
    assert await platform.see(Submission.objects.filter(status="IN_FLIGHT").count) == 0


async def test_a_signal_in_living_hands_is_not_taken_over(platform: Platform, mint: str) -> None:
    uuid = await platform.signal(mint)
    await after_the_claim(platform, uuid)
    platform.clock.advance(seconds=4)
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.EXECUTING
    platform.clock.advance(seconds=2)
    await platform.settle()
    taken = await platform.row(uuid)
    assert (taken.status, taken.code) == (SignalStatus.QUEUED, "TAKEN_OVER")


async def test_whoever_lost_its_signal_sends_nothing(platform: Platform, mint: str) -> None:
    """A process that slept through its lease wakes up while another one has the signal."""
    await platform.rehearse(mint)
    uuid = await platform.signal(mint)
    instructions_come_late(platform, seconds=0.8)
    slow = asyncio.create_task(platform.work())
    async with asyncio.timeout(5):
        while not (await platform.row(uuid)).reserved_lamports:
            await asyncio.sleep(0.01)
    platform.clock.advance(seconds=6)
    await platform.settle()
    assert await platform.work()
    assert await slow
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    assert len(await platform.landed()) == 1
    assert len(await platform.submissions(uuid)) == 1


async def test_a_takeover_frees_the_capital_it_held(platform: Platform, mint: str) -> None:
    uuid = await platform.signal(mint)
    await after_the_decision(platform, uuid)
    assert (await platform.row(uuid)).reserved_lamports == SOL // 4
    platform.clock.advance(seconds=6)
    await platform.settle()
    assert (await platform.row(uuid)).reserved_lamports == 0


async def test_a_submission_that_is_booked_stays_as_it_was_booked(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    before = await platform.see(lambda: Submission.objects.values().get(position=position))
    platform.restart()
    await platform.settle(steps=2)
    assert await platform.see(lambda: Submission.objects.values().get(position=position)) == before
    assert before["status"] == SubmissionStatus.LANDED
    assert (await platform.position(position)).status == PositionStatus.ACTIVE
