"""Whether a reply is what the platform takes it for: the same for the live service and for a recorded one.

Each takes the parsed reply (of JSON-RPC its result) and raises InvalidReply, or returns a judgement.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from trading.domain.values import WSOL_MINT
from trading.gateways.base import InvalidReply
from trading.gateways.chain_facts import value_of
from trading.gateways.jito import TIP_ACCOUNTS, read_tip_floor
from trading.gateways.jupiter import read_prices, read_quote, read_swap_instructions
from trading.gateways.market_data import read_pair
from trading.gateways.shapes import (
    as_address,
    as_amount,
    as_flag,
    as_integer,
    as_list,
    as_object,
    as_signature,
    as_text,
    field,
)
from trading.probe.findings import Judgement, broken, fine, warning

Judge = Callable[[Any], Judgement]
MAINNET_GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
BLOCKS_OF_A_BLOCKHASH = 150
FASTEST_SLOT_MS, SLOWEST_SLOT_MS = 150, 600
MOST_RENT_LAMPORTS = 2_039_280
SOL_LAMPORTS = 10**9
TIP_FLOOR_AGE_SECONDS = 300
DRIFT_WARNING_SECONDS, DRIFT_LIMIT_SECONDS = 2.0, 30.0
LATENCY_WARNING_MS, LATENCY_LIMIT_MS = 50, 2_000
SLOT_LAG_LIMIT = 50


def health(result: object) -> Judgement:
    text = as_text(result, "getHealth")
    return fine("ok") if text == "ok" else broken(text[:60], expected="ok")


def version(result: object) -> Judgement:
    return fine(f"solana-core {as_text(field(result, 'solana-core'), 'solana-core')[:30]}")


def genesis(result: object, *, is_mainnet_wanted: bool) -> Judgement:
    found = as_address(result, "getGenesisHash")
    is_mainnet = found == MAINNET_GENESIS
    name = "mainnet" if is_mainnet else f"{found[:8]}…, not mainnet"
    if is_mainnet == is_mainnet_wanted:
        return fine(name)
    return broken(name, expected="mainnet" if is_mainnet_wanted else "a cluster of our own")


def blockhash(result: object, *, block_height: int) -> Judgement:
    """How long what is signed now can still land, in blocks."""
    value = value_of(result)
    as_address(field(value, "blockhash"), "blockhash")
    last = as_integer(field(value, "lastValidBlockHeight"), "lastValidBlockHeight")
    left = last - block_height
    expected = f"1 to {BLOCKS_OF_A_BLOCKHASH}"
    measured = f"valid for {left} more blocks"
    if 0 < left <= BLOCKS_OF_A_BLOCKHASH + 5:
        return fine(measured)
    return broken(measured, expected=expected)


def slot_time(*, slots: int, seconds: float) -> Judgement:
    if slots <= 0:
        return broken(f"no new slot in {seconds:.1f} s", expected="slots go on")
    each = 1_000 * seconds / slots
    measured = f"{each:.0f} ms a slot, {each * BLOCKS_OF_A_BLOCKHASH / 1_000:.0f} s until expiry"
    if FASTEST_SLOT_MS <= each <= SLOWEST_SLOT_MS:
        return fine(measured)
    return warning(measured, expected=f"{FASTEST_SLOT_MS} to {SLOWEST_SLOT_MS} ms")


def slot_lag(*, slot: int, newest: int) -> Judgement:
    lag = newest - slot
    measured = f"{lag} slots behind the newest endpoint" if lag else "as new as any"
    if lag <= SLOT_LAG_LIMIT:
        return fine(measured)
    return broken(measured, expected=f"at most {SLOT_LAG_LIMIT}")


def rent(result: object) -> Judgement:
    """Of a token account; it is being lowered in steps, so more than ever before is odd."""
    lamports = as_integer(result, "getMinimumBalanceForRentExemption")
    measured = f"{lamports} lamports for a token account"
    if 0 < lamports <= MOST_RENT_LAMPORTS:
        return fine(measured)
    return warning(measured, expected=f"above 0, at most {MOST_RENT_LAMPORTS}")


def no_such_transaction(result: object) -> Judgement:
    """The answer about a signature nobody has, asked for with the newest transaction version."""
    if result is None:
        return fine("transactions of version 1 may be asked for")
    return broken("a transaction nobody has made", expected="null")


def clock_drift(*, seconds: float, accuracy_seconds: float) -> Judgement:
    """Our clock against the other side's; a difference that it cannot tell is none."""
    measured = f"our clock is {seconds:+.1f} s off, within {accuracy_seconds:.1f} s"
    certain = max(0.0, abs(seconds) - accuracy_seconds)
    if certain > DRIFT_LIMIT_SECONDS:
        return broken(measured, expected="signatures are good for 60 s")
    if certain > DRIFT_WARNING_SECONDS:
        return warning(measured, expected=f"at most {DRIFT_WARNING_SECONDS:g} s")
    return fine(measured)


def latency(milliseconds: float, *, warning_ms: int = LATENCY_WARNING_MS) -> Judgement:
    measured = f"{milliseconds:.0f} ms in the median"
    if milliseconds > LATENCY_LIMIT_MS:
        return broken(measured, expected=f"at most {LATENCY_LIMIT_MS} ms")
    if milliseconds > warning_ms:
        return warning(measured, expected=f"at most {warning_ms} ms")
    return fine(measured)


def tip_accounts(result: object) -> Judgement:
    told = {as_address(each, "tip account") for each in as_list(result, "getTipAccounts")}
    known, new = told & set(TIP_ACCOUNTS), len(told - set(TIP_ACCOUNTS))
    measured = f"{len(known)} of our {len(TIP_ACCOUNTS)}, {new} that we do not know"
    if not known:
        return broken(measured, expected="one of our list at least: no bundle can be sent")
    if len(known) < len(TIP_ACCOUNTS) or new:
        return warning(measured, expected="the same list: has it changed?")
    return fine(f"all {len(known)} of our list")


def tip_floor(reply: object, *, now: datetime) -> Judgement:
    """Percentiles in SOL that rise; a figure in lamports would be thousands of times too high."""
    floor = read_tip_floor(reply)
    rising = [floor.percentile(each) for each in (25, 50, 75, 95, 99)]
    measured = f"p50 {rising[1]} lamports, p75 {rising[2]}"
    if rising != sorted(rising) or rising[1] > SOL_LAMPORTS:
        return broken(measured, expected="rising percentiles in SOL")
    told_at = _moment(field(as_list(reply, "tip floor")[0], "time"))
    age = (now - told_at).total_seconds()
    if age > TIP_FLOOR_AGE_SECONDS:
        return warning(
            f"{measured}, {age:.0f} s old", expected=f"{TIP_FLOOR_AGE_SECONDS} s at most"
        )
    return fine(measured)


def bundle_status(result: object) -> Judgement:
    """The answer about a bundle nobody has sent."""
    value = None if result is None else value_of(result)
    rows = [row for row in as_list(value or [], "statuses") if row is not None]
    states = {as_text(field(row, "status"), "status") for row in rows}
    if states <= {"Invalid"}:
        return fine("a bundle nobody has sent is unknown")
    return broken(", ".join(sorted(states))[:60], expected="Invalid")


def prices(reply: object, *, mints: Sequence[str]) -> Judgement:
    found = read_prices(as_object(reply, "prices"))
    missing = [mint for mint in mints if mint not in found or found[mint].usd <= 0]
    if WSOL_MINT in missing:
        return broken("no price of SOL", expected="a price above zero")
    measured = f"SOL at ${found[WSOL_MINT].usd:.2f}, {len(found)} of {len(mints)} mints"
    if missing:
        return warning(measured, expected="a price of each")
    return fine(measured)


def quote(reply: object) -> Judgement:
    found = read_quote(as_object(reply, "quote"))
    if found.out_amount_raw <= 0:
        return broken("a quote of nothing", expected="an amount above zero")
    return fine(f"{found.in_amount_raw} for {found.out_amount_raw}, slot {found.context_slot}")


def swap_instructions(reply: object, *, owner: str) -> Judgement:
    found = read_swap_instructions(as_object(reply, "swap instructions"), owner=owner)
    tables = len(found.lookup_table_addresses)
    return fine(f"{len(found.setup) + 1 + len(found.cleanup)} instructions, {tables} lookup tables")


def pairs(reply: object, *, mint: str) -> Judgement:
    """The pairs of a token that certainly has some."""
    pair = read_pair(reply, mint=mint)
    if pair is None:
        return broken("no trusted pair", expected="a pair against SOL, USDC or USDT")
    told = {"liquidity": pair.liquidity_usd, "age": pair.created_at, "price": pair.price_usd}
    untold = [name for name, value in told.items() if value is None]
    if untold:
        return warning(f"no {', '.join(untold)}", expected="liquidity, age and price")
    return fine(f"${pair.liquidity_usd:,.0f} deep, since {pair.created_at:%Y-%m-%d}")


def largest_accounts(result: object) -> Judgement:
    rows = as_list(value_of(result), "largest accounts")
    for row in rows:
        as_address(field(row, "address"), "address")
        as_amount(field(row, "amount"), "amount")
    if not rows:
        return broken("none", expected="the largest holders of a token")
    return fine(f"{len(rows)} holders")


def supply(result: object) -> Judgement:
    value = value_of(result)
    amount = as_amount(field(value, "amount"), "amount")
    decimals = as_integer(field(value, "decimals"), "decimals")
    return fine(f"{amount} raw, {decimals} decimals")


def statuses(result: object) -> Judgement:
    rows = as_list(value_of(result), "statuses")
    if rows == [None]:
        return fine("a signature nobody has is unknown")
    return broken(f"{len(rows)} statuses", expected="one null")


def signatures(result: object, *, is_busy: bool = True) -> Judgement:
    """Of an address with transactions without end; a node that knows none of them keeps no history."""
    rows = as_list(result, "signatures")
    for row in rows:
        as_signature(field(row, "signature"), "signature")
        as_integer(field(row, "slot"), "slot")
    if is_busy and not rows:
        return broken("none of a busy address", expected="its last ones: history is kept elsewhere")
    return fine(f"{len(rows)} signatures")


def liveness(result: object) -> Judgement:
    """The answer about a blockhash that is certainly too old."""
    is_alive = as_flag(value_of(result), "isBlockhashValid")
    if is_alive:
        return broken("a dead blockhash is called valid", expected="false")
    return fine("a dead blockhash is dead")


def webhooks(reply: object) -> Judgement:
    """Helius' list of our webhooks."""
    rows = as_list(reply, "webhooks")
    for row in rows:
        as_text(field(row, "webhookID"), "webhookID")
    return fine(f"{len(rows)} webhooks registered")


def notification(message: object) -> Judgement:
    """A push of a slot subscription."""
    params = field(message, "params")
    slot = as_integer(field(field(params, "result"), "slot"), "slot")
    as_integer(field(params, "subscription"), "subscription")
    return fine(f"slot {slot} was pushed")


def logs_notification(message: object) -> Judgement:
    """A push of a logs subscription, as the leaders' are."""
    result = field(field(message, "params"), "result")
    value = value_of(result)
    signature = as_signature(field(value, "signature"), "signature")
    return fine(f"logs of {signature[:8]}…")


def subscription(message: object) -> Judgement:
    """The answer to a subscription."""
    return fine(f"number {as_integer(field(message, 'result'), 'subscription')}")


def _moment(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(as_text(value, "time"))
    except ValueError:
        raise InvalidReply("time: no ISO 8601 time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
