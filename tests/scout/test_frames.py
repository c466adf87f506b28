"""Rows become the research's frame: costs inside, depth from the swap, and what nobody knows stays unknown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scout.archive import Reading, Swap
from scout.frames import swap_frame
from scout.knowledge import Moments, SolPrices, moments
from scout.research.trades import trades_of
from tests import factories
from trading.models import Token

pytestmark = pytest.mark.usefixtures("database")
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
WALLET = factories.LEADER


def make_swap(**fields: Any) -> Swap:
    values: dict[str, Any] = {
        "address": WALLET,
        "signature": factories.signature(),
        "slot": 5,
        "at": AT,
        "mint": factories.MINT,
        "side": "BUY",
        "sol_lamports": 10**9,
        "token_raw": 2_000_000,
        "decimals": 6,
        "fee_lamports": 5_000,
        "tip_lamports": 1_000_000,
        "pool_lamports": 100 * 10**9,
    }
    return Swap.objects.create(**(values | fields))


def row(known: Moments | None = None, *, until: datetime = AT) -> Any:
    frame = swap_frame([WALLET], known=known or Moments(), until=until)
    assert len(frame) == 1
    return frame.iloc[0]


def test_costs_are_inside_of_what_was_paid_and_got() -> None:
    make_swap()
    assert row()["sol_amount"] == pytest.approx(1.001005)
    assert row()["price_sol"] == pytest.approx(0.5)
    Swap.objects.update(side="SELL")
    assert row()["sol_amount"] == pytest.approx(0.998995)
    assert row()["jito_tip"] == 1


def test_depth_is_both_sides_of_the_pool_at_sols_price_of_the_time() -> None:
    make_swap()
    assert row()["liquidity_usd"] is None
    prices = SolPrices(
        moments=(AT - timedelta(days=2), AT - timedelta(days=1), AT + timedelta(days=1)),
        prices=(Decimal(100), Decimal(150), Decimal(900)),
    )
    assert row(Moments(sol=prices))["liquidity_usd"] == pytest.approx(30_000)
    assert row(Moments(sol=SolPrices(fallback=Decimal(200))))["liquidity_usd"] == 40_000
    Swap.objects.update(liquidity_usd=77)
    assert row()["liquidity_usd"] == 77


def test_a_swap_in_dollars_counts_at_sols_price_and_is_left_out_without_one() -> None:
    make_swap(sol_lamports=None, usdc_raw=300_000_000, fee_lamports=0, tip_lamports=0)
    assert swap_frame([WALLET], known=Moments(), until=AT).empty
    known = Moments(sol=SolPrices(fallback=Decimal(150)))
    assert row(known)["sol_amount"] == pytest.approx(2.0)


def test_nothing_later_than_asked_and_nothing_behind_a_gap() -> None:
    make_swap()
    make_swap(at=AT + timedelta(seconds=1))
    assert row()["ts"] == int(AT.timestamp())
    Reading.objects.create(address=WALLET, complete_since=AT + timedelta(seconds=1))
    assert row(until=AT + timedelta(days=1))["ts"] == int(AT.timestamp()) + 1


def test_prices_and_names_are_those_the_platform_has_seen() -> None:
    factories.make_equity([1.0, 1.0], until=AT)
    Token.objects.create(mint=factories.MINT, symbol="BONK")
    make_swap()
    known = moments(sol_price_usd=None)
    assert (row(known)["symbol"], row(known)["sol_price_usd"]) == ("BONK", 150)


def test_the_frame_is_what_the_research_reads() -> None:
    make_swap()
    make_swap(side="SELL", at=AT + timedelta(minutes=1), pool_lamports=None)
    frame = swap_frame([WALLET], known=Moments(), until=AT + timedelta(days=1))
    trades = trades_of(frame, is_strict=True)
    assert len(trades.rows) == 2
    assert trades.rows["liquidity_usd"].isna().all()
    assert trades.rows["price_after_sol"].isna().all()
