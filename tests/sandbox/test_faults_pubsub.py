"""Every fault of the websocket plane: refused handshakes, lost, late and broken notifications."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from solana.rpc.commitment import Processed
from solana.rpc.websocket_api import SolanaWsClient
from solders.keypair import Keypair
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer


@pytest.fixture
def still(sandbox: Sandbox) -> Iterator[Sandbox]:
    """No slot closes by itself, so that the next notification is the one a test makes."""
    sandbox.control("POST", "clock", {"running": False})
    yield sandbox
    sandbox.control("POST", "clock", {"running": True})


async def subscribe(raw: Any, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    await raw.send(json.dumps(call))
    return json.loads(await raw.recv())


async def test_a_dropped_notification_never_comes_the_next_one_does(
    pubsub: SolanaWsClient, payer: Payer
):
    await pubsub.logs_subscribe(commitment=Processed)
    payer.sandbox.fault(plane="ws", kind="drop_notification", method="logsNotification", count=1)
    payer.send(payer.pay(Keypair().pubkey(), 10**6))
    heard = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    told = await asyncio.wait_for(pubsub.recv(), 5)
    assert str(told.result.value.signature) == heard


async def test_a_late_notification_comes_late(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="latency", seconds=0.3, count=1)
        start = time.monotonic()
        still.advance(slots=1)
        await raw.recv()
        assert time.monotonic() - start >= 0.3


async def test_a_garbled_notification_is_no_json(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="garbage", count=1)
        still.advance(slots=1)
        with pytest.raises(ValueError):
            json.loads(await raw.recv())


async def test_a_connection_is_cut_instead_of_a_notification(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="disconnect", count=1)
        still.advance(slots=1)
        with pytest.raises(ConnectionClosedError):
            await raw.recv()


async def test_a_handshake_is_refused_with_a_status(sandbox: Sandbox):
    sandbox.fault(plane="ws", kind="http_error", status=429, endpoint="primary")
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{sandbox.ws_url}rpc/primary").__aenter__()
    assert refused.value.response.status_code == 429
    async with connect(f"{sandbox.ws_url}rpc/secondary"):
        pass


async def test_a_handshake_can_hang(sandbox: Sandbox):
    sandbox.fault(plane="ws", kind="timeout", seconds=0.5)
    with pytest.raises(TimeoutError):
        await connect(sandbox.ws_url, open_timeout=0.1).__aenter__()


async def test_a_subscription_is_refused_with_an_rpc_error(still: Sandbox):
    still.fault(plane="ws", kind="rpc_error", code=-32603, method="logsSubscribe")
    async with connect(still.ws_url) as raw:
        assert (await subscribe(raw, "logsSubscribe", "all"))["error"]["code"] == -32603
        assert "result" in await subscribe(raw, "slotSubscribe")


async def test_pubsub_lives_at_named_endpoints_only(sandbox: Sandbox):
    with pytest.raises(InvalidStatus):
        await connect(f"{sandbox.ws_url}nowhere").__aenter__()


async def opened_slots(raw: Any, *, count: int) -> list[int]:
    return [json.loads(await raw.recv())["params"]["result"]["slot"] for _ in range(count)]


async def test_a_notification_comes_twice(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="duplicate", count=1)
        still.advance(slots=2)
        first, again, second = await opened_slots(raw, count=3)
        assert first == again == second - 1


async def test_a_notification_is_overtaken_by_the_next_one(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="reorder", seconds=60, count=1)
        still.advance(slots=2)
        second, first = await opened_slots(raw, count=2)
        assert first == second - 1


async def test_an_overtaken_notification_comes_though_no_other_follows(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="reorder", seconds=0.05, count=1)
        still.advance(slots=1)
        assert len(await opened_slots(raw, count=1)) == 1


async def test_a_half_open_connection_says_nothing_and_still_answers_pings(still: Sandbox):
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.fault(plane="ws", kind="half_open", count=1)
        still.advance(slots=3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(raw.recv(), 0.3)
        await asyncio.wait_for(await raw.ping(), 5)
    async with connect(still.ws_url) as raw:
        await subscribe(raw, "slotSubscribe")
        still.advance(slots=1)
        assert len(await opened_slots(raw, count=1)) == 1
