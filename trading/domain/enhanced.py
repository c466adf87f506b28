"""A Helius enhanced transaction in the shape of any other: its account data are the balances.

Webhook bodies may leave out everything but `accountData`; what is missing is then read from balances alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trading.domain.instructions import build_steps, enhanced_calls
from trading.domain.readings import (
    MAX_U64,
    TransactionUnreadable,
    optional_whole,
    raw_amount,
    text,
    whole,
)
from trading.domain.transactions import TokenBalance, Transaction


def is_enhanced(reply: Any) -> bool:
    """Whether this is Helius' form: balances by account, and no `meta`."""
    if not isinstance(reply, Mapping):
        raise TransactionUnreadable("not a JSON object")
    return "accountData" in reply and "meta" not in reply


def read_enhanced(reply: Mapping[str, Any]) -> Transaction:
    """Balances and instructions of one enhanced transaction. The account that pays the fee comes first."""
    data = reply["accountData"]
    if not isinstance(data, list) or not data:
        raise TransactionUnreadable("accountData is missing or empty")
    lamports = {
        text(each["account"], "account"): whole(
            each["nativeBalanceChange"], "nativeBalanceChange", low=-MAX_U64
        )
        for each in data
    }
    payer = text(reply.get("feePayer") or data[0]["account"], "feePayer")
    instructions = reply.get("instructions") or []
    return Transaction(
        signature=text(reply["signature"], "signature"),
        slot=optional_whole(reply.get("slot"), "slot"),
        block_time=optional_whole(reply.get("timestamp"), "timestamp"),
        error=reply.get("transactionError"),
        payer=payer,
        signers=(payer,),
        network_fee=_network_fee(reply, lamports),
        lamports=lamports,
        tokens=tuple(_tokens(data)),
        hint=reply.get("type") or "",
        venues=_venue(reply.get("source")),
        steps=build_steps(enhanced_calls(instructions)),
        has_steps=any("innerInstructions" in each for each in instructions),
    )


_SOURCES = {
    "PUMP_AMM": "PumpSwap",
    "PUMP_FUN": "Pump.fun",
    "RAYDIUM": "Raydium AMM v4",
    "ORCA": "Orca Whirlpool",
    "METEORA": "Meteora DLMM",
    "JUPITER": "Jupiter v6",
}


def _venue(source: Any) -> tuple[str, ...]:
    """Helius' name of the venue, in our words where we have one."""
    if not isinstance(source, str) or source in ("", "UNKNOWN"):
        return ()
    return (_SOURCES.get(source, source),)


def _network_fee(reply: Mapping[str, Any], lamports: Mapping[str, int]) -> int:
    """What was left out is what all accounts together lost: nothing else leaves a transaction."""
    if "fee" in reply:
        return whole(reply["fee"], "fee")
    return max(0, -sum(lamports.values()))


def _tokens(data: list[Mapping[str, Any]]) -> Iterator[TokenBalance]:
    """Changes only: an account that gained is told as one that held nothing before."""
    rows = {}
    for each in data:
        for row in each.get("tokenBalanceChanges") or ():
            rows[row["tokenAccount"], row["mint"], row["userAccount"]] = row["rawTokenAmount"]
    for (account, mint, owner), amount in rows.items():
        change = raw_amount(amount["tokenAmount"], "tokenAmount", is_signed=True)
        yield TokenBalance(
            account=text(account, "tokenAccount"),
            mint=text(mint, "mint"),
            owner=text(owner, "userAccount"),
            decimals=whole(amount["decimals"], "decimals", high=255),
            before=max(0, -change),
            after=max(0, change),
        )
