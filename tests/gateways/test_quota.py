"""Jupiter's allowance is never overdrawn, and exits go before everything else."""

import asyncio

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, json, raw
from tests.gateways.samples import SAMPLES, WSOL
from trading.gateways.base import RateLimited
from trading.gateways.connect import connect
from trading.gateways.quota import Quota, Urgency, urgent


async def used_up(per_second: float) -> Quota:
    quota = Quota(per_second)
    for _ in range(int(max(1.0, per_second))):
        await quota.take(Urgency.ENTRY)
    return quota


async def served(quota: Quota, wanted: list[Urgency]) -> list[Urgency]:
    """The order in which they got their turn, all having asked at once."""
    order: list[Urgency] = []

    async def wait(urgency: Urgency) -> None:
        await quota.take(urgency)
        order.append(urgency)

    async with asyncio.TaskGroup() as group:
        for urgency in wanted:
            group.create_task(wait(urgency))
    return order


async def test_the_burst_is_free_and_the_rest_waits() -> None:
    clock = asyncio.get_running_loop().time
    quota = Quota(20)
    began = clock()
    for _ in range(20):
        await quota.take(Urgency.ENTRY)
    assert clock() - began < 0.5
    for _ in range(4):
        await quota.take(Urgency.ENTRY)
    assert clock() - began >= 0.19


async def test_exits_go_before_positions_and_positions_before_entries() -> None:
    wanted = [Urgency.ENTRY, Urgency.POSITION, Urgency.EXIT] * 3
    assert await served(await used_up(100), wanted) == sorted(wanted)


async def test_a_waiter_that_gives_up_costs_nobody_a_turn() -> None:
    quota = await used_up(2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(quota.take(Urgency.EXIT), 0.01)
    async with asyncio.timeout(0.9):
        await quota.take(Urgency.ENTRY)


async def test_a_pause_holds_everybody() -> None:
    clock = asyncio.get_running_loop().time
    quota = Quota(50)
    quota.pause(0.2)
    began = clock()
    await quota.take(Urgency.EXIT)
    assert clock() - began >= 0.19


async def test_a_pause_holds_those_who_wait_already() -> None:
    clock = asyncio.get_running_loop().time
    quota = await used_up(50)
    began = clock()
    waiting = asyncio.create_task(quota.take(Urgency.EXIT))
    await asyncio.sleep(0)
    quota.pause(0.2)
    await waiting
    assert clock() - began >= 0.19


async def test_a_429_makes_the_next_call_wait_as_long_as_told(outside: Outside) -> None:
    limited = raw(b"", status=429, **{"Retry-After": "0.3"})
    outside.will(limited, json({WSOL: SAMPLES["prices"][WSOL]}))
    clock = asyncio.get_running_loop().time
    async with connect(endpoints(outside.url, jupiter_requests_per_second=50.0)) as gateways:
        with pytest.raises(RateLimited):
            await gateways.jupiter.prices_usd([WSOL])
        began = clock()
        with urgent(Urgency.EXIT):
            assert WSOL in await gateways.jupiter.prices_usd([WSOL])
    assert clock() - began >= 0.28


async def test_an_exit_overtakes_the_entries_that_wait(outside: Outside) -> None:
    outside.will(json({}))
    async with (
        connect(endpoints(outside.url, jupiter_requests_per_second=5.0)) as gateways,
        asyncio.TaskGroup() as group,
    ):
        prices = gateways.jupiter.prices_usd
        for number in range(7):
            with urgent(Urgency.ENTRY):
                group.create_task(prices([f"entry{number}"]))
        await asyncio.sleep(0.01)
        with urgent(Urgency.EXIT):
            group.create_task(prices(["exit"]))
    assert [seen.query["ids"] for seen in outside.seen][5] == "exit"


async def test_no_word_of_jupiters_holds_an_exit_up_for_an_hour(outside: Outside) -> None:
    limited = raw(b"", status=429, **{"Retry-After": "3600"})
    outside.will(limited, json({WSOL: SAMPLES["prices"][WSOL]}))
    async with connect(endpoints(outside.url, jupiter_requests_per_second=50.0)) as gateways:
        with pytest.raises(RateLimited):
            await gateways.jupiter.prices_usd([WSOL])
        async with asyncio.timeout(10):
            with urgent(Urgency.EXIT):
                assert WSOL in await gateways.jupiter.prices_usd([WSOL])
