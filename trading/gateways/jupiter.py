"""Jupiter's swap API v1 and price API v3: quotes, instructions, prices. The API's version stays
behind this module. Shapes: formats.md section 4.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Never

from solders.instruction import AccountMeta, Instruction

from trading.gateways.base import InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.http import Host
from trading.gateways.quota import Quota, present_urgency
from trading.gateways.shapes import (
    as_address,
    as_amount,
    as_bytes,
    as_decimal,
    as_flag,
    as_integer,
    as_list,
    as_object,
    as_pubkey,
    as_text,
    field,
)
from trading.gateways.transactions import SwapInstructions

__all__ = ["Jupiter", "NoRoute", "PriceUsd", "Quote", "SwapInstructions"]

_MINTS_PER_CALL = 50
_PAUSE_SECONDS = 1.0
# Exits wait as well, so an hour's pause would be a gate: one of us asks again, and is told again, this often.
_LONGEST_PAUSE_SECONDS = 3.0


class NoRoute(Refused):
    """Jupiter knows no way from the one mint to the other for this amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What `in_amount_raw` would give. `minimum_out_raw` is enforced on chain.

    `price_impact` is a fraction (0.01 = 1 %). `raw` is Jupiter's whole reply, which goes back to
    it unchanged. `context_slot` is None where Jupiter gave none.
    """

    input_mint: str
    output_mint: str
    in_amount_raw: int
    out_amount_raw: int
    minimum_out_raw: int
    slippage_bps: int
    price_impact: Decimal
    context_slot: int | None
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceUsd:
    """US dollars for one whole token; `liquidity_usd` None = not told."""

    usd: Decimal
    liquidity_usd: Decimal | None
    decimals: int


class Jupiter:
    """Every method raises only GatewayErrors.

    All calls share one allowance at Jupiter. With a `quota` they wait for their turn by urgency,
    and a 429 makes all of them wait for as long as Jupiter says (one second if it does not), but
    never for longer than three.
    """

    def __init__(self, host: Host, *, quota: Quota | None = None) -> None:
        self._host = host
        self._quota = quota

    async def quote(
        self,
        *,
        input_mint: str,
        output_mint: str,
        amount_raw: int,
        slippage_bps: int,
    ) -> Quote:
        """The best ExactIn route now. Raises NoRoute when there is none.

        A reply about other mints, another amount or another tolerance is an InvalidReply.
        """
        params = {
            "inputMint": input_mint,
            "outputMint": output_mint,
            "amount": str(amount_raw),
            "slippageBps": str(slippage_bps),
            "swapMode": "ExactIn",
            "restrictIntermediateTokens": "true",
        }
        try:
            reply = await self._ask(lambda: self._host.get("/swap/v1/quote", params))
        except Refused as refusal:
            raise _no_route(refusal) from None
        quote = read_quote(reply)
        if (quote.input_mint, quote.output_mint, quote.in_amount_raw) != (
            input_mint,
            output_mint,
            amount_raw,
        ) or quote.slippage_bps != slippage_bps:
            raise InvalidReply(f"{self._host.name}: a quote for something else")
        return quote

    async def swap_instructions(
        self,
        quote: Quote,
        *,
        owner: str,
        dynamic_compute_unit_limit: bool = False,
    ) -> SwapInstructions:
        """The instructions that swap by this quote, wrapping and unwrapping SOL.

        With `dynamic_compute_unit_limit` Jupiter simulates first, which costs it some 100 ms.
        Instructions that want another signer than `owner`, or that nobody asked for, are an
        InvalidReply.
        """
        body = {
            "quoteResponse": quote.raw,
            "userPublicKey": owner,
            "wrapAndUnwrapSol": True,
            "dynamicComputeUnitLimit": dynamic_compute_unit_limit,
        }
        path = "/swap/v1/swap-instructions"
        reply = await self._ask(lambda: self._host.post(path, body))
        return read_swap_instructions(reply, owner=owner)

    async def prices_usd(self, mints: Sequence[str]) -> dict[str, PriceUsd]:
        """Prices by mint; a mint without a reliable price is absent."""
        prices: dict[str, PriceUsd] = {}
        for start in range(0, len(mints), _MINTS_PER_CALL):
            ids = ",".join(mints[start : start + _MINTS_PER_CALL])
            ask = partial(self._host.get, "/price/v3", {"ids": ids})
            prices.update(read_prices(await self._ask(ask)))
        return prices

    async def _ask(self, call: Callable[[], Awaitable[object]]) -> dict[str, Any]:
        if self._quota is None:
            return self._checked(await call())
        await self._quota.take(present_urgency())
        try:
            return self._checked(await call())
        except RateLimited as limit:
            wanted = limit.retry_after_seconds or _PAUSE_SECONDS
            self._quota.pause(min(wanted, _LONGEST_PAUSE_SECONDS))
            raise

    def _checked(self, reply: object) -> dict[str, Any]:
        """The reply, or the error that Jupiter can also put into one with status 200."""
        body = as_object(reply, f"{self._host.name}: reply")
        if isinstance(body.get("error"), str):
            self._refuse(body)
        if isinstance(body.get("code"), int) and isinstance(body.get("message"), str):
            self._reject(body["code"], body["message"])
        return body

    def _refuse(self, body: dict[str, Any]) -> Never:
        message = self._host.clean(body["error"])
        raise Refused(f"{self._host.name}: {message}", code=200, message=message, data=body)

    def _reject(self, code: int, message: str) -> Never:
        text = f"{self._host.name}: {code} {self._host.clean(message)}"
        if code == 429:
            raise RateLimited(text)
        raise Unavailable(text, status=code)


def _no_route(refusal: Refused) -> NoRoute:
    data = refusal.data
    code = data.get("errorCode") if isinstance(data, dict) else None
    return NoRoute(
        str(refusal),
        code=code if isinstance(code, str) else refusal.code,
        message=refusal.message,
        data=data,
    )


def read_quote(reply: dict[str, Any]) -> Quote:
    if as_text(reply.get("swapMode"), "swapMode") != "ExactIn":
        raise InvalidReply("swapMode: expected ExactIn")
    slot = reply.get("contextSlot")
    quote = Quote(
        input_mint=as_address(reply.get("inputMint"), "inputMint"),
        output_mint=as_address(reply.get("outputMint"), "outputMint"),
        in_amount_raw=as_amount(reply.get("inAmount"), "inAmount"),
        out_amount_raw=as_amount(reply.get("outAmount"), "outAmount"),
        minimum_out_raw=as_amount(reply.get("otherAmountThreshold"), "otherAmountThreshold"),
        slippage_bps=as_integer(reply.get("slippageBps"), "slippageBps"),
        price_impact=as_decimal(reply.get("priceImpactPct"), "priceImpactPct"),
        context_slot=None if slot is None else as_integer(slot, "contextSlot"),
        raw=reply,
    )
    if quote.minimum_out_raw > quote.out_amount_raw:
        raise InvalidReply("otherAmountThreshold: above outAmount")
    return quote


def read_swap_instructions(reply: dict[str, Any], *, owner: str) -> SwapInstructions:
    if reply.get("otherInstructions") or reply.get("tokenLedgerInstruction"):
        raise InvalidReply("swap instructions: some that nobody asked for")
    cleanup = reply.get("cleanupInstruction")
    tables = reply.get("addressLookupTableAddresses") or []
    return SwapInstructions(
        compute_budget=_instructions(reply.get("computeBudgetInstructions"), owner),
        setup=_instructions(reply.get("setupInstructions"), owner),
        swap=_instruction(reply.get("swapInstruction"), owner),
        cleanup=() if cleanup is None else (_instruction(cleanup, owner),),
        lookup_table_addresses=tuple(
            as_address(table, "lookup table") for table in as_list(tables, "lookup tables")
        ),
    )


def read_prices(reply: dict[str, Any]) -> dict[str, PriceUsd]:
    found = {}
    for mint, entry in reply.items():
        if entry is None or field(entry, "usdPrice") is None:
            continue
        found[mint] = _price(entry)
    return found


def _price(entry: dict[str, Any]) -> PriceUsd:
    usd = as_decimal(entry["usdPrice"], "usdPrice")
    if usd < 0:
        raise InvalidReply("usdPrice: negative")
    liquidity = entry.get("liquidity")
    return PriceUsd(
        usd=usd,
        liquidity_usd=None if liquidity is None else as_decimal(liquidity, "liquidity"),
        decimals=as_integer(entry.get("decimals"), "decimals"),
    )


def _instructions(value: object, owner: str) -> tuple[Instruction, ...]:
    return tuple(_instruction(entry, owner) for entry in as_list(value, "instructions"))


def _instruction(value: object, owner: str) -> Instruction:
    metas = [_account_meta(entry) for entry in as_list(field(value, "accounts"), "accounts")]
    if any(meta.is_signer and str(meta.pubkey) != owner for meta in metas):
        raise InvalidReply("swap instructions: another signer than the owner")
    return Instruction(
        program_id=as_pubkey(field(value, "programId"), "programId"),
        data=as_bytes(field(value, "data"), "instruction data"),
        accounts=metas,
    )


def _account_meta(value: object) -> AccountMeta:
    entry = as_object(value, "account")
    return _meta(
        as_text(entry.get("pubkey"), "account"),
        as_flag(entry.get("isSigner"), "isSigner"),
        as_flag(entry.get("isWritable"), "isWritable"),
    )


@lru_cache(maxsize=8_192)
def _meta(address: str, is_signer: bool, is_writable: bool) -> AccountMeta:
    """An instruction names two dozen accounts, most of them again and again."""
    return AccountMeta(
        pubkey=as_pubkey(address, "account"), is_signer=is_signer, is_writable=is_writable
    )
