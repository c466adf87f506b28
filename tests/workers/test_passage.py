"""Each stage of a signal's first way through is counted once, and what came back is not counted at all."""

import pytest

from tests.cluster import Sandbox
from tests.platform import Platform
from trading import metrics, timings
from trading.domain.values import Action
from trading.metrics import Stage


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


@pytest.fixture
def counted():
    """How often each thing was measured since the test began."""
    before = timings.read()
    submissions = _recorded()

    def since(action: Action) -> dict[str, int]:
        found = timings.read().since(before)
        stages = {stage.value: found.stage(stage, action).count for stage in Stage}
        return {
            **stages,
            "internal": found.internal(action).count,
            "waited": found.waited(action).count,
            "submissions": _recorded() - submissions,
        }

    return since


def _recorded() -> int:
    registry = metrics.registry()
    return sum(
        int(
            registry.get_sample_value(
                "chimera_submissions_total", {"action": action.value, "outcome": "recorded"}
            )
            or 0
        )
        for action in Action
    )


async def test_a_buy_is_counted_once_at_every_stage(platform: Platform, mint: str, counted) -> None:
    await platform.signal(mint)
    assert await platform.work()
    assert counted(Action.BUY) == {
        **dict.fromkeys(Stage, 1),
        "committed": 0,  # that one is the door's
        "internal": 1,
        "waited": 1,
        "submissions": 1,
    }
    assert counted(Action.SELL) == {**dict.fromkeys(counted(Action.SELL), 0), "submissions": 1}


async def test_the_stages_add_up_to_the_internal_latency(platform: Platform, mint: str) -> None:
    before = timings.read()
    await platform.signal(mint)
    assert await platform.work()
    found = timings.read().since(before)
    stages = sum(found.stage(stage, Action.BUY).total for stage in Stage)
    assert stages == pytest.approx(found.internal(Action.BUY).total, abs=0.0005)
    assert found.waited(Action.BUY).total > 0


async def test_a_sell_has_no_decision_and_every_other_stage(
    platform: Platform, mint: str, counted
) -> None:
    await platform.bought(mint)
    await platform.sell_signal(mint)
    assert await platform.work(is_exit=True)
    sells = counted(Action.SELL)
    assert (sells["decided"], sells["facts"], sells["signed"], sells["sent"]) == (0, 1, 1, 1)
    assert sells["internal"] == 1


async def test_a_sell_that_had_to_wait_for_its_buy_is_not_counted_as_slow(
    platform: Platform, mint: str, counted
) -> None:
    await platform.signal(mint)
    await platform.work()
    await platform.sell_signal(mint)
    assert await platform.work(is_exit=True)
    await platform.settle()
    platform.clock.advance(seconds=1)
    assert await platform.work(is_exit=True)
    sells = counted(Action.SELL)
    assert sells["submissions"] == 2
    assert (sells["claimed"], sells["sent"], sells["internal"]) == (0, 0, 0)


async def test_a_denied_buy_counts_its_code_and_no_first_byte(
    platform: Platform, mint: str, counted
) -> None:
    labels = {"code": "ALREADY_HELD"}
    denied = metrics.registry().get_sample_value("chimera_decisions_total", labels) or 0
    await platform.bought(mint)
    await platform.signal(mint)
    assert await platform.work()
    assert metrics.registry().get_sample_value("chimera_decisions_total", labels) == denied + 1
    assert counted(Action.BUY)["internal"] == 1
