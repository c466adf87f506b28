"""Each fault the sandbox can act out becomes the named error it should be, and passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.cluster import Sandbox
from tests.gateways.trader import TIP, Trader, trading_on
from trading.gateways.base import InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.jito import InflightState
from trading.gateways.jupiter import NoRoute
from trading.gateways.quota import Urgency, urgent

SPENT = 100_000_000
DATA = {"numSlotsBehind": 42}


@pytest.fixture
async def trader(sandbox: Sandbox) -> AsyncIterator[Trader]:
    async with trading_on(sandbox, "primary", timeout_seconds=20.0) as opened:
        yield opened


@pytest.fixture
async def hasty(sandbox: Sandbox) -> AsyncIterator[Trader]:
    """Gives up after a second: enough on a busy machine, short enough to wait for."""
    async with trading_on(sandbox, "primary", timeout_seconds=1.0) as opened:
        yield opened


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return str(sandbox.tokens("memecoin")[0]["mint"])


TRANSPORT: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"kind": "http_error", "status": 500}, Unavailable),
    ({"kind": "http_error", "status": 503}, Unavailable),
    ({"kind": "http_error", "status": 403}, Unavailable),
    ({"kind": "http_error", "status": 429}, RateLimited),
    ({"kind": "http_error", "status": 400}, Refused),
    ({"kind": "garbage"}, InvalidReply),
    ({"kind": "garbage", "status": 502}, Unavailable),
]


@pytest.mark.parametrize(("fault", "named"), TRANSPORT)
@pytest.mark.parametrize("plane", ["rpc", "jito", "jupiter", "dexscreener"])
async def test_a_transport_fault_is_named_on_every_plane_and_then_over(
    trader: Trader, mint: str, plane: str, fault: dict[str, Any], named: type[Exception]
) -> None:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "rpc": trader.gateways.rpc.slot,
        "jito": trader.gateways.block_engine.tip_accounts,
        "jupiter": lambda: trader.gateways.jupiter.prices_usd([mint]),
        "dexscreener": lambda: trader.gateways.market_data.pair(mint),
    }
    trader.sandbox.fault(plane=plane, **fault)
    with pytest.raises(named):
        await calls[plane]()
    trader.sandbox.clear()
    with urgent(Urgency.EXIT):  # a 429 says to wait a second, and exits alone do not
        assert await calls[plane]()


@pytest.mark.parametrize("kind", ["timeout", "latency"])
async def test_silence_is_unavailable_on_every_plane(hasty: Trader, mint: str, kind: str) -> None:
    gateways = hasty.gateways
    for plane in ("rpc", "jito", "jupiter", "dexscreener"):
        hasty.sandbox.fault(plane=plane, kind=kind, seconds=20)
    answers = await asyncio.gather(
        gateways.rpc.slot(),
        gateways.block_engine.tip_accounts(),
        gateways.jupiter.prices_usd([mint]),
        gateways.market_data.pair(mint),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Unavailable] * 4


@pytest.mark.parametrize("more", [{}, {"data": DATA}])
@pytest.mark.parametrize(
    ("code", "named"),
    [
        (-32005, Unavailable),
        (-32004, Unavailable),
        (-32014, Unavailable),
        (-32016, Unavailable),
        (-32603, Unavailable),
        (429, RateLimited),
        (-32097, RateLimited),
        (-32002, Refused),
        (-32003, Refused),
        (-32007, Refused),
        (-32009, Refused),
        (-32015, Refused),
        (-32602, Refused),
    ],
)
@pytest.mark.parametrize("plane", ["rpc", "jito"])
async def test_an_rpc_error_is_named_with_and_without_data(
    trader: Trader, plane: str, code: int, named: type[Exception], more: dict[str, Any]
) -> None:
    trader.sandbox.fault(plane=plane, kind="rpc_error", code=code, message="injected", **more)
    gateways = trader.gateways
    ask = gateways.rpc.slot if plane == "rpc" else gateways.block_engine.tip_accounts
    with pytest.raises(named, match="injected"):
        await ask()


async def test_a_short_delay_is_only_a_delay(trader: Trader) -> None:
    trader.sandbox.fault(plane="rpc", kind="latency", seconds=0.05)
    assert await trader.gateways.rpc.slot() >= 0


async def test_one_bad_endpoint_of_two_is_not_noticed(sandbox: Sandbox, mint: str) -> None:
    sandbox.fault(plane="rpc", endpoint="primary", kind="garbage")
    async with trading_on(sandbox, "primary", "secondary") as trader:
        signed = await trader.buy(mint, SPENT)
        [status] = await trader.gateways.rpc.signature_statuses([signed.signature])
        assert status is not None
        assert status.err is None
        assert [state.is_fit for state in trader.gateways.rpc.endpoint_states()] == [False, True]


async def test_a_timeout_of_the_only_endpoint_leaves_a_send_unknown(
    hasty: Trader, mint: str
) -> None:
    signed = await hasty.sign(await hasty.quote_buy(mint, SPENT))
    hasty.sandbox.fault(plane="rpc", method="sendTransaction", kind="timeout", seconds=20)
    with pytest.raises(Unavailable):
        await hasty.gateways.rpc.send_transaction(signed.wire)


async def test_a_send_that_all_endpoints_refuse_is_refused(sandbox: Sandbox, mint: str) -> None:
    async with trading_on(sandbox, "primary", "secondary") as trader:
        signed = await trader.sign(await trader.quote_buy(mint, SPENT))
        sandbox.fault(plane="rpc", method="sendTransaction", kind="rpc_error", code=-32003)
        with pytest.raises(Refused):
            await trader.gateways.rpc.send_transaction(signed.wire)


async def test_a_send_that_one_endpoint_refuses_and_one_drops_is_unknown(
    sandbox: Sandbox, mint: str
) -> None:
    async with trading_on(sandbox, "primary", "secondary", timeout_seconds=1.0) as trader:
        signed = await trader.sign(await trader.quote_buy(mint, SPENT))
        fault = {"plane": "rpc", "method": "sendTransaction"}
        sandbox.fault(**fault, endpoint="primary", kind="rpc_error", code=-32003)
        sandbox.fault(**fault, endpoint="secondary", kind="timeout", seconds=20)
        with pytest.raises(Unavailable):
            await trader.gateways.rpc.send_transaction(signed.wire)


@pytest.mark.parametrize("plane", ["rpc", "chain"])
async def test_a_dropped_transaction_looks_taken_and_is_provably_dead_later(
    trader: Trader, mint: str, plane: str
) -> None:
    rpc = trader.gateways.rpc
    trader.sandbox.fault(plane=plane, kind="drop_tx")
    last_valid = (await rpc.latest_blockhash()).last_valid_block_height
    signed = await trader.buy(mint, SPENT)
    assert await rpc.signature_statuses([signed.signature]) == [None]
    assert not await rpc.has_expired(signed.signature, last_valid_block_height=last_valid)
    trader.sandbox.advance(slots=200)
    assert await rpc.has_expired(signed.signature, last_valid_block_height=last_valid)


@pytest.mark.parametrize("plane", ["jito", "chain"])
async def test_a_dropped_bundle_looks_taken_and_never_lands(
    trader: Trader, mint: str, plane: str
) -> None:
    engine = trader.gateways.block_engine
    trader.sandbox.fault(plane=plane, kind="bundle_drop")
    signed = await trader.sign(await trader.quote_buy(mint, SPENT), tip=TIP)
    sent = await engine.send_bundle([signed.wire])
    assert await engine.bundle_statuses([sent]) == [None]
    [inflight] = await engine.inflight_statuses([sent])
    assert inflight is not None
    assert inflight.state is not InflightState.LANDED
    assert await trader.gateways.rpc.signature_statuses([signed.signature]) == [None]


async def test_no_route_is_named_and_no_price_is_absent(trader: Trader, mint: str) -> None:
    trader.sandbox.fault(plane="jupiter", kind="no_route")
    with pytest.raises(NoRoute):
        await trader.quote_buy(mint, SPENT)
    assert await trader.gateways.jupiter.prices_usd([mint]) == {}


async def test_no_pair_is_none(trader: Trader, mint: str) -> None:
    trader.sandbox.fault(plane="dexscreener", kind="no_route")
    assert await trader.gateways.market_data.pair(mint) is None


async def test_the_engines_own_rate_limit_is_rate_limited(trader: Trader) -> None:
    trader.sandbox.control("POST", "block-engine", {"requests_per_second": 0.1})
    try:
        await trader.gateways.block_engine.tip_accounts()
        with pytest.raises(RateLimited) as caught:
            await trader.gateways.block_engine.tip_accounts()
    finally:
        trader.sandbox.control("POST", "block-engine", {"requests_per_second": None})
    assert caught.value.retry_after_seconds == 1.0
