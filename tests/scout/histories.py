"""Histories of wallets as rows, made by hand; no tests here."""

from datetime import datetime, timedelta
from typing import Any

from scout.archive import Swap
from scout.models import ScoutRun
from scout.services import runs
from tests import factories
from tests.scout.rosters import NOW, address

SOL = 10**9
POOL = 500 * SOL


def make_swaps(
    who: str, *, gains: list[float], start: datetime | None = None, hours: float = 6
) -> None:
    """One round trip of 0.5 SOL an entry, `gains` being what each earned; the last one ends just now."""
    begin = start or NOW - timedelta(hours=hours * len(gains))
    rows = []
    for place, gain in enumerate(gains):
        opened = begin + timedelta(hours=hours * place)
        mint = address()
        rows += [
            _swap(who, mint, "BUY", SOL // 2, opened),
            _swap(who, mint, "SELL", int(SOL / 2 * (1 + gain)), opened + timedelta(hours=2)),
        ]
    Swap.objects.bulk_create(rows)


def _swap(who: str, mint: str, side: str, lamports: int, at: datetime) -> Swap:
    tokens = 1_000_000_000
    return Swap(
        address=who,
        signature=factories.signature(),
        slot=1,
        at=at,
        mint=mint,
        symbol="TOKEN",
        side=side,
        sol_lamports=lamports,
        token_raw=tokens,
        decimals=6,
        fee_lamports=5_000,
        pool_lamports=POOL,
        pool_price=lamports / tokens,
        token_created_at=at - timedelta(days=3),
    )


def begun(*addresses: str, **parameters: Any) -> ScoutRun:
    """A run over these wallets, nobody asked of the chain."""
    asked = {"sol_price_usd": "150", **parameters}
    return runs.begin(addresses, actor="tests", parameters=asked, now=NOW)


def read_all(run: ScoutRun) -> None:
    """Every wallet counts as read: its rows are there already."""
    run.scores.update(state="READ")
