"""Jupiter's swap v1 and price v3 over the sandbox's pools: requests in, replies out, no transport.

Shapes: recorded replies of the live service and its documentation, autumn 2026.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from solders.pubkey import Pubkey

from workers.sandbox.amm import BPS
from workers.sandbox.chain import Chain
from workers.sandbox.listings import Listing, Reserves
from workers.sandbox.market import DAY_SECONDS, Market
from workers.sandbox.routes import LARGEST_AMOUNT, Hop, NoRoute, Route, exact_in, exact_out
from workers.sandbox.spelling import spell
from workers.sandbox.swap_building import SwapBuilder
from workers.sandbox.swap_requests import BadRequest
from workers.sandbox.tokens import LAMPORTS_PER_SOL, USDC, WSOL

Json = dict[str, Any]
Reply = tuple[int, Json]

NO_ROUTE: Json = {
    "error": "Could not find any route",
    "errorCode": "COULD_NOT_FIND_ANY_ROUTE",
}
LABEL = "Sandbox AMM"
DEFAULT_SLIPPAGE_BPS = 50
MOST_PRICES = 50
SMALLEST_PRICED_LAMPORTS = LAMPORTS_PER_SOL
SOL_CREATED_AT = "2024-06-05T08:55:25.527Z"


class Jupiter:
    """Answers what Jupiter would; `handle` never raises."""

    def __init__(self, chain: Chain, market: Market) -> None:
        self._chain = chain
        self._market = market
        self._builder = SwapBuilder(chain, market)

    def handle(self, path: str, method: str, query: Mapping[str, str], body: bytes) -> Reply:
        """(HTTP status, JSON) for a path below the host, such as `/swap/v1/quote`; `body` raw."""
        try:
            match (method, path.rstrip("/")):
                case ("GET", "/swap/v1/quote"):
                    return 200, self.quote(query)
                case ("POST", "/swap/v1/swap"):
                    return 200, self._builder.transaction(_object(body))
                case ("POST", "/swap/v1/swap-instructions"):
                    return 200, self._builder.instructions(_object(body))
                case ("GET", "/price/v3"):
                    return 200, self.prices(query)
        except NoRoute:
            return 400, NO_ROUTE
        except BadRequest as error:
            return error.status, {"error": str(error)} | error.extra
        return 404, {"code": 404, "message": "Route not found"}

    def quote(self, query: Mapping[str, str]) -> Json:
        """`GET /swap/v1/quote`. NoRoute, or BadRequest with Jupiter's wording."""
        started = time.perf_counter()
        source, target = _mint(query, "inputMint"), _mint(query, "outputMint")
        if source == target:
            raise BadRequest(
                "Input and output mints are not allowed to be equal",
                errorCode="CIRCULAR_ARBITRAGE_IS_DISABLED",
            )
        amount = _whole(query, "amount", high=LARGEST_AMOUNT)
        slippage_bps = _whole(query, "slippageBps", high=BPS, default=DEFAULT_SLIPPAGE_BPS)
        mode = query.get("swapMode", "ExactIn")
        if mode not in ("ExactIn", "ExactOut"):
            raise BadRequest(f"Query parameter swapMode cannot be parsed: {mode[:40]}")
        find = exact_in if mode == "ExactIn" else exact_out
        route = find(self._market, source=source, target=target, amount=amount)
        reply = self._quote_reply(route, mode=mode, slippage_bps=slippage_bps)
        reply["timeTaken"] = round(time.perf_counter() - started, 9)
        return reply

    def prices(self, query: Mapping[str, str]) -> Json:
        """`GET /price/v3?ids=`: mints without a reliable price are absent."""
        ids = [each for each in query.get("ids", "").split(",") if each]
        if not 1 <= len(ids) <= MOST_PRICES:
            raise BadRequest(f"Query parameter ids must name 1 to {MOST_PRICES} mints")
        sol_usd = self._market.sol_usd()
        found = {each: self._price(each, sol_usd) for each in ids}
        return {mint: price for mint, price in found.items() if price is not None}

    def _quote_reply(self, route: Route, *, mode: str, slippage_bps: int) -> Json:
        first, last = route.hops[0], route.hops[-1]
        if mode == "ExactIn":
            threshold = route.amount_out * (BPS - slippage_bps) // BPS
        else:
            threshold = -(-route.amount_in * (BPS + slippage_bps) // BPS)
        return {
            "inputMint": spell(first.input_mint),
            "inAmount": str(route.amount_in),
            "outputMint": spell(last.output_mint),
            "outAmount": str(route.amount_out),
            "otherAmountThreshold": str(threshold),
            "swapMode": mode,
            "slippageBps": slippage_bps,
            "platformFee": None,
            "priceImpactPct": _fraction(route.impact),
            "routePlan": [_plan_step(hop) for hop in route.hops],
            "contextSlot": self._chain.slot_at("processed"),
            "timeTaken": 0.0,
            "swapUsdValue": _fraction(self._usd_value(route)),
            "mostReliableAmmsQuoteReport": {
                "info": {spell(hop.listing.pool.address): str(hop.amount_out) for hop in route.hops}
            },
            "longtailMarketQuoteReport": None,
            "useIncurredSlippageForQuoting": None,
            "useRewards": None,
            "otherRoutePlans": None,
            "loadedLongtailToken": False,
            "instructionVersion": None,
        }

    def _usd_value(self, route: Route) -> float:
        """Dollars that change hands, by the SOL leg every route has."""
        hop = route.hops[0]
        lamports = hop.amount_in if hop.buys_base else hop.amount_out
        return lamports / LAMPORTS_PER_SOL * self._market.sol_usd()

    def _price(self, text: str, sol_usd: float) -> Json | None:
        if text == spell(WSOL):
            return self._sol_price(sol_usd)
        try:
            listing = self._market.listings.get(Pubkey.from_string(text))
        except ValueError:
            return None
        if listing is None or not listing.token.is_tradeable:
            return None
        reserves = self._market.reserves(listing)
        if reserves.lamports < SMALLEST_PRICED_LAMPORTS:
            return None
        created_at = datetime.fromtimestamp(listing.created_at, UTC)
        return {
            "createdAt": created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "liquidity": 2 * reserves.lamports / LAMPORTS_PER_SOL * sol_usd,
            "usdPrice": listing.price_sol(reserves) * sol_usd,
            "blockId": self._chain.slot_at("processed"),
            "decimals": listing.token.decimals,
            "priceChange24h": self._change(listing, reserves, inverse=False),
        }

    def _sol_price(self, sol_usd: float) -> Json:
        listing = self._market.listing(USDC)
        reserves = self._market.reserves(listing)
        return {
            "createdAt": SOL_CREATED_AT,
            "liquidity": 2 * reserves.lamports / LAMPORTS_PER_SOL * sol_usd,
            "usdPrice": sol_usd,
            "blockId": self._chain.slot_at("processed"),
            "decimals": 9,
            "priceChange24h": self._change(listing, reserves, inverse=True),
        }

    def _change(self, listing: Listing, reserves: Reserves, *, inverse: bool) -> float:
        """Percent over a day; `inverse` for SOL priced in the listing's token."""
        window = self._market.tape.window(
            listing.pool.address,
            now=self._chain.unix_time,
            seconds=int(DAY_SECONDS),
            price=reserves.price,
        )
        change = window.change or 0.0
        return 100 * (1 / (1 + change) - 1 if inverse else change)


def _plan_step(hop: Hop) -> Json:
    return {
        "swapInfo": {
            "ammKey": spell(hop.listing.pool.address),
            "label": LABEL,
            "inputMint": spell(hop.input_mint),
            "outputMint": spell(hop.output_mint),
            "inAmount": str(hop.amount_in),
            "outAmount": str(hop.amount_out),
            "feeAmount": str(hop.fee_amount),
            "feeMint": spell(hop.input_mint),
        },
        "percent": 100,
        "bps": BPS,
    }


def _mint(query: Mapping[str, str], name: str) -> Pubkey:
    try:
        return Pubkey.from_string(query[name])
    except KeyError:
        raise BadRequest(f"Query parameter {name} is missing") from None
    except ValueError:
        raise BadRequest(f"Query parameter {name} cannot be parsed: Invalid") from None


def _whole(query: Mapping[str, str], name: str, *, high: int, default: int | None = None) -> int:
    text = query.get(name)
    if text is None:
        if default is None:
            raise BadRequest(f"Query parameter {name} is missing")
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= high):
        raise BadRequest(f"Query parameter {name} cannot be parsed: invalid number")
    return int(text)


def _object(body: bytes) -> Json:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"Failed to parse the request body as JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise BadRequest("Failed to deserialize the JSON body into the target type", status=422)
    return parsed


def _fraction(value: float) -> str:
    """A decimal string without exponent, `"0"` when it vanishes."""
    return f"{value:.18f}".rstrip("0").rstrip(".") or "0"
