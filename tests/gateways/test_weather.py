"""What one process can tell about its first RPC: calls and failures of a minute, and when it gave way."""

import asyncio

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, error, raw, result
from trading.gateways.base import Refused, Unavailable
from trading.gateways.connect import connect
from trading.gateways.failover import FAILURES_IN_A_ROW, RpcWeather
from trading.gateways.rpc import Rpc

DOWN = raw(b"down", status=503)


async def test_calls_and_failures_of_the_first_endpoint_are_counted(
    outside: Outside, second: Outside
) -> None:
    outside.will(result(7))
    second.will(result(8))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        for _ in range(3):
            await gateways.rpc.slot()
        outside.will(DOWN)
        assert await gateways.rpc.slot() == 8
        assert gateways.rpc.weather() == RpcWeather(
            calls=4, failures=1, failed_over_seconds_ago=None
        )


async def test_a_refusal_is_no_failure(outside: Outside) -> None:
    outside.will(error(-32602))
    async with connect(endpoints(outside.url)) as gateways:
        with pytest.raises(Refused):
            await gateways.rpc.slot()
        assert (gateways.rpc.weather().calls, gateways.rpc.weather().failures) == (1, 0)


async def test_the_moment_of_a_failover_is_remembered(outside: Outside, second: Outside) -> None:
    outside.will(DOWN)
    second.will(result(8))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        for _ in range(FAILURES_IN_A_ROW):
            await gateways.rpc.slot()
        weather = gateways.rpc.weather()
        assert weather.failed_over_seconds_ago == pytest.approx(0, abs=1)
        await asyncio.sleep(0.05)
        later = gateways.rpc.weather().failed_over_seconds_ago
        assert later is not None
        assert later >= 0.05


async def test_an_only_endpoint_cannot_fail_over(outside: Outside) -> None:
    outside.will(DOWN)
    async with connect(endpoints(outside.url)) as gateways:
        for _ in range(FAILURES_IN_A_ROW):
            with pytest.raises(Unavailable):
                await gateways.rpc.slot()
        weather = gateways.rpc.weather()
        assert (weather.failures, weather.failed_over_seconds_ago) == (3, None)


async def test_without_an_endpoint_there_is_no_weather() -> None:
    assert Rpc([]).weather() == RpcWeather(calls=0, failures=0, failed_over_seconds_ago=None)
