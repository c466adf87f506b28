"""Whatever a sick node or engine answers, at whichever step, a buy lands once and is booked once."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from tests.cluster import Sandbox
from tests.platform import Platform
from trading.domain.lifecycle import SignalStatus
from trading.domain.values import Route
from trading.gateways.base import GatewayError, RateLimited
from trading.models import Fill, Position, TradingState
from workers.desk import NETWORK_FEE_LAMPORTS

ANSWERS: dict[str, dict[str, Any]] = {
    "preflight": {"kind": "rpc_error", "code": -32002, "message": "Blockhash not found"},
    "preflight with data": {
        "kind": "rpc_error",
        "code": -32002,
        "data": {"err": "BlockhashNotFound", "logs": []},
    },
    "no such block": {"kind": "rpc_error", "code": -32004},
    "behind": {"kind": "rpc_error", "code": -32005},
    "behind with data": {"kind": "rpc_error", "code": -32005, "data": {"numSlotsBehind": 42}},
    "version": {"kind": "rpc_error", "code": -32015},
    "limit inside a 200": {"kind": "rpc_error", "code": 429, "message": "Too many requests"},
    "limit": {"kind": "http_error", "status": 429},
    "down": {"kind": "http_error", "status": 502},
    "html": {"kind": "garbage"},
    "slow": {"kind": "latency", "seconds": 1.7},
}
STEPS = ["sendTransaction", "getSignatureStatuses", "getTransaction"]


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "WIF")


async def work_to_the_end(platform: Platform, uuid: UUID) -> None:
    for _ in range(12):
        await platform.work()
        with suppress(GatewayError):
            await platform.settle()
        if (await platform.row(uuid)).status == SignalStatus.COMPLETED:
            return
        platform.clock.advance(seconds=3)
        await _until_nobody_rests(platform)


async def _until_nobody_rests(platform: Platform) -> None:
    """A node that says to wait a second is left alone for a real one."""
    with suppress(RateLimited):
        await platform.desk.gateways.rpc.slot()
        return
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_sick_node_delays_a_buy_and_changes_nothing(
    platform: Platform, mint: str, step: str, answer: str
) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    platform.sandbox.fault(plane="rpc", method=step, count=2, **ANSWERS[answer])
    uuid = await platform.signal(mint)
    await work_to_the_end(platform, uuid)
    await _is_bought_once(platform, uuid, mint)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_sick_engine_delays_a_buy_and_changes_nothing(
    platform: Platform, mint: str, answer: str
) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", count=2, **ANSWERS[answer])
    uuid = await platform.signal(mint)
    await work_to_the_end(platform, uuid)
    await _is_bought_once(platform, uuid, mint)


async def _is_bought_once(platform: Platform, uuid: UUID, mint: str) -> None:
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.COMPLETED, "BOUGHT")
    assert len(await platform.landed()) == 1
    position = await platform.see(lambda: Position.objects.get(signal=uuid))
    assert int(position.held_raw) == await platform.held_raw(mint)
    assert await platform.see(Fill.objects.count) == 1


async def test_a_try_after_a_refusal_has_other_bytes_even_when_nothing_else_has_changed(
    platform: Platform, mint: str
) -> None:
    """Same blockhash, same amount, no tip that could escalate: the signature would be the dead one's."""
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    platform.sandbox.fault(plane="rpc", method="sendTransaction", count=1, **ANSWERS["preflight"])
    uuid = await platform.signal(mint)
    await platform.work()
    platform.clock.advance(seconds=2)
    await platform.work()
    first, second = await platform.submissions(uuid)
    assert first.last_valid_block_height == second.last_valid_block_height
    assert first.signature != second.signature
    await platform.settle()
    await _is_bought_once(platform, uuid, mint)
    landed = await platform.see(lambda: Fill.objects.get(submission=second))
    assert landed.network_fee_lamports == NETWORK_FEE_LAMPORTS
