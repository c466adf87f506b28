"""A leader's copy settings at work on the chain: what is bought, how it is sent, and what is sold when."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.denials import DenialCode
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import PositionStatus, SignalStatus
from trading.models import Decision, Position, Signal
from trading.services.control import request_exit, request_exit_of
from wallets import services as roster


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "WIF")


@pytest.fixture
def move(sandbox: Sandbox, mint: str) -> Iterator[Any]:
    """Multiplies the token's price; it is put back afterwards."""
    moved = [1.0]

    def by(factor: float) -> None:
        sandbox.control("POST", f"market/{mint}/price", {"factor": factor})
        moved[0] *= factor

    yield by
    sandbox.clear()
    by(1 / moved[0])


async def configure(platform: Platform, **settings: Any) -> None:
    await platform.see(
        lambda: roster.configure(
            platform.leader, settings, actor="ada", reason="a test", now=platform.clock()
        )
    )


async def leader_sells(platform: Platform, mint: str, *, fraction: str = "1") -> Signal:
    uuid = await platform.sell_signal(mint, fraction=fraction)
    assert await platform.work(is_exit=True)
    await platform.settle()
    return await platform.row(uuid)


async def test_a_buy_is_as_large_as_the_leaders_settings_make_it(
    platform: Platform, mint: str
) -> None:
    await configure(platform, size_mode="FIXED", size_lamports=SOL // 10)
    position = await platform.bought(mint, amount_lamports=3 * SOL)
    assert position.cost_lamports == SOL // 10


async def test_a_share_of_capital_is_taken_from_all_we_have(platform: Platform, mint: str) -> None:
    await configure(platform, size_mode="PERCENT_OF_CAPITAL", size_bps=100)
    position = await platform.bought(mint)
    assert position.cost_lamports == 20 * SOL // 100


async def test_a_size_by_quality_is_that_share_of_the_fixed_one(
    platform: Platform, mint: str
) -> None:
    await configure(platform, size_mode="QUALITY", size_lamports=SOL // 2)
    uuid = await platform.signal(mint)
    await platform.work()
    assert "quality is not known" in (await platform.row(uuid)).text
    await platform.see(lambda: roster.rate({platform.leader: 5_000}))
    position = await platform.bought(mint)
    assert position.cost_lamports == SOL // 4


async def test_a_share_too_small_for_a_trade_is_denied_and_not_an_error(
    platform: Platform, mint: str
) -> None:
    await configure(platform, size_bps=1)
    uuid = await platform.signal(mint, amount_lamports=1_000)
    await platform.work()
    row = await platform.row(uuid)
    assert (row.status, row.code) == (SignalStatus.REJECTED, DenialCode.SIZE_TOO_SMALL)


async def test_the_tip_of_a_leader_replaces_the_markets_within_the_policys_limits(
    platform: Platform, mint: str
) -> None:
    await configure(platform, tip_lamports=2_000_000, slippage_bps=77)
    uuid = await platform.signal(mint)
    await platform.work()
    [submission] = await platform.submissions(uuid)
    assert submission.tip_lamports == 2_000_000
    await platform.settle()
    assert (await platform.row(uuid)).code == "BOUGHT"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"copy_state": "CLOSES_ONLY"}, DenialCode.LEADER_MUTED),
        ({"copy_state": "OFF"}, DenialCode.LEADER_MUTED),
        ({"minimum_leader_trade_lamports": SOL}, DenialCode.LEADER_TRADE_SIZE),
        ({"maximum_buys_per_token": 1}, DenialCode.MAX_BUYS_PER_TOKEN),
        ({"daily_cap_lamports": SOL // 4}, DenialCode.LEADER_DAILY_CAP),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
async def test_a_limit_denies_the_next_buy_and_never_the_sale_of_the_last(
    platform: Platform, mint: str, settings: dict[str, Any], code: str
) -> None:
    first = await platform.bought(mint)
    await configure(platform, **settings)
    assert (await leader_sells(platform, mint)).code == "SOLD"
    assert (await platform.position(first)).status == PositionStatus.CLOSED
    platform.clock.advance(seconds=61)
    await platform.desk.conditions.refresh_once()
    uuid = await platform.signal(mint)
    await platform.work()
    row = await platform.row(uuid)
    assert (row.status, row.code) == (SignalStatus.REJECTED, code)
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    assert decision.gates[-1]["code"] == code


async def test_outside_the_hours_and_off_the_list_nothing_is_bought_and_everything_sold(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    now = platform.clock()
    begin, end = now.replace(minute=0), now.replace(minute=0)
    await configure(
        platform,
        hours_from=begin.replace(hour=(now.hour + 2) % 24).time(),
        hours_to=end.replace(hour=(now.hour + 3) % 24).time(),
        blocked_mints=[mint],
    )
    uuid = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(uuid)).code == DenialCode.OUTSIDE_ACTIVE_HOURS
    await configure(platform, hours_from=None, hours_to=None)
    uuid = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(uuid)).code == DenialCode.LEADER_TOKEN_LIST
    assert (await leader_sells(platform, mint)).code == "SOLD"
    assert (await platform.position(position)).status == PositionStatus.CLOSED


@pytest.mark.parametrize("mode", ["MIRROR", "MIXED"])
async def test_the_leaders_sell_is_followed_by_its_ratio(
    platform: Platform, mint: str, mode: str
) -> None:
    position = await platform.bought(mint)
    await configure(platform, exit_mode=mode, follow_bps=5_000)
    assert (await leader_sells(platform, mint, fraction="0.5")).code == "SOLD"
    left = await platform.position(position)
    assert left.held_raw == position.bought_raw - position.bought_raw // 4
    assert left.held_raw == await platform.held_raw(mint)


async def test_in_mode_own_the_leaders_sell_is_skipped_and_every_exit_of_ours_sells(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await configure(platform, exit_mode="OWN")
    skipped = await leader_sells(platform, mint)
    assert (skipped.status, skipped.code) == (SignalStatus.SKIPPED, "MIRROR_OFF")
    assert (await platform.position(position)).status == PositionStatus.ACTIVE
    await platform.see(
        lambda: request_exit(position.pk, actor="ada", reason="enough", now=platform.clock())
    )
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


@pytest.mark.parametrize("reason", list(ExitReason))
@pytest.mark.parametrize(
    "settings",
    [
        {"exit_mode": "MIRROR", "follow_bps": 1, "copy_state": "OFF"},
        {"exit_mode": "OWN", "follow_bps": 1, "copy_state": "CLOSES_ONLY"},
    ],
    ids=["MIRROR and OFF", "OWN and CLOSES_ONLY"],
)
async def test_no_setting_stops_or_cuts_an_exit_that_names_its_position(
    platform: Platform, mint: str, settings: dict[str, Any], reason: ExitReason
) -> None:
    position = await platform.bought(mint)
    await configure(platform, **settings)
    await platform.see(
        lambda: request_exit_of(
            position,
            reason=reason,
            fraction=1,
            source="tests",
            now=platform.clock(),
            tiers_taken=3,
        )
    )
    assert await platform.work(is_exit=True)
    await platform.settle()
    left = await platform.position(position)
    assert left.held_raw <= position.bought_raw * 8 // 27 + 1, "at least the whole ladder"
    assert left.exit_generation == 1


@pytest.mark.parametrize(
    ("mode", "asked"),
    [("MIRROR", []), ("OWN", ["TAKE_PROFIT"]), ("MIXED", ["TAKE_PROFIT"])],
)
async def test_only_the_leader_takes_profit_in_mode_mirror(
    platform: Platform, mint: str, move: Any, mode: str, asked: list[str]
) -> None:
    await platform.bought(mint)
    await configure(platform, exit_mode=mode)
    move(1.3)
    await platform.watcher.step()
    found = await platform.see(
        lambda: list(Signal.objects.filter(priority=0).values_list("exit_reason", flat=True))
    )
    assert found == asked


@pytest.mark.parametrize("mode", ["MIRROR", "OWN", "MIXED"])
async def test_the_hard_stop_works_in_every_mode(
    platform: Platform, mint: str, move: Any, mode: str
) -> None:
    position = await platform.bought(mint)
    await configure(platform, exit_mode=mode, copy_state="OFF", follow_bps=1)
    move(0.8)
    assert await platform.watcher.step() == 1
    await platform.work(is_exit=True)
    await platform.settle()
    closed = await platform.see(lambda: Position.objects.get(pk=position.pk))
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, ExitReason.HARD_STOP)
