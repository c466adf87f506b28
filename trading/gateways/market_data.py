"""What DexScreener knows about tokens' markets: liquidity, age, volume, price. Shapes: formats.md
section 5. Prices to buy by come from Jupiter; these stand in for them where it says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from trading.gateways.base import RateLimited
from trading.gateways.http import Host
from trading.gateways.quota import Allowance
from trading.gateways.shapes import (
    as_decimal,
    as_list,
    as_moment_from_milliseconds,
    as_object,
    as_text,
    field,
)

MINTS_PER_CALL = 30
_MOST_PAIRS = 30
_PATIENCE_SECONDS = 2.0
_WSOL = "So11111111111111111111111111111111111111112"
# Quote assets whose own price nobody can make up. A pair against a home-made token can show any
# liquidity: a recorded BONK/MET pool claims 112 million dollars at 5,000 times BONK's price.
_TRUSTED_QUOTES = frozenset(
    {
        _WSOL,
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """The deepest trusted pair of a token; None in a field = unknown, which is not zero.

    `price_sol` is told by pairs against SOL only: no second price is needed for it.
    """

    pair_address: str
    liquidity_usd: Decimal | None
    created_at: datetime | None
    price_usd: Decimal | None
    price_sol: Decimal | None = None
    volume_24h_usd: Decimal | None = None


class MarketData:
    """Every method raises only GatewayErrors.

    `requests_per_second` is this process's share of what one address may ask (300 a minute in all);
    0 = no limit. Who asks waits by urgency; after a 429 nobody but exits asks until it is over.
    """

    def __init__(self, host: Host, *, requests_per_second: float = 0.0) -> None:
        self._host = host
        self._allowance = Allowance(
            host.name, per_second=requests_per_second, patience_seconds=_PATIENCE_SECONDS
        )

    async def pair(self, mint: str) -> PairFacts | None:
        """The token's deepest Solana pair against SOL, USDC or USDT; None = no such pair known."""
        return (await self.pairs([mint]))[mint]

    async def pairs(self, mints: Sequence[str]) -> dict[str, PairFacts | None]:
        """The same of many tokens, 30 a call; every one of them is in the answer.

        A reply ends after 30 pairs, so that tokens with many pools could hide others, or their own
        deepest one: a full reply about several tokens is asked for again in two halves.
        """
        found: dict[str, PairFacts | None] = {}
        for start in range(0, len(mints), MINTS_PER_CALL):
            found |= await self._ask(mints[start : start + MINTS_PER_CALL])
        return found

    async def _ask(self, mints: Sequence[str]) -> dict[str, PairFacts | None]:
        await self._allowance.take()
        path = "/latest/dex/tokens/" + ",".join(quote(mint, safe="") for mint in mints)
        try:
            reply = await self._host.get(path)
        except RateLimited as limit:
            self._allowance.rest(limit.retry_after_seconds)
            raise
        if len(mints) > 1 and _is_full(reply):
            middle = len(mints) // 2
            return await self._ask(mints[:middle]) | await self._ask(mints[middle:])
        return {mint: read_pair(reply, mint=mint) for mint in mints}


def _is_full(reply: object) -> bool:
    pairs = as_object(reply, "pairs reply").get("pairs")
    return isinstance(pairs, list) and len(pairs) >= _MOST_PAIRS


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
        if pair.get("chainId") == "solana" and base == mint and _quote_of(pair) in _TRUSTED_QUOTES:
            yield pair


def _quote_of(pair: dict[str, Any]) -> str:
    return as_text(field(pair.get("quoteToken"), "address"), "quoteToken")


def _depth(facts: PairFacts) -> Decimal:
    return Decimal(-1) if facts.liquidity_usd is None else facts.liquidity_usd


def _read_facts(pair: dict[str, Any]) -> PairFacts:
    created = pair.get("pairCreatedAt")
    liquidity, volume = pair.get("liquidity"), pair.get("volume")
    return PairFacts(
        pair_address=as_text(pair.get("pairAddress"), "pairAddress"),
        liquidity_usd=None if liquidity is None else _number(liquidity, "usd"),
        created_at=None if created is None else as_moment_from_milliseconds(created, "created"),
        price_usd=_number(pair, "priceUsd"),
        price_sol=_number(pair, "priceNative") if _quote_of(pair) == _WSOL else None,
        volume_24h_usd=None if volume is None else _number(volume, "h24"),
    )


def _number(container: object, name: str) -> Decimal | None:
    value = field(container, name)
    return None if value is None else as_decimal(value, name)
