"""Rows of the paper ledger in the shapes of Solana's RPC, so that everybody reads them as a chain's."""

import base64
from typing import Any

from solders.pubkey import Pubkey

from trading.gateways.base import InvalidReply
from trading.gateways.chain_facts import read_account as read_chain_account
from trading.gateways.chain_facts import value_of
from trading.gateways.jito import TIP_ACCOUNTS
from trading.models import PaperStatus, PaperTransaction

Json = dict[str, Any]
SYSTEM_PROGRAM = "11111111111111111111111111111111"
CAPITAL = str(Pubkey(b"chimera paper capital".ljust(32, b"\0")))
"""Where paper capital comes from; nobody owns its key, and no chain has it."""
SWAP_STEP = 2
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_INITIALISED_AT, _ACCOUNT_BYTES = 108, 165


def status(row: PaperTransaction | None) -> Json | None:
    """`getSignatureStatuses` of one; None: nobody knows it (yet)."""
    if row is None:
        return None
    return {
        "slot": row.slot,
        "confirmations": None,
        "err": error(row),
        "confirmationStatus": "finalized",
    }


def error(row: PaperTransaction) -> Json | None:
    """Why it failed, as the chain says it."""
    if row.status != PaperStatus.FAILED:
        return None
    return {"InstructionError": [SWAP_STEP, {"Custom": int(row.error)}]}


def signature_row(row: PaperTransaction) -> Json:
    """One row of `getSignaturesForAddress`."""
    return {
        "signature": row.signature,
        "slot": row.slot,
        "err": error(row),
        "blockTime": _seconds(row),
        "confirmationStatus": "finalized",
    }


def record(row: PaperTransaction, *, wallet: str) -> Json:
    """`getTransaction`, encoding json: who paid what to whom, by balances before and after."""
    is_deposit = row.submission_id is None
    keys, before, after = _deposit(row, wallet) if is_deposit else _trade(row, wallet)
    tip = 0 if is_deposit or row.status == PaperStatus.FAILED else row.tip_lamports
    return {
        "slot": row.slot,
        "blockTime": _seconds(row),
        "version": 0,
        "meta": {
            "err": error(row),
            "fee": row.fee_lamports,
            "preBalances": before,
            "postBalances": after,
            "preTokenBalances": _tokens(
                row, wallet, row.account_before_lamports, row.held_before_raw
            ),
            "postTokenBalances": _tokens(
                row, wallet, row.account_after_lamports, row.held_after_raw
            ),
            "loadedAddresses": {"writable": [], "readonly": []},
        },
        "transaction": {
            "signatures": [row.signature],
            "message": {
                "header": {"numRequiredSignatures": 1},
                "accountKeys": keys,
                "instructions": [_transfer(tip)] if tip else [],
            },
        },
    }


def _deposit(row: PaperTransaction, wallet: str) -> tuple[list[str], list[int], list[int]]:
    moved = row.balance_after_lamports - row.balance_before_lamports
    before = [max(0, moved), row.balance_before_lamports]
    return [CAPITAL, wallet], before, [max(0, -moved), row.balance_after_lamports]


def _trade(row: PaperTransaction, wallet: str) -> tuple[list[str], list[int], list[int]]:
    paid_tip = 0 if row.status == PaperStatus.FAILED else row.tip_lamports
    keys = [wallet, row.token_account, TIP_ACCOUNTS[0], SYSTEM_PROGRAM]
    before = [row.balance_before_lamports, row.account_before_lamports, 0, 1]
    return keys, before, [row.balance_after_lamports, row.account_after_lamports, paid_tip, 1]


def _tokens(row: PaperTransaction, wallet: str, lamports: int, held_raw: int) -> list[Json]:
    if not lamports:
        return []
    amount = {"amount": str(held_raw), "decimals": row.decimals}
    return [
        {
            "accountIndex": 1,
            "mint": row.mint,
            "owner": wallet,
            "programId": row.token_program,
            "uiTokenAmount": amount,
        }
    ]


def _transfer(lamports: int) -> Json:
    """The System Program's transfer of the tip: u32 2, u64 lamports."""
    data = (2).to_bytes(4, "little") + lamports.to_bytes(8, "little")
    return {"programIdIndex": 3, "accounts": [0, 2], "data": _base58(data)}


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def account(row: PaperTransaction | None, *, wallet: str) -> Json | None:
    """Our token account in the shape of `getAccountInfo`; None: it is not open."""
    if row is None or not row.account_after_lamports:
        return None
    data = bytearray(_ACCOUNT_BYTES)
    data[0:32], data[32:64] = bytes(Pubkey.from_string(row.mint)), bytes(Pubkey.from_string(wallet))
    data[64:72] = int(row.held_after_raw).to_bytes(8, "little")
    data[_INITIALISED_AT] = 1
    return {
        "owner": row.token_program,
        "lamports": row.account_after_lamports,
        "data": [base64.b64encode(bytes(data)).decode(), "base64"],
        "executable": False,
    }


def holding(row: PaperTransaction) -> Json:
    """Our token account in the shape of `getTokenAccountsByOwner`, jsonParsed."""
    amount = {"amount": str(row.held_after_raw), "decimals": row.decimals}
    info = {"mint": row.mint, "tokenAmount": amount}
    return {
        "pubkey": row.token_account,
        "account": {
            "owner": row.token_program,
            "lamports": row.account_after_lamports,
            "data": {"parsed": {"info": info, "type": "account"}},
        },
    }


def read_account(result: object) -> tuple[bytes, str]:
    """(data, owner) of a `getAccountInfo` result; InvalidReply when there is no such account."""
    found = read_chain_account(value_of(result))
    if found is None:
        raise InvalidReply("no such account")
    return found.data, found.owner


def _seconds(row: PaperTransaction) -> int | None:
    return None if row.landed_at is None else int(row.landed_at.timestamp())
