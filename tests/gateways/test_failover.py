"""When the first RPC endpoint fails, the next one is really used, and the first comes back."""

import asyncio

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, Script, by_method, error, late, raw, result
from tests.gateways.samples import SAMPLES, at_slot
from trading.gateways.base import Endpoints, InvalidReply, Refused, Unavailable
from trading.gateways.connect import connect
from trading.gateways.failover import (
    FAILURES_IN_A_ROW,
    SLOT_LAG,
    SLOW_SECONDS,
    EndpointHealth,
)

DOWN = raw(b"down", status=503)


async def test_a_failing_first_endpoint_is_passed_over_in_the_same_call(
    outside: Outside, second: Outside
) -> None:
    outside.will(DOWN)
    second.will(result(7))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert await gateways.rpc.slot() == 7


@pytest.mark.parametrize("code", [-32005, -32004, -32014, -32016])
async def test_a_node_that_is_behind_is_passed_over(
    outside: Outside, second: Outside, code: int
) -> None:
    outside.will(error(code))
    second.will(result(7))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert await gateways.rpc.slot() == 7


async def test_a_reply_of_the_wrong_shape_is_passed_over(outside: Outside, second: Outside) -> None:
    outside.will(result(429))
    second.will(result(SAMPLES["getLatestBlockhash"]))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert (await gateways.rpc.latest_blockhash()).last_valid_block_height == 250


async def test_a_refusal_is_an_answer_and_nobody_else_is_asked(
    outside: Outside, second: Outside
) -> None:
    outside.will(error(-32602))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        with pytest.raises(Refused):
            await gateways.rpc.slot()
    assert second.seen == []


async def test_the_last_failure_is_raised_when_all_fail(outside: Outside, second: Outside) -> None:
    outside.will(DOWN)
    second.will(result("x"))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        with pytest.raises(InvalidReply):
            await gateways.rpc.slot()


async def test_after_three_failures_the_first_endpoint_is_no_longer_asked_first(
    outside: Outside, second: Outside
) -> None:
    outside.will(DOWN)
    second.will(result(7))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        for _ in range(5):
            assert await gateways.rpc.slot() == 7
        assert [state.is_fit for state in gateways.rpc.endpoint_states()] == [False, True]
    assert (len(outside.seen), len(second.seen)) == (3, 5)


async def test_an_unfit_endpoint_is_still_the_last_resort(
    outside: Outside, second: Outside
) -> None:
    outside.will(DOWN, DOWN, DOWN, result(8))
    second.will(result(7), result(7), result(7), DOWN)
    async with connect(endpoints(outside.url, second.url)) as gateways:
        answers = [await gateways.rpc.slot() for _ in range(4)]
    assert answers == [7, 7, 7, 8]


async def test_refusals_never_make_an_endpoint_unfit(outside: Outside, second: Outside) -> None:
    outside.will(error(-32602))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        for _ in range(5):
            with pytest.raises(Refused):
                await gateways.rpc.slot()
        assert gateways.rpc.endpoint_states()[0].is_fit


async def test_a_deadline_of_the_caller_speaks_against_a_silent_endpoint(
    outside: Outside, second: Outside
) -> None:
    outside.will(late(30))
    second.will(result(7))
    async with connect(endpoints(outside.url, second.url, timeout_seconds=9.0)) as gateways:
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(cut_off(gateways.rpc.slot(), 1.1))
        async with asyncio.timeout(2):
            assert await gateways.rpc.slot() == 7


async def cut_off(call, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, seconds)


def node_at(slot: int):
    latest = at_slot({"blockhash": "1" * 32, "lastValidBlockHeight": 250}, slot)
    return by_method(getHealth=result("ok"), getLatestBlockhash=result(latest))


async def test_a_probe_takes_out_an_endpoint_that_lags_more_than_50_slots(
    outside: Outside, second: Outside
) -> None:
    outside.will(node_at(1000))
    second.will(node_at(1051))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        states = await gateways.rpc.probe()
    assert [(state.is_fit, state.slot) for state in states] == [(False, 1000), (True, 1051)]


async def test_a_lag_of_50_slots_is_no_fault(outside: Outside, second: Outside) -> None:
    outside.will(node_at(1000))
    second.will(node_at(1050))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert all(state.is_fit for state in await gateways.rpc.probe())


async def test_a_node_that_calls_itself_unhealthy_is_out_after_three_probes(
    outside: Outside, second: Outside
) -> None:
    outside.will(error(-32005))
    second.will(node_at(1050))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        fit = [(await gateways.rpc.probe())[0].is_fit for _ in range(3)]
    assert fit == [True, True, False]


async def test_several_endpoints_are_probed_without_anybody_asking(
    outside: Outside, second: Outside
) -> None:
    outside.will(DOWN)
    second.will(node_at(1050))
    async with connect(endpoints(outside.url, second.url, probe_seconds=0.01)) as gateways:
        async with asyncio.timeout(5):
            while gateways.rpc.endpoint_states()[0].is_fit:
                await asyncio.sleep(0.01)
            while gateways.rpc.endpoint_states()[1].slot is None:
                await asyncio.sleep(0.01)
        assert gateways.rpc.endpoint_states()[1].slot == 1050


async def test_an_endpoint_is_preferred_again_once_it_was_well_for_as_long_as_configured(
    outside: Outside, second: Outside
) -> None:
    outside.will(DOWN, DOWN, DOWN, node_at(1050))
    second.will(node_at(1050))
    patience = {"probe_seconds": 0.01, "rpc_well_seconds": 0.1}
    async with connect(endpoints(outside.url, second.url, **patience)) as gateways:
        async with asyncio.timeout(5):
            while gateways.rpc.endpoint_states()[0].is_fit:
                await asyncio.sleep(0.01)
            while not gateways.rpc.endpoint_states()[0].is_fit:
                await asyncio.sleep(0.01)


async def test_an_endpoint_that_has_been_well_for_long_enough_is_really_asked_first_again(
    outside: Outside, second: Outside
) -> None:
    def says(slot: int) -> Script:
        latest = at_slot({"blockhash": "1" * 32, "lastValidBlockHeight": 250}, slot)
        return by_method(
            getHealth=result("ok"), getLatestBlockhash=result(latest), getSlot=result(slot)
        )

    outside.will(DOWN, DOWN, DOWN, says(1000))
    second.will(says(1001))
    healing = {"rpc_well_seconds": 0.3, "probe_seconds": 0.05}
    async with connect(endpoints(outside.url, second.url, **healing)) as gateways:
        while gateways.rpc.endpoint_states()[0].is_fit:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while not gateways.rpc.endpoint_states()[0].is_fit:
                await asyncio.sleep(0.01)
        assert await gateways.rpc.slot() == 1000


def test_the_waits_are_those_of_the_specification() -> None:
    usual = endpoints("http://127.0.0.1:9")
    assert Endpoints.__dataclass_fields__["probe_seconds"].default == 5.0
    assert usual.rpc_well_seconds == 300.0
    assert (FAILURES_IN_A_ROW, SLOW_SECONDS, SLOT_LAG) == (3, 2.0, 50)


async def test_no_endpoint_at_all_is_unavailable() -> None:
    async with connect(endpoints("http://127.0.0.1:9", rpc_urls=())) as gateways:
        with pytest.raises(Unavailable):
            await gateways.rpc.slot()


def failed_three_times() -> EndpointHealth:
    health = EndpointHealth()
    for _ in range(3):
        health.failed()
    return health


def test_an_endpoint_returns_after_five_minutes_of_health() -> None:
    health = failed_three_times()
    health.succeeded(latency_seconds=0.1, now=1000.0)
    assert not health.is_fit(now=1299.0)
    assert health.is_fit(now=1300.0)


def test_a_failure_starts_the_five_minutes_again() -> None:
    health = failed_three_times()
    health.succeeded(latency_seconds=0.1, now=1000.0)
    health.failed()
    health.succeeded(latency_seconds=0.1, now=1200.0)
    assert not health.is_fit(now=1400.0)
    assert health.is_fit(now=1500.0)


def test_a_slow_answer_starts_the_five_minutes_again() -> None:
    health = failed_three_times()
    health.succeeded(latency_seconds=0.1, now=1000.0)
    health.succeeded(latency_seconds=2.1, now=1100.0)
    assert not health.is_fit(now=9000.0)


def test_two_failures_and_a_success_count_as_none() -> None:
    health = EndpointHealth()
    for _ in range(4):
        health.failed()
        health.failed()
        health.succeeded(latency_seconds=0.1, now=1.0)
    assert health.is_fit(now=2.0)


@pytest.mark.parametrize(("slow_answers", "is_fit"), [(1, True), (2, False)])
def test_a_slow_95th_percentile_makes_an_endpoint_unfit(slow_answers: int, is_fit: bool) -> None:
    health = EndpointHealth()
    for _ in range(40 - slow_answers):
        health.succeeded(latency_seconds=0.1, now=1.0)
    for _ in range(slow_answers):
        health.succeeded(latency_seconds=2.5, now=1.0)
    assert health.is_fit(now=2.0) is is_fit
