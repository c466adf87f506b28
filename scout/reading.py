"""One transaction as a node gave it: packed for keeping, and read as the swaps of one wallet."""

import logging
import zlib
from datetime import UTC, datetime
from typing import Any

import orjson

from scout.archive import Side, Swap
from scout.pools import Pool, pool_after
from trading.domain.swaps import (
    Direction,
    ParsedTransaction,
    TransactionUnreadable,
    parse_swap,
)
from trading.domain.values import WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS

log = logging.getLogger("scout")
PARSER_VERSION = 2
"""Raised when the same transaction would be read otherwise; kept ones are then read again."""
SIDES = {Direction.BUY: Side.BUY, Direction.SELL: Side.SELL}
LEVEL = 6
NEEDLESS = ("logMessages", "rewards", "returnData")


def packed(transaction: dict[str, Any]) -> bytes:
    """Compressed JSON without what no parser of balances needs."""
    meta = {name: value for name, value in transaction["meta"].items() if name not in NEEDLESS}
    return zlib.compress(orjson.dumps({**transaction, "meta": meta}), LEVEL)


def unpacked(body: bytes) -> dict[str, Any]:
    """What was packed."""
    return dict(orjson.loads(zlib.decompress(body)))


def swaps_of(transaction: dict[str, Any], *, address: str | None, signature: str) -> list[Swap]:
    """The swap of this wallet (None: of who paid the fee) in it, unsaved; none when it traded no token against
    SOL or USDC, when nobody knows when, or when the node told nonsense.
    """
    try:
        parsed = parse_swap(transaction, wallet=address, tip_accounts=TIP_ACCOUNTS)
    except TransactionUnreadable as error:
        log.info("%s: %s", signature, error)
        return []
    if parsed.direction not in SIDES or parsed.error is not None or parsed.block_time is None:
        return []
    return [_swap(parsed, pool_after(transaction, wallet=parsed.wallet, mint=parsed.token_mint))]


def _swap(parsed: ParsedTransaction, pool: Pool | None) -> Swap:
    base_raw = abs(parsed.base_delta_raw or 0)
    is_sol = parsed.base_mint == WSOL_MINT
    return Swap(
        address=parsed.wallet,
        signature=parsed.signature,
        slot=parsed.slot or 0,
        at=datetime.fromtimestamp(parsed.block_time or 0, UTC),
        mint=parsed.token_mint,
        side=SIDES[parsed.direction],
        sol_lamports=base_raw if is_sol else None,
        usdc_raw=None if is_sol else base_raw,
        token_raw=abs(parsed.token_delta_raw or 0),
        decimals=parsed.token_decimals or 0,
        fee_lamports=parsed.network_fee_lamports,
        tip_lamports=parsed.jito_tip_lamports,
        dex=(parsed.router or "/".join(parsed.venues))[:60],
        pool_lamports=None if pool is None else pool.lamports,
        pool_price=None if pool is None else pool.price,
    )
