"""Whatever keeps us from buying, what we hold is sold: at the leader's word, by our own rule, and by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from audit.models import PolicyRevision
from tests.simulation.copies import in_a_copy
from tests.simulation.crashes import work_until_quiet
from tests.simulation.gates import (
    GATES,
    HELD,
    NOWHERE,
    OTHER,
    Gate,
    blocked,
    halted,
    policy,
    spear,
    trip,
)
from tests.simulation.oracle import problems, still_open
from tests.simulation.virtual_time import synchronous
from tests.simulation.world import (
    LEADER,
    SOL,
    World,
    open_world,
    quiet_hints,
    rows_in_memory,
)
from trading.domain.denials import DenialCode
from trading.domain.exits import ExitReason
from trading.domain.policy import PolicyInvalid
from trading.domain.safety import SafetyCode
from trading.domain.signals import SignalRequest
from trading.domain.trips import PAUSES_SPEAR_ONLY, Rule
from trading.domain.values import Action, Route, Strategy
from trading.hmac_auth import Caller
from trading.models import Position, Provider, Signal, Token, TradingState
from trading.services.answers import Answer
from trading.services.control import request_exit_of
from trading.services.deliveries import Request, receive_deliveries
from trading.services.policy import PolicyMissing

__all__ = ["quiet_hints"]


@pytest.fixture(scope="module")
def holding(pristine_database: Path, django_db_blocker: Any, quiet_hints: None) -> Iterator[World]:
    """A world in which a position was bought; every test works in a copy of it."""
    with (
        django_db_blocker.unblock(),
        rows_in_memory(pristine_database),
        open_world(route=Route.JITO) as world,
    ):
        world.signal(world.mint(HELD))
        world.loop.run_until_complete(_bought(world))
        yield world


async def _bought(world: World) -> None:
    clock = asyncio.create_task(world.keep_time())
    async with world.life() as life:
        await work_until_quiet(world, life)
    clock.cancel()


OTHERWISE = {
    # They lie in the mint's program or its market's past; the test of the door has them.
    SafetyCode.NOT_A_MINT,
    SafetyCode.UNSAFE_EXTENSION,
    SafetyCode.TRANSFER_FEE,
    SafetyCode.TOKEN_AGE_UNKNOWN,
}


async def exits(world: World, close: Gate, *, code: str) -> list[str]:
    """Close the gate, have a buy denied by it, and sell in three ways: all must be sold in the end."""
    buy = synchronous(close)(world) or {}
    waits_seconds = buy.pop("waits_seconds", 0.0)
    if buy.pop("is_traded_before", False):
        await _trade_once(world)
    denied = world.signal(**{"mint": world.mint(OTHER), **buy})
    world.sell_signal(world.mint(HELD), fraction="0.3")
    await asyncio.sleep(waits_seconds)
    async with world.life() as life:
        await work_until_quiet(world, life)
        found = [f"the leader's sell: {each}" for each in _unsold(world, landed=1)]
        _stop(world)
        await asyncio.sleep(waits_seconds)
        await work_until_quiet(world, life)
        found += [f"our own stop: {each}" for each in _unsold(world, landed=2)]
        world.close_by_hand()
        await work_until_quiet(world, life)
        world.cluster.faults.clear()
        wrong = await life.process.do(problems(world, life.desk.gateways.rpc))
        # A gate may well be an incident; it must not be more than that.
        found += [each for each in wrong if not each.startswith("incident:")]
        return found + still_open() + _denial(denied, code)


async def _trade_once(world: World) -> None:
    """Buy the other token, and sell it."""
    async with world.life() as life:
        world.signal(world.mint(OTHER))
        await work_until_quiet(world, life)
        world.sell_signal(world.mint(OTHER))
        await work_until_quiet(world, life)


@synchronous
def _denial(signal: Any, code: str) -> list[str]:
    row = Signal.objects.get(pk=signal)
    return [] if row.code == code else [f"the buy ended {row.status} {row.code} {row.text}"]


@synchronous
def _stop(world: World) -> None:
    """Our own rule wants half of it sold, as the watcher would say."""
    request_exit_of(
        Position.objects.get(mint=world.mint(HELD)),
        reason=ExitReason.HARD_STOP,
        fraction=Decimal("0.5"),
        source="exit_watcher",
        now=world.now,
    )


@synchronous
def _unsold(world: World, *, landed: int) -> list[str]:
    sales = Signal.objects.filter(action="SELL", status="COMPLETED").exclude(mint=world.mint(OTHER))
    is_closed = not Position.objects.filter(mint=world.mint(HELD)).exclude(status="CLOSED").exists()
    if sales.count() >= landed or is_closed:
        return []
    rows = Signal.objects.filter(action="SELL").values_list("status", "code", "text")
    return [f"not sold: {list(rows)}"]


@pytest.mark.parametrize(
    "code", [*DenialCode, *(each for each in SafetyCode if each not in OTHERWISE)]
)
def test_no_gate_of_the_decision_blocks_an_exit(holding: World, code: str) -> None:
    assert code in GATES, "a new code needs a gate that is closed here"
    assert in_a_copy(holding, lambda: exits(holding, GATES[code], code=code)) == []


def known_to_be_bad(code: SafetyCode) -> Gate:
    def close(world: World) -> None:
        until = world.now + timedelta(hours=1)
        Token.objects.update_or_create(
            mint=world.mint(HELD),
            defaults={"symbol": HELD, "refusal_code": code, "refused_until": until},
        )

    return close


def full_queue(world: World) -> None:
    policy(queue_capacity=1)(world)
    world.signal(world.mint(OTHER), leader_address=NOWHERE)


DOOR: dict[str, tuple[Gate, str]] = {
    **{f"known {code}": (known_to_be_bad(code), code) for code in SafetyCode},
    "kill switch": (halted, "circuit_breaker_triggered"),
    "breaker": (trip(Rule.DAILY_LOSS), "circuit_breaker_triggered"),
    "queue": (full_queue, "queue_full"),
    "blocked mint": (blocked, SafetyCode.BLOCKED_MINT),
}


@synchronous
def _at_the_door(world: World, action: Action) -> Answer:
    """What a provider is told that sends a leader's trade of the token held."""
    provider, _ = Provider.objects.get_or_create(name="provider")
    is_buy = action is Action.BUY
    request = SignalRequest(
        strategy=Strategy.SHIELD if is_buy else Strategy.EXIT,
        action=action,
        symbol=HELD,
        mint=world.mint(HELD),
        amount_lamports=SOL,
        leader_address=LEADER,
        trade_uuid=f"at the door: {action}",
    )
    caller = Caller(provider_id=provider.pk, provider_name=provider.name, replay_key=str(action))
    return receive_deliveries(
        [Request(caller=caller, body=b"{}", parsed=request, received_at=world.now)]
    )[0]


async def _sold_through_the_door(world: World, close: Gate, code: str) -> list[str]:
    synchronous(close)(world)
    bought, sold = _at_the_door(world, Action.BUY), _at_the_door(world, Action.SELL)
    found = [] if bought.code == code else [f"the buy was answered {bought}"]
    found += [] if sold.http_status == 202 else [f"the sell was answered {sold}"]
    async with world.life() as life:
        await work_until_quiet(world, life)
    return found + still_open()


@pytest.mark.parametrize("gate", DOOR)
def test_no_gate_of_the_door_blocks_an_exit(holding: World, gate: str) -> None:
    close, code = DOOR[gate]
    assert in_a_copy(holding, lambda: _sold_through_the_door(holding, close, code)) == []


@pytest.mark.parametrize("rule", Rule)
def test_no_rule_of_the_breaker_blocks_an_exit(holding: World, rule: Rule) -> None:
    is_spear = rule in PAUSES_SPEAR_ONLY
    close = spear(trip(rule)) if is_spear else trip(rule)
    code = DenialCode.SPEAR_PAUSED if is_spear else DenialCode.ENTRIES_HALTED
    assert in_a_copy(holding, lambda: exits(holding, close, code=code)) == []


def no_policy(world: World) -> None:
    assert PolicyRevision.objects.filter(is_active=True).update(is_active=False) == 1


def unreadable_policy(world: World) -> None:
    stored = {"shield": "what was this?"}
    assert PolicyRevision.objects.filter(is_active=True).update(policy=stored) == 1


def no_state(world: World) -> None:
    TradingState.objects.all().delete()


def unreadable_breaker(world: World) -> None:
    assert TradingState.objects.update(trips=[{"rule": "NO_SUCH_RULE"}]) == 1


async def _sold_all_the_same(world: World, break_it: Gate) -> list[str]:
    synchronous(break_it)(world)
    sold = _at_the_door(world, Action.SELL)
    found = [] if sold.http_status == 202 else [f"the sell was answered {sold}"]
    async with world.life() as life:
        for _ in range(20):
            # Entries wait for a policy; the executor's loop goes on as this one does.
            with suppress(PolicyMissing, PolicyInvalid):
                await life.process.do(life.catch_up())
            if world.is_quiet():
                break
            await asyncio.sleep(1)
    return found + still_open()


@pytest.mark.parametrize("break_it", [no_policy, unreadable_policy, no_state, unreadable_breaker])
def test_nothing_missing_or_unreadable_blocks_an_exit(holding: World, break_it: Gate) -> None:
    """Where entries halt because nobody can tell whether they may, what is held is sold by the defaults."""
    assert in_a_copy(holding, lambda: _sold_all_the_same(holding, break_it)) == []
