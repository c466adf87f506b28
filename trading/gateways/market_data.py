"""What DexScreener knows about a token's market: liquidity, age, price. Shapes: formats.md
section 5. Prices to trade by come from Jupiter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from trading.gateways.http import Host
from trading.gateways.shapes import (
    as_decimal,
    as_list,
    as_moment_from_milliseconds,
    as_object,
    as_text,
    field,
)

# Quote assets whose own price nobody can make up. A pair against a home-made token can show any
# liquidity: a recorded BONK/MET pool claims 112 million dollars at 5,000 times BONK's price.
_TRUSTED_QUOTES = frozenset(
    {
        "So11111111111111111111111111111111111111112",
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """The deepest trusted pair of a token; None in a field = unknown, which is not zero."""

    pair_address: str
    liquidity_usd: Decimal | None
    created_at: datetime | None
    price_usd: Decimal | None


class MarketData:
    """Every method raises only GatewayErrors."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def pair(self, mint: str) -> PairFacts | None:
        """The token's deepest Solana pair against SOL, USDC or USDT; None = no such pair known."""
        reply = await self._host.get(f"/latest/dex/tokens/{quote(mint, safe='')}")
        return read_pair(reply, mint=mint)


def read_pair(reply: object, *, mint: str) -> PairFacts | None:
    pairs = as_object(reply, "pairs reply").get("pairs")
    if pairs is None:
        return None
    facts = [_read_facts(pair) for pair in _trusted(as_list(pairs, "pairs"), mint)]
    return max(facts, key=_depth, default=None)


def _trusted(pairs: Iterable[object], mint: str) -> Iterable[dict[str, Any]]:
    for entry in pairs:
        pair = as_object(entry, "pair")
        base = as_text(field(pair.get("baseToken"), "address"), "baseToken")
        against = as_text(field(pair.get("quoteToken"), "address"), "quoteToken")
        if pair.get("chainId") == "solana" and base == mint and against in _TRUSTED_QUOTES:
            yield pair


def _depth(facts: PairFacts) -> Decimal:
    return Decimal(-1) if facts.liquidity_usd is None else facts.liquidity_usd


def _read_facts(pair: dict[str, Any]) -> PairFacts:
    created = pair.get("pairCreatedAt")
    liquidity = pair.get("liquidity")
    return PairFacts(
        pair_address=as_text(pair.get("pairAddress"), "pairAddress"),
        liquidity_usd=None if liquidity is None else _number(liquidity, "usd"),
        created_at=None if created is None else as_moment_from_milliseconds(created, "created"),
        price_usd=_number(pair, "priceUsd"),
    )


def _number(container: object, name: str) -> Decimal | None:
    value = field(container, name)
    return None if value is None else as_decimal(value, name)
