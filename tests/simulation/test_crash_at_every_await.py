"""Whatever is killed wherever: after a restart every signal has its end, and the chain agrees with the books."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.crashes import Story, Toll, killed_everywhere, until_quiet
from tests.simulation.world import Life, World, open_world, quiet_hints, rows_in_memory
from trading.domain.values import Route

__all__ = ["quiet_hints"]

pytestmark = pytest.mark.timeout(600)

log = logging.getLogger("simulation")
TOKEN = "JUP"
ONLY = os.environ.get("CRASH_ONLY")
"""The number of one case, to look at it without a fork."""
FATED_SECONDS = 75.0


async def buying(world: World, life: Life) -> None:
    world.signal(world.mint(TOKEN))
    await until_quiet(world)


async def selling(world: World, life: Life) -> None:
    """The leader sells all, and so do we."""
    world.sell_signal(world.mint(TOKEN))


async def halving(world: World, life: Life) -> None:
    world.sell_signal(world.mint(TOKEN), fraction="0.5")


async def stopping(world: World, life: Life) -> None:
    """The price falls below the stop, and the watcher asks for the exit."""
    world.set_price(world.mint(TOKEN), 0.8)
    await life.process.do(life.watcher.step())


def landing(world: World) -> None:
    """Everything goes well."""


def dropped(world: World) -> None:
    """What is sent is taken and never lands, for longer than a blockhash lives."""
    for kind in ("drop_tx", "bundle_drop"):
        world.fault(plane="chain", kind=kind)
    world.loop.call_later(FATED_SECONDS, world.cluster.faults.clear)


def unanswered(world: World) -> None:
    """What is sent lands, and nobody tells us."""
    world.wire.weather.lost_answers = 2


def late(world: World) -> None:
    """What is sent arrives when nobody expects it any more."""
    world.wire.weather.held_until = world.loop.time() + 40.0


def refused_by_the_engine(world: World) -> None:
    world.fault(plane="jito", kind="rpc_error", method="sendBundle", code=-32602, count=1)


def refused_by_all(world: World) -> None:
    refused_by_the_engine(world)
    world.fault(plane="rpc", kind="rpc_error", method="sendTransaction", code=-32003, count=1)


def outrun(world: World) -> None:
    """The price runs away before it lands, so that it lands and fails."""
    factor = 0.5 if world.has_position() else 1.5
    world.wire.weather.before_send = lambda: world.set_price(world.mint(TOKEN), factor)


@pytest.fixture
def told(pristine_database: Path, django_db_blocker: Any, quiet_hints: None) -> Callable[..., Toll]:
    """Tells a story in a new world, with a death at each of its points."""

    def tell(story: Story, *, route: Route, fate: Callable[[World], None], **options: Any) -> Toll:
        async def fated(world: World, life: Life) -> None:
            fate(world)
            await story(world, life)

        with (
            django_db_blocker.unblock(),
            rows_in_memory(pristine_database),
            open_world(route=route) as world,
        ):
            only = None if ONLY is None else int(ONLY)
            return killed_everywhere(world, fated, only=only, **options)

    return tell


def _name(value: Any) -> str:
    return str(getattr(value, "__name__", value))


def _judge(toll: Toll) -> None:
    log.info("%s points, %s deaths", toll.points, len(toll.cases))
    assert toll.broken == [], "\n".join(toll.broken[:20])
    assert toll.cases


@pytest.mark.parametrize("route", list(Route))
def test_a_buy_is_made_once_wherever_the_process_dies(told: Any, route: Route) -> None:
    toll = told(buying, route=route, fate=landing)
    _judge(toll)
    places = " ".join(case.where for case in toll.cases)
    for file in ("executor", "buying", "inquiry", "sending", "resolver"):
        assert f"workers/{file}.py" in places


@pytest.mark.parametrize(
    ("story", "route"),
    [
        (selling, Route.JITO),
        (selling, Route.STANDARD),
        (halving, Route.JITO),
        (stopping, Route.STANDARD),
    ],
    ids=_name,
)
def test_a_sale_is_made_once_wherever_the_process_dies(
    told: Any, route: Route, story: Story
) -> None:
    toll = told(story, route=route, fate=landing, prologue=buying)
    _judge(toll)
    places = " ".join(case.where for case in toll.cases)
    for file in ("executor", "selling", "sending", "resolver"):
        assert f"workers/{file}.py" in places


FATES = [
    *((fate, route) for fate in (dropped, unanswered, late, refused_by_all) for route in Route),
    (refused_by_the_engine, Route.JITO),
    (outrun, Route.JITO),
]


@pytest.mark.parametrize(("fate", "route"), FATES, ids=_name)
def test_a_buy_that_fares_badly_ends_wherever_the_process_dies(
    told: Any, route: Route, fate: Callable[[World], None]
) -> None:
    _judge(told(buying, route=route, fate=fate, of_sending=True))


@pytest.mark.parametrize(("fate", "route"), FATES, ids=_name)
def test_a_sale_that_fares_badly_is_made_in_the_end_wherever_the_process_dies(
    told: Any, route: Route, fate: Callable[[World], None]
) -> None:
    _judge(told(selling, route=route, fate=fate, prologue=buying, of_sending=True))
