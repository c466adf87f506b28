"""A question that gets no answer is asked again within the deadline, and whoever asked first takes nobody's time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.cluster import Sandbox
from tests.facts.desks import Asker, mint_of
from tests.facts.test_silent_sources import PLACES
from tests.platform import Clock
from trading.domain.safety import judge, sale_gates
from trading.facts.shelf import Shelf, deadline
from trading.gateways.base import GatewayError

LOST_ONCE = {"kind": "timeout", "seconds": 9, "count": 1}


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return mint_of(sandbox, "BONK")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
async def test_a_source_that_loses_a_question_is_asked_again_in_time(
    asker: Asker, mint: str, place: dict[str, Any]
) -> None:
    asker.sandbox.fault(**place, **LOST_ONCE)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert not facts.unavailable
    assert judge(facts, strategy="SHIELD", policy=asker.policy, now=asker.clock()) is None


@pytest.mark.parametrize("method", ["quote", "swap-instructions"])
async def test_a_rehearsal_whose_question_is_lost_is_a_verdict_all_the_same(
    asker: Asker, mint: str, method: str
) -> None:
    quote = await asker.quote(mint)
    asker.sandbox.fault(plane="jupiter", method=method, **LOST_ONCE)
    rehearsal = await asker.sales.rehearse(quote, policy=asker.policy, until=deadline())
    assert all(gate.is_passed for gate in sale_gates(rehearsal.sale, asker.policy))


async def test_who_came_later_asks_anew_when_the_first_has_no_more_time() -> None:
    loop, asked = asyncio.get_running_loop(), 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        return "answer"

    shelf: Shelf[str] = Shelf(clock=Clock())

    async def get(seconds: float) -> str | GatewayError:
        until = loop.time() + seconds
        return await shelf.get("key", ask, lifetime=lambda _: timedelta(hours=1), until=until)

    first, *others = await asyncio.gather(get(0.05), get(30), get(30))
    assert isinstance(first, GatewayError)
    assert (others, asked) == (["answer", "answer"], 2)
