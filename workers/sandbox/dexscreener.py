"""DexScreener's pairs of a token, read from the pools and the tape; shapes of its recorded replies."""

from typing import Any

from solders.pubkey import Pubkey

from workers.sandbox.chain import Chain
from workers.sandbox.issuance import supply_of
from workers.sandbox.listings import Listing
from workers.sandbox.market import Market
from workers.sandbox.spelling import spell
from workers.sandbox.tape import Window
from workers.sandbox.tokens import LAMPORTS_PER_SOL, WSOL

Json = dict[str, Any]

SCHEMA_VERSION = "1.0.0"
DEX_ID = "sandbox"
PREFIX = "/latest/dex/tokens/"
MOST_TOKENS = 30
MOST_PAIRS = 30
WINDOWS = {"m5": 300, "h1": 3_600, "h6": 21_600, "h24": 86_400}


class DexScreener:
    """Answers what DexScreener would; `handle` never raises."""

    def __init__(self, chain: Chain, market: Market) -> None:
        self._chain = chain
        self._market = market

    def handle(self, path: str, method: str) -> tuple[int, Json]:
        """(HTTP status, JSON) for `/latest/dex/tokens/{mint[,mint…]}`; unknown mints: no pairs."""
        if method != "GET" or not path.startswith(PREFIX):
            return 404, {"message": "Not found"}
        mints = path.removeprefix(PREFIX).split(",")[:MOST_TOKENS]
        pairs = [pair for each in mints for pair in self._pairs(each)][:MOST_PAIRS]
        return 200, {"schemaVersion": SCHEMA_VERSION, "pairs": pairs or None}

    def _pairs(self, text: str) -> list[Json]:
        """The pool of this token; asked for SOL, its pools with the quote tokens, seen from SOL."""
        try:
            mint = Pubkey.from_string(text)
        except ValueError:
            return []
        if mint == WSOL:
            quotes = [e for e in self._market.listings.values() if e.token.is_quote]
            return [_seen_from_sol(self._pair(each)) for each in quotes]
        listing = self._market.listings.get(mint)
        return [] if listing is None else [self._pair(listing)]

    def _pair(self, listing: Listing) -> Json:
        token, pool = listing.token, listing.pool
        reserves = self._market.reserves(listing)
        sol_usd = self._market.sol_usd()
        price_sol = self._market.price_sol(listing)
        windows = {name: self._window(listing, seconds) for name, seconds in WINDOWS.items()}
        worth = supply_of(token) / 10**token.decimals * price_sol * sol_usd
        sol_side = reserves.lamports / LAMPORTS_PER_SOL
        return {
            "chainId": "solana",
            "dexId": DEX_ID,
            "url": f"https://dexscreener.com/solana/{spell(pool.address).lower()}",
            "pairAddress": spell(pool.address),
            "baseToken": {"address": spell(token.mint), "name": token.name, "symbol": token.symbol},
            "quoteToken": {"address": spell(WSOL), "name": "Wrapped SOL", "symbol": "SOL"},
            "priceNative": _decimal(price_sol),
            "priceUsd": _decimal(price_sol * sol_usd),
            "txns": {name: {"buys": w.buys, "sells": w.sells} for name, w in windows.items()},
            "volume": {
                name: round(w.volume_lamports / LAMPORTS_PER_SOL * sol_usd, 2)
                for name, w in windows.items()
            },
            "priceChange": {
                name: round(100 * w.change, 2)
                for name, w in windows.items()
                if w.change is not None
            },
            "liquidity": {
                "usd": round(2 * sol_side * sol_usd, 2),
                "base": reserves.base / 10**token.decimals,
                "quote": sol_side,
            },
            "fdv": round(worth),
            "marketCap": round(worth),
            "pairCreatedAt": int(listing.created_at * 1000),
        }

    def _window(self, listing: Listing, seconds: int) -> Window:
        return self._market.tape.window(
            listing.pool.address,
            now=self._chain.unix_time,
            seconds=seconds,
            price=self._market.reserves(listing).price,
        )


def _seen_from_sol(pair: Json) -> Json:
    """The same pool with its sides changed over: one SOL in the quote token, and in dollars."""
    price, usd = float(pair["priceNative"]), float(pair["priceUsd"])
    liquidity = pair["liquidity"]
    return {
        **pair,
        "baseToken": pair["quoteToken"],
        "quoteToken": pair["baseToken"],
        "priceNative": _decimal(1 / price if price else 0.0),
        "priceUsd": _decimal(usd / price if price else 0.0),
        "liquidity": {
            "usd": liquidity["usd"],
            "base": liquidity["quote"],
            "quote": liquidity["base"],
        },
    }


def _decimal(value: float) -> str:
    """A decimal string without exponent and with some ten significant digits."""
    return f"{value:.18f}".rstrip("0").rstrip(".") or "0"
