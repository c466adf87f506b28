"""A landed transaction as Helius' enhanced webhooks tell it; shapes of its recorded payloads.

Transfers and the swap event are told from balances, where Helius reads them out of instructions.
"""

from typing import Any

from workers.sandbox.records import TokenBalance, TransactionRecord
from workers.sandbox.spelling import spell
from workers.sandbox.tokens import WSOL
from workers.sandbox.transaction_views import encoded

Json = dict[str, Any]
_Amounts = dict[tuple[str, str], tuple[str, int, int]]
"""By (token account, mint): owner, raw change, decimals."""


def enhanced(record: TransactionRecord) -> Json:
    """One element of the posted array."""
    keys, payer = record.account_keys, record.account_keys[0]
    lamports = {
        key: after - before
        for key, before, after in zip(keys, record.pre_balances, record.post_balances, strict=True)
    }
    tokens = _token_changes(record)
    return {
        "description": "",
        "type": "SWAP" if record.err is None else "UNKNOWN",
        "source": "JUPITER" if record.err is None else "UNKNOWN",
        "fee": record.fee,
        "feePayer": payer,
        "signature": record.signature,
        "slot": record.slot,
        "timestamp": record.block_time,
        "tokenTransfers": _transfers(tokens),
        "nativeTransfers": [],
        "accountData": [_account(key, change, tokens) for key, change in lamports.items()],
        "transactionError": None if record.err is None else {"error": record.err},
        "instructions": _instructions(record),
        "events": {"swap": _swap(payer, lamports[payer] + record.fee, tokens)}
        if record.err is None
        else {},
    }


def _token_changes(record: TransactionRecord) -> _Amounts:
    found: _Amounts = {}
    for sign, rows in ((-1, record.pre_token_balances), (1, record.post_token_balances)):
        for row in rows:
            key = (record.account_keys[row.account_index], row.mint)
            found[key] = _with(found.get(key), row, sign)
    return {key: value for key, value in found.items() if value[1]}


def _with(known: tuple[str, int, int] | None, row: TokenBalance, sign: int) -> tuple[str, int, int]:
    before = known[1] if known else 0
    return row.owner, before + sign * row.amount, row.decimals


def _account(account: str, lamports: int, tokens: _Amounts) -> Json:
    changes = [
        {
            "userAccount": owner,
            "tokenAccount": account,
            "mint": mint,
            "rawTokenAmount": {"tokenAmount": str(change), "decimals": decimals},
        }
        for (holder, mint), (owner, change, decimals) in tokens.items()
        if holder == account
    ]
    return {
        "account": account,
        "nativeBalanceChange": lamports,
        "tokenBalanceChanges": changes,
    }


def _transfers(tokens: _Amounts) -> list[Json]:
    """Whoever has less of a mint gave to whoever has more."""
    found = []
    for (giver, mint), (owner, change, decimals) in tokens.items():
        if change > 0:
            continue
        for (taker, other), (new_owner, gained, _) in tokens.items():
            if other == mint and gained > 0:
                found.append(
                    {
                        "fromTokenAccount": giver,
                        "toTokenAccount": taker,
                        "fromUserAccount": owner,
                        "toUserAccount": new_owner,
                        "tokenAmount": min(-change, gained) / 10**decimals,
                        "mint": mint,
                        "tokenStandard": "Fungible",
                    }
                )
    return found


def _swap(payer: str, lamports: int, tokens: _Amounts) -> Json:
    own = [
        (account, mint, change, decimals)
        for (account, mint), (owner, change, decimals) in tokens.items()
        if owner == payer and mint != spell(WSOL)
    ]
    sides: Json = {"tokenInputs": [], "tokenOutputs": []}
    for account, mint, change, decimals in own:
        sides["tokenOutputs" if change > 0 else "tokenInputs"].append(
            {
                "userAccount": payer,
                "tokenAccount": account,
                "mint": mint,
                "rawTokenAmount": {"tokenAmount": str(abs(change)), "decimals": decimals},
            }
        )
    native = {"account": payer, "amount": str(abs(lamports))}
    return {
        "nativeInput": native if lamports < 0 else None,
        "nativeOutput": native if lamports > 0 else None,
        **sides,
        "tokenFees": [],
        "nativeFees": [],
        "innerSwaps": [],
    }


def _instructions(record: TransactionRecord) -> list[Json]:
    keys = record.account_keys
    inner = {group["index"]: group["instructions"] for group in record.inner_instructions}

    def told(call: Json) -> Json:
        return {
            "accounts": [keys[index] for index in call["accounts"]],
            "data": call["data"],
            "programId": keys[call["programIdIndex"]],
        }

    outer = encoded(record, encoding="json")["message"]["instructions"]
    return [
        {**told(call), "innerInstructions": [told(each) for each in inner.get(number, [])]}
        for number, call in enumerate(outer)
    ]
