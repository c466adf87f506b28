"""An alarm over a position ends with the position: nobody looks at what is sold, so nobody would end it later."""

from typing import Any

import pytest

from audit.models import Incident
from tests import factories
from tests.cluster import Sandbox
from tests.platform import Platform
from trading.domain.lifecycle import PositionStatus, SignalStatus
from trading.domain.policy import Policy
from trading.models import Position
from trading.services.control import request_exit
from trading.services.plans import SellPlan, Work, plan_sell
from workers.exit_watcher import _tell_silence
from workers.selling import sell


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


async def open_alarms(platform: Platform) -> list[str]:
    return await platform.see(
        lambda: list(Incident.objects.filter(resolved_at=None).values_list("key", flat=True))
    )


async def sold_by_hand(platform: Platform, position: Position) -> None:
    await platform.see(
        lambda: request_exit(position.pk, actor="ada", reason="enough", now=platform.clock())
    )
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def claimed_sell(platform: Platform, mint: str) -> Work:
    """The leader's sell, claimed and planned, its position read."""
    await platform.sell_signal(mint)

    def claim() -> Any:
        claimed = factories.claim_one(token="tests", is_exit=True, now=platform.clock())
        assert claimed is not None
        plan = plan_sell(claimed, Policy(), now=platform.clock())
        assert isinstance(plan, SellPlan)
        return Work(claim=claimed, policy=Policy(), plan=plan)

    return await platform.see(claim)


async def test_a_sell_that_comes_second_does_not_take_the_first_for_a_theft(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    second = await claimed_sell(platform, mint)
    await sold_by_hand(platform, position)
    await sell(platform.desk, second)
    assert await open_alarms(platform) == []
    platform.clock.advance(seconds=1)
    assert await platform.work(is_exit=True)
    ended = await platform.row(second.claim.uuid)
    assert (ended.status, ended.code) == (SignalStatus.SKIPPED, "NO_POSITION")


async def test_a_look_that_began_before_the_sale_tells_of_no_silence_after_it(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await sold_by_hand(platform, position)
    platform.clock.advance(seconds=91)
    await platform.see(lambda: _tell_silence(position, platform.clock()))
    assert await open_alarms(platform) == []


async def test_a_silence_of_prices_that_was_told_ends_with_the_sale(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    platform.clock.advance(seconds=91)
    await platform.see(lambda: _tell_silence(position, platform.clock()))
    assert await open_alarms(platform) == [f"price:{position.pk}"]
    await platform.desk.conditions.refresh_once()
    await sold_by_hand(platform, position)
    assert await open_alarms(platform) == []
