"""What a trade knows about the outside at once: each fact for as long as it may be trusted, then not at all."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.platform import SOL, Platform
from trading.gateways.jito import TIP_ACCOUNTS
from trading.services.breaker_measures import HEARTBEAT_LIFETIME
from workers import conditions
from workers.heartbeat import BEAT_SECONDS
from workers.price_finder import PAIR_EVERY, PAIR_LIFETIME


@pytest.mark.parametrize(
    ("name", "lifetime"),
    [
        ("blockhash", 20),
        ("balance_lamports", 30),
        ("sol_price_usd", 300),
        ("tip_floor", 120),
    ],
)
async def test_a_fact_that_is_too_old_is_not_known(
    platform: Platform, name: str, lifetime: int
) -> None:
    def known() -> Any:
        return getattr(platform.desk.conditions, name)

    assert known() is not None
    platform.clock.advance(seconds=lifetime - 2)
    assert known() is not None
    platform.clock.advance(seconds=4)
    assert known() is None
    await platform.desk.conditions.refresh_once()
    assert known() is not None


@pytest.mark.parametrize(
    ("seconds", "lifetime"),
    [
        (conditions.BLOCKHASH_SECONDS, conditions.BLOCKHASH_LIFETIME),
        (conditions.BALANCE_SECONDS, conditions.BALANCE_LIFETIME),
        (conditions.SLOW_SECONDS, conditions.SOL_PRICE_LIFETIME),
        (conditions.SLOW_SECONDS, conditions.TIP_FLOOR_LIFETIME),
        (conditions.TIP_ACCOUNTS_SECONDS, conditions.TIP_ACCOUNTS_LIFETIME),
        (PAIR_EVERY.total_seconds(), PAIR_LIFETIME),
        (BEAT_SECONDS, HEARTBEAT_LIFETIME),
    ],
)
def test_what_is_read_ahead_outlives_three_readings(seconds: float, lifetime: timedelta) -> None:
    """With a lifetime as long as the interval everything would be too old again and again."""
    assert lifetime >= timedelta(seconds=3 * seconds)


async def test_what_does_not_answer_stays_as_it_was(platform: Platform) -> None:
    conditions = platform.desk.conditions
    before = (conditions.blockhash, conditions.balance_lamports, conditions.tip_floor)
    for plane in ("rpc", "jito", "jupiter"):
        platform.sandbox.fault(plane=plane, kind="http_error")
    await conditions.refresh_once()
    assert (conditions.blockhash, conditions.balance_lamports, conditions.tip_floor) == before
    assert conditions.tip_account() in TIP_ACCOUNTS
    platform.clock.advance(minutes=6)
    assert conditions.balance_lamports is None
    assert conditions.sol_price_usd is None


async def test_an_engine_that_names_no_accounts_any_more_gets_no_bundles(
    platform: Platform,
) -> None:
    mint = str(platform.sandbox.tokens("major")[0]["mint"])
    platform.sandbox.fault(plane="jito", method="getTipAccounts", kind="http_error")
    platform.clock.advance(seconds=119)
    await platform.desk.conditions.refresh_once()
    assert platform.desk.conditions.tip_account() in TIP_ACCOUNTS
    platform.clock.advance(seconds=3)
    assert platform.desk.conditions.tip_account() is None
    uuid = await platform.signal(mint)
    await platform.work()
    [submission] = await platform.submissions(uuid)
    assert (submission.route, submission.tip_lamports, submission.bundle_id) == ("STANDARD", 0, "")


async def test_where_the_first_source_of_prices_is_silent_the_second_tells_sols(
    platform: Platform,
) -> None:
    before = platform.desk.conditions.sol_price_usd
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    platform.clock.advance(minutes=6)
    await platform.desk.conditions.refresh_once()
    now = platform.desk.conditions.sol_price_usd
    assert before is not None
    assert now is not None
    assert abs(now / before - 1) < Decimal("0.01")


async def test_one_silent_fact_does_not_age_the_others(platform: Platform) -> None:
    for plane in ("jupiter", "dexscreener"):
        platform.sandbox.fault(plane=plane, kind="http_error")
    platform.clock.advance(minutes=6)
    await platform.desk.conditions.refresh_once()
    assert platform.desk.conditions.sol_price_usd is None
    assert platform.desk.conditions.balance_lamports == 20 * SOL


async def test_no_buy_is_made_without_knowing_our_own_balance(platform: Platform) -> None:
    mint = str(platform.sandbox.tokens("major")[0]["mint"])
    platform.clock.advance(seconds=31)
    uuid = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(uuid)).code == "BALANCE_UNKNOWN"


async def test_an_old_blockhash_is_asked_for_again_before_signing(platform: Platform) -> None:
    mint = str(platform.sandbox.tokens("major")[0]["mint"])
    platform.sandbox.advance(slots=200)
    platform.clock.advance(seconds=25)
    position = await platform.bought(mint)
    assert position.held_raw == await platform.held_raw(mint)
