"""What our own rows speak against is denied where it is claimed; only what nothing outside could change."""

import pytest
from django.utils import timezone

from tests.cluster import Sandbox
from tests.platform import Platform
from trading.domain.lifecycle import SignalStatus
from trading.domain.values import Strategy
from trading.models import Decision, TradingState
from wallets.models import Leader


@pytest.fixture
def mints(sandbox: Sandbox) -> list[str]:
    return [mint_of(sandbox, symbol) for symbol in ("JUP", "WIF")]


@pytest.fixture
def mint(mints: list[str]) -> str:
    return mints[0]


def mint_of(sandbox: Sandbox, symbol: str) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens() if each["symbol"] == symbol)


async def asked_outside(platform: Platform) -> int:
    """How many quotes the sandbox has been asked for."""
    rules = platform.sandbox.control("GET", "faults")
    return int(next(each["strikes"] for each in rules if each["method"] == "quote"))


@pytest.fixture
def counting(platform: Platform) -> None:
    platform.sandbox.fault(plane="jupiter", method="quote", kind="latency", seconds=0)


@pytest.mark.usefixtures("counting")
async def test_a_buy_of_a_token_that_is_held_asks_nobody(platform: Platform, mint: str) -> None:
    await platform.bought(mint)
    before = await asked_outside(platform)
    uuid = await platform.signal(mint)
    assert await platform.work()
    row = await platform.row(uuid)
    assert (row.status, row.code) == (SignalStatus.REJECTED, "ALREADY_HELD")
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    assert decision.code == "ALREADY_HELD"
    assert [gate["is_passed"] for gate in decision.gates][-2:] == [True, False]
    assert decision.facts["open_positions"] == 1
    assert decision.facts["liquidity_usd"]
    assert await asked_outside(platform) == before


@pytest.mark.usefixtures("counting")
async def test_a_stale_buy_of_an_unknown_token_asks_nobody(platform: Platform, mint: str) -> None:
    uuid = await platform.signal(mint)
    platform.clock.advance(seconds=31)
    assert await platform.work()
    assert (await platform.row(uuid)).code == "STALE_SIGNAL"
    assert await asked_outside(platform) == 0


@pytest.mark.usefixtures("counting")
async def test_halted_entries_and_muted_leaders_ask_nobody(
    platform: Platform, mints: list[str]
) -> None:
    await platform.see(lambda: Leader.objects.update(copy_state="OFF"))
    muted = await platform.signal(mints[0])
    await platform.work()
    await platform.see(lambda: Leader.objects.update(copy_state="ON"))
    await platform.see(lambda: TradingState.objects.update(entries_halted=True, reason="enough"))
    halted = await platform.signal(mints[1])
    await platform.work()
    assert (await platform.row(muted)).status == SignalStatus.REJECTED
    assert (await platform.row(halted)).code == "ENTRIES_HALTED"
    assert await asked_outside(platform) == 0


async def test_a_token_that_is_not_known_yet_is_judged_before_it_counts_as_held(
    platform: Platform, mint: str
) -> None:
    """The gates' order is the specification's, whoever finds out first."""
    await platform.bought(mint)
    platform.restart()
    platform.desk.tokens._holders._kept.clear()
    platform.sandbox.fault(plane="rpc", method="getTokenLargestAccounts", kind="http_error")
    uuid = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(uuid)).code == "SAFETY_UNAVAILABLE"


async def test_those_that_have_nothing_to_sell_end_where_they_are_claimed(
    platform: Platform, mints: list[str]
) -> None:
    uuids = [await platform.sell_signal(mints[0]) for _ in range(3)]
    assert await platform.work(is_exit=True)
    rows = [await platform.row(uuid) for uuid in uuids]
    assert [(row.status, row.code) for row in rows] == [(SignalStatus.SKIPPED, "NO_POSITION")] * 3
    assert not await platform.work(is_exit=True)


async def test_one_that_cannot_be_planned_keeps_no_other_from_being_claimed(
    platform: Platform, mints: list[str]
) -> None:
    """A settings row that no code of ours can read: its signals are moved aside, the others go on."""
    other = await platform.see(
        lambda: Leader.objects.create(
            address=platform.desk.address,
            status="ACTIVE",
            strategy=Strategy.SHIELD,
            created_at=timezone.now(),
            status_changed_at=timezone.now(),
        )
    )
    await platform.see(lambda: Leader.objects.filter(pk=other.pk).update(allowed_mints=5))
    broken = await platform.signal(mints[0], leader_address=other.address)
    sound = await platform.signal(mints[1])
    while await platform.work():
        pass
    await platform.settle()
    assert (await platform.row(broken)).status == SignalStatus.DEAD_LETTER
    assert (await platform.row(sound)).status == SignalStatus.COMPLETED
