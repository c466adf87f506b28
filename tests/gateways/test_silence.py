"""A request that nobody answers for a while is made a second time beside the first, where that was asked for."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Answer, Outside, Script, Seen, json, result
from trading.gateways.base import RateLimited
from trading.gateways.connect import connect
from trading.gateways.http import silence_seconds


def late(script: Script, *, seconds: float) -> Script:
    def answer(seen: Seen) -> Answer:
        return replace(script(seen), delay_seconds=seconds)

    return answer


@pytest.fixture
def impatient() -> Iterator[None]:
    token = silence_seconds.set(0.05)
    yield
    silence_seconds.reset(token)


LOST = late(result(0), seconds=60)
LIMITED = json({}, status=429)


@pytest.mark.parametrize(
    "scripts",
    [
        (LOST, result(7)),
        (late(result(7), seconds=0.6), LIMITED),
        (late(LIMITED, seconds=0.3), late(result(7), seconds=0.6)),
    ],
    ids=["lost", "slow, and the second fails", "slow to fail"],
)
@pytest.mark.usefixtures("impatient")
async def test_whichever_is_answered_first_counts(
    outside: Outside, scripts: tuple[Script, ...]
) -> None:
    outside.will(*scripts)
    async with connect(endpoints(outside.url)) as gateways:
        assert await gateways.rpc.slot() == 7
    assert len(outside.seen) == 2


@pytest.mark.usefixtures("impatient")
async def test_when_both_fail_the_error_says_so(outside: Outside) -> None:
    outside.will(late(LIMITED, seconds=0.6), LIMITED)
    async with connect(endpoints(outside.url)) as gateways:
        with pytest.raises(RateLimited):
            await gateways.rpc.slot()
    assert len(outside.seen) == 2


async def test_nobody_is_asked_twice_unless_that_was_asked_for(outside: Outside) -> None:
    outside.will(late(result(7), seconds=0.2))
    async with connect(endpoints(outside.url)) as gateways:
        assert await gateways.rpc.slot() == 7
    assert len(outside.seen) == 1
