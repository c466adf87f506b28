"""The consumer of the queue: seats, wakes, mistakes of our own, and a stop that loses nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit.models import DeadLetter
from tests.cluster import Sandbox
from tests.platform import Platform, until
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.gateways.jito import BlockEngine
from trading.models import Position, Signal, Submission
from workers.executor import Executor, listen_for_wakes


@pytest.fixture
def mints(sandbox: Sandbox) -> list[str]:
    return [str(each["mint"]) for each in sandbox.tokens("major")]


class BrokenEngine:
    """A gateway with a mistake in it: what it raises is no GatewayError."""

    def __init__(self, engine: BlockEngine) -> None:
        self.bundle_id = engine.bundle_id

    async def send_bundle(self, wires: list[bytes]) -> str:
        raise ZeroDivisionError("a mistake of ours")


class EngineWithoutNames(BrokenEngine):
    """Its mistake comes before anything is on record."""

    def __init__(self, engine: BlockEngine) -> None:
        self.bundle_id = self._fail

    def _fail(self, signatures: Sequence[str]) -> str:
        raise ZeroDivisionError("a mistake of ours")


class BrokenTokens:
    """Token facts with a mistake in them, for one mint only."""

    def __init__(self, tokens: Any, *, broken: str) -> None:
        self._tokens, self._broken = tokens, broken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokens, name)

    async def facts(self, mint: str, *rest: Any, **more: Any) -> Any:
        if mint == self._broken:
            raise ZeroDivisionError("a mistake of ours")
        return await self._tokens.facts(mint, *rest, **more)


@asynccontextmanager
async def consuming(executor: Executor) -> AsyncIterator[None]:
    task = asyncio.create_task(executor.consume())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ended(platform: Platform, *uuids: Any) -> bool:
    rows = [await platform.row(uuid) for uuid in uuids]
    return all(row.finished_at is not None for row in rows)


async def test_a_signal_that_breaks_our_code_is_moved_aside_and_the_queue_goes_on(
    platform: Platform, mints: list[str]
) -> None:
    desk = replace(platform.desk, tokens=BrokenTokens(platform.desk.tokens, broken=mints[0]))
    poison, sound = await platform.signal(mints[0]), await platform.signal(mints[1])
    async with consuming(Executor(desk, entry_seats=1, exit_seats=1)):
        await until(lambda: ended(platform, poison))
        await until(lambda: has_submission(platform, sound))
    moved = await platform.row(poison)
    assert (moved.status, moved.code, moved.text) == (
        SignalStatus.DEAD_LETTER,
        "INTERNAL_ERROR",
        "ZeroDivisionError",
    )
    assert (await platform.see(DeadLetter.objects.get)).payload == {"signal": str(poison)}


async def has_submission(platform: Platform, uuid: Any) -> bool:
    return bool(await platform.submissions(uuid))


async def test_a_mistake_after_the_record_leaves_the_end_to_the_chain(
    platform: Platform, mints: list[str]
) -> None:
    engine = BrokenEngine(platform.desk.gateways.block_engine)
    broken = replace(platform.desk, gateways=replace(platform.desk.gateways, block_engine=engine))
    uuid = await platform.signal(mints[0])
    await Executor(broken, entry_seats=1, exit_seats=1).work_once(is_exit=False)
    left = await platform.row(uuid)
    assert (left.status, left.reserved_lamports > 0) == (SignalStatus.EXECUTING, True)
    platform.clock.advance(seconds=3)
    await platform.settle(steps=2)
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    assert await platform.see(Position.objects.count) == 1


async def test_an_exit_that_breaks_our_code_is_tried_again_all_the_same(
    platform: Platform, mints: list[str]
) -> None:
    position = await platform.bought(mints[0])
    uuid = await platform.sell_signal(mints[0])
    engine = EngineWithoutNames(platform.desk.gateways.block_engine)
    broken = replace(platform.desk, gateways=replace(platform.desk.gateways, block_engine=engine))
    await Executor(broken, entry_seats=1, exit_seats=1).work_once(is_exit=True)
    waiting = await platform.row(uuid)
    assert (waiting.status, waiting.code) == (SignalStatus.RETRY, "INTERNAL_ERROR")
    platform.clock.advance(seconds=6)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_entries_that_hang_do_not_keep_an_exit_waiting(
    platform: Platform, mints: list[str]
) -> None:
    position = await platform.bought(mints[0])
    platform.sandbox.fault(plane="dexscreener", kind="latency", seconds=1.0)
    hanging = [await platform.signal(mint) for mint in mints[1:3]]
    async with consuming(Executor(platform.desk, entry_seats=1, exit_seats=1)):
        await until(lambda: is_executing(platform, hanging[0]))
        await platform.sell_signal(mints[0])
        async with asyncio.timeout(0.9):
            await until(lambda: is_exiting(platform, position))
        assert (await platform.row(hanging[1])).status == SignalStatus.QUEUED


async def is_executing(platform: Platform, uuid: Any) -> bool:
    return (await platform.row(uuid)).status == SignalStatus.EXECUTING


async def is_exiting(platform: Platform, position: Position) -> bool:
    return (await platform.position(position)).status == PositionStatus.EXITING


async def test_no_more_signals_are_claimed_than_there_are_seats(
    platform: Platform, mints: list[str]
) -> None:
    platform.sandbox.fault(plane="dexscreener", kind="latency", seconds=0.5)
    for mint in mints:
        await platform.signal(mint)
    async with consuming(Executor(platform.desk, entry_seats=2, exit_seats=1)):
        await asyncio.sleep(0.3)
        at_work = await platform.see(Signal.objects.filter(status=SignalStatus.EXECUTING).count)
    assert at_work == 2


async def test_a_stop_lets_a_trade_reach_its_submission(
    platform: Platform, mints: list[str]
) -> None:
    platform.sandbox.fault(plane="jupiter", method="swap-instructions", kind="latency", seconds=0.4)
    uuid = await platform.signal(mints[0])
    async with consuming(platform.executor):
        await until(lambda: is_executing(platform, uuid))
    [submission] = await platform.submissions(uuid)
    assert submission.status == SubmissionStatus.IN_FLIGHT
    assert submission.sent_at is not None


async def test_a_lost_wake_costs_one_poll(platform: Platform, mints: list[str]) -> None:
    async with consuming(platform.executor):
        await asyncio.sleep(0.05)
        uuid = await platform.signal(mints[0])
        await until(lambda: has_submission(platform, uuid), seconds=2)


async def test_a_datagram_wakes_and_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path, woken = tmp_path / "w.sock", asyncio.Event()
    for _ in range(2):
        transport = await listen_for_wakes(path, lambda _: woken.set())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"1", str(path))
        async with asyncio.timeout(2):
            await woken.wait()
        woken.clear()
        transport.close()
        await asyncio.sleep(0)


@pytest.mark.both_databases
async def test_signals_of_every_kind_all_come_to_an_end(
    platform: Platform, mints: list[str]
) -> None:
    """Buys, a trap, a stranger, a sell of nothing and one of something, through one executor."""
    trap = str(platform.sandbox.tokens("freeze_honeypot")[0]["mint"])
    uuids = [await platform.signal(mint) for mint in mints]
    uuids += [await platform.signal(trap), await platform.sell_signal(trap)]
    uuids += [await platform.signal(mints[0], leader_address=platform.desk.address)]
    uuids += [await platform.sell_signal(mints[0])]
    async with consuming(platform.executor):
        for _ in range(100):
            await platform.settle()
            if await ended(platform, *uuids):
                break
            await asyncio.sleep(0.05)
    statuses = [(await platform.row(uuid)).status for uuid in uuids]
    assert statuses == ["COMPLETED"] * 3 + ["REJECTED", "SKIPPED", "REJECTED", "COMPLETED"]
    assert await platform.see(Submission.objects.filter(status="IN_FLIGHT").count) == 0
    for mint in mints:
        held = await platform.see(
            lambda mint=mint: sum(row.held_raw for row in Position.objects.filter(mint=mint))
        )
        assert held == await platform.held_raw(mint)
