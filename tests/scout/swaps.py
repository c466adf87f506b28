"""Swaps for tests: a CSV of a few rows, each written as what differs from an ordinary purchase."""

import csv
import io
from typing import Any

from scout.research.columns import OPTIONAL, REQUIRED

T0 = 1_790_000_000

ORDINARY = {
    "wallet": "W1", "tx_sig": "", "ts": T0, "token": "TOK", "symbol": "T", "side": "BUY",
    "sol_amount": 1.0, "token_amount": 1000.0, "price_sol": 0.001, "liquidity_usd": 100_000.0,
    "volume_24h_usd": 50_000.0, "token_created_ts": T0 - 864_000, "sol_price_usd": 150.0,
    "dex": "RAYDIUM", "jito_tip": 0, "price_after_sol": 0.001,
}  # fmt: skip


def swaps(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Full rows; each its own transaction unless it names one."""
    return [ORDINARY | {"tx_sig": f"sig{n}"} | row for n, row in enumerate(rows)]


def as_csv(rows: list[dict[str, Any]], *, without: tuple[str, ...] = ()) -> io.BytesIO:
    """The rows as a file with all columns but those left out."""
    names = [name for name in (*REQUIRED, *OPTIONAL) if name not in without]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode())
