"""What a host lets us ask is not exceeded: it is left alone as long as it says, and exits wait for nobody."""

import asyncio

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, by_method, error, raw, result
from tests.gateways.samples import SAMPLES, at_slot
from trading.gateways.base import RateLimited
from trading.gateways.connect import connect
from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.quota import LONGEST_REST_SECONDS, Allowance, Urgency, urgent

LATEST = at_slot({"blockhash": "1" * 32, "lastValidBlockHeight": 250}, 7)


def too_fast(seconds: str):
    return raw(b"", status=429, **{"Retry-After": seconds})


async def test_an_endpoint_that_asks_to_wait_is_left_alone_and_the_next_one_used(
    outside: Outside, second: Outside
) -> None:
    outside.will(too_fast("0.3"), result(7))
    second.will(result(8))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert [await gateways.rpc.slot() for _ in range(4)] == [8, 8, 8, 8]
        assert len(outside.seen) == 1
        await asyncio.sleep(0.35)
        assert await gateways.rpc.slot() == 7


async def test_the_only_endpoint_is_left_alone_by_all_but_exits(outside: Outside) -> None:
    outside.will(too_fast("60"), result(7))
    async with connect(endpoints(outside.url)) as gateways:
        for urgency in (Urgency.POSITION, Urgency.ENTRY, Urgency.POSITION):
            with urgent(urgency), pytest.raises(RateLimited) as caught:
                await gateways.rpc.slot()
        assert len(outside.seen) == 1
        assert 59 < caught.value.retry_after_seconds <= 60
        with urgent(Urgency.EXIT):
            assert await gateways.rpc.slot() == 7


async def test_to_be_left_alone_is_no_failure_of_the_endpoint(outside: Outside) -> None:
    outside.will(too_fast("60"))
    async with connect(endpoints(outside.url)) as gateways:
        for _ in range(5):
            with pytest.raises(RateLimited):
                await gateways.rpc.slot()
        assert (gateways.rpc.weather().calls, gateways.rpc.weather().failures) == (1, 1)
        assert gateways.rpc.endpoint_states()[0].is_fit


async def test_a_limit_without_a_word_on_how_long_is_passed_over_and_asked_again(
    outside: Outside, second: Outside
) -> None:
    outside.will(error(429), result(7))
    second.will(result(8))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert [await gateways.rpc.slot() for _ in range(2)] == [8, 7]


async def test_who_asks_to_wait_is_not_probed_and_gets_no_bytes(
    outside: Outside, second: Outside
) -> None:
    outside.will(too_fast("60"))
    second.will(
        by_method(getSlot=result(8), getHealth=result("ok"), getLatestBlockhash=result(LATEST))
    )
    async with connect(endpoints(outside.url, second.url)) as gateways:
        await gateways.rpc.slot()
        states = await gateways.rpc.probe()
    assert [state.slot for state in states] == [None, 7]
    assert len(outside.seen) == 1


async def test_an_absurd_wait_does_not_take_an_endpoint_away_for_ever() -> None:
    allowance = Allowance("host", per_second=0, patience_seconds=1)
    allowance.rest(10**9)
    assert allowance.rest_seconds() <= LONGEST_REST_SECONDS


async def test_while_there_is_room_asking_does_not_even_yield() -> None:
    """On the hot path the budget is a comparison: the coroutine ends at its first step."""
    for per_second in (0.0, 5.0):
        allowance = Allowance("host", per_second=per_second, patience_seconds=1)
        for _ in range(5):
            with pytest.raises(StopIteration):
                allowance.take().send(None)


async def test_a_used_up_allowance_sends_the_next_call_to_the_next_endpoint(
    outside: Outside, second: Outside
) -> None:
    outside.will(result(7))
    second.will(result(8))
    async with connect(endpoints(outside.url, second.url, rpc_requests_per_second=2.0)) as gateways:
        assert [await gateways.rpc.slot() for _ in range(4)] == [7, 7, 8, 8]


async def test_exits_overtake_the_entries_that_wait_for_the_only_endpoint(outside: Outside) -> None:
    outside.will(result(7))
    order: list[str] = []

    async def ask(name: str) -> None:
        await gateways.rpc.slot()
        order.append(name)

    async with (
        connect(endpoints(outside.url, rpc_requests_per_second=4.0)) as gateways,
        asyncio.TaskGroup() as group,
    ):
        for number in range(6):
            with urgent(Urgency.ENTRY):
                group.create_task(ask(f"entry {number}"))
        await asyncio.sleep(0.02)
        with urgent(Urgency.EXIT):
            group.create_task(ask("exit"))
    assert order.index("exit") == 4


async def test_the_engines_allowance_is_shared_and_waited_for_only_a_moment(
    outside: Outside,
) -> None:
    outside.will(result(list(TIP_ACCOUNTS)))
    async with connect(endpoints(outside.url, jito_requests_per_second=0.5)) as gateways:
        await gateways.block_engine.tip_accounts()
        began = asyncio.get_running_loop().time()
        with pytest.raises(RateLimited, match="our own allowance"):
            await gateways.block_engine.tip_accounts()
        assert asyncio.get_running_loop().time() - began < 1.5
    assert len(outside.seen) == 1


async def test_an_engine_that_asks_to_wait_is_left_alone(outside: Outside) -> None:
    outside.will(too_fast("0.3"), result(SAMPLES["getTipAccounts"]))
    async with connect(endpoints(outside.url)) as gateways:
        for _ in range(3):
            with pytest.raises(RateLimited):
                await gateways.block_engine.tip_accounts()
        assert len(outside.seen) == 1
        await asyncio.sleep(0.35)
        assert await gateways.block_engine.tip_accounts()
