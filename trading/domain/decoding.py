"""The system and token programs' instructions, decoded into what they moved; every other program is a call by name.

Layouts: the system program's and SPL Token's own (u32 and u8 tags, little endian); jsonParsed by its names.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from solders.pubkey import Pubkey

from trading.domain.programs import ASSOCIATED_TOKEN_PROGRAM, SYSTEM_PROGRAM
from trading.domain.readings import TransactionUnreadable, whole
from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

TOKEN_PROGRAMS = frozenset({TOKEN_PROGRAM, TOKEN_2022_PROGRAM})
READ_PROGRAMS = TOKEN_PROGRAMS | {SYSTEM_PROGRAM, ASSOCIATED_TOKEN_PROGRAM}
Fields = dict[str, Any] | None
_BATCH = b"\xff"
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {symbol: value for value, symbol in enumerate(_ALPHABET)}
# Some 500 bytes: the longest are batches; no other instruction that is decoded has a third of it.
_DECODED_CHARACTERS = 700


class Move(StrEnum):
    """What one instruction did; CALL is any program but the system, token and associated token ones."""

    CALL = "CALL"
    SEND = "SEND"
    CREATE = "CREATE"
    CLAIM = "CLAIM"
    OPEN = "OPEN"
    TRANSFER = "TRANSFER"
    MINT = "MINT"
    BURN = "BURN"
    CLOSE = "CLOSE"
    OTHER = "OTHER"


class Call(NamedTuple):
    """An instruction before it is understood; `height` is None where the form does not say how deep it is."""

    program: str
    accounts: list[str]
    data: str
    parsed: Mapping[str, Any] | None
    top: int
    height: int | None


_CALLED: dict[str, Any] = {"move": Move.CALL}
_UNTOLD: dict[str, Any] = {"move": Move.OTHER}


def decode(call: Call) -> list[dict[str, Any]]:
    """What the call did, as the fields of a step: one, but for the token program's batches of several."""
    if not isinstance(call.program, str):
        raise TransactionUnreadable("programId is not an address")
    if call.program not in READ_PROGRAMS:
        return [_CALLED]
    return [fields or _UNTOLD for fields in _decoded(call)]


def _decoded(call: Call) -> list[Fields]:
    if call.program == SYSTEM_PROGRAM:
        return [_system_parsed(call.parsed) if call.parsed else _system(call)]
    if call.program == ASSOCIATED_TOKEN_PROGRAM:
        return [_associated_parsed(call.parsed) if call.parsed else _associated(call)]
    if call.parsed:
        batch = call.parsed.get("info") if call.parsed.get("type") == "batch" else None
        told = batch["instructions"] if batch else [call.parsed]
        return [_token_parsed(each) for each in told]
    data = decode_base58(call.data)
    if data[:1] == _BATCH:
        return [_token(accounts, each) for accounts, each in _batch(call.accounts, data)]
    return [_token(call.accounts, data)]


def _batch(accounts: list[str], data: bytes) -> Iterator[tuple[list[str], bytes]]:
    """For each instruction: number of accounts (u8), length of data (u8), data."""
    offset, first = len(_BATCH), 0
    while offset < len(data):
        count, length = data[offset], data[offset + 1]
        yield accounts[first : first + count], data[offset + 2 : offset + 2 + length]
        offset, first = offset + 2 + length, first + count


def _system(call: Call) -> Fields:
    accounts, data = call.accounts, decode_base58(call.data)
    match int.from_bytes(data[:4], "little"):
        case 0:
            return _create(accounts[0], accounts[1], _u64(data, 4))
        case 2:
            return _send(accounts[0], accounts[1], _u64(data, 4))
        case 3:
            # tag, base key, seed length, seed, lamports
            return _create(accounts[0], accounts[1], _u64(data, 44 + _u64(data, 36)))
        case 11:
            return _send(accounts[0], accounts[2], _u64(data, 4))
        case 1 | 8 | 9 | 10:
            return {"move": Move.CLAIM, "destination": accounts[0]}
    return None


def _system_parsed(parsed: Mapping[str, Any]) -> Fields:
    info = parsed.get("info") or {}
    match parsed.get("type"):
        case "transfer" | "transferWithSeed":
            return _send(info["source"], info["destination"], info["lamports"])
        case "createAccount" | "createAccountWithSeed":
            return _create(info["source"], info["newAccount"], info["lamports"])
        case "allocate" | "assign" | "allocateWithSeed" | "assignWithSeed":
            return {"move": Move.CLAIM, "destination": info["account"]}
    return None


def _send(source: str, destination: str, lamports: Any) -> Fields:
    amount = whole(lamports, "lamports")
    return {"move": Move.SEND, "source": source, "destination": destination, "amount": amount}


def _create(source: str, destination: str, lamports: Any) -> Fields:
    amount = whole(lamports, "lamports")
    return {"move": Move.CREATE, "source": source, "destination": destination, "amount": amount}


def _token(accounts: list[str], data: bytes) -> Fields:
    match data[0] if data else None:
        case 3:
            return _transfer(accounts[0], accounts[1], accounts[2], _u64(data, 1))
        case 12:
            return _transfer(accounts[0], accounts[2], accounts[3], _u64(data, 1), accounts[1])
        case 26 if data[1:2] == b"\x01":  # Token-2022: transferCheckedWithFee
            return _transfer(accounts[0], accounts[2], accounts[3], _u64(data, 2), accounts[1])
        case 7 | 14:
            return _mint(accounts[0], accounts[1], _u64(data, 1))
        case 8 | 15:
            return _burn(accounts[0], accounts[1], accounts[2], _u64(data, 1))
        case 9:
            return _close(accounts[0], accounts[1], accounts[2])
        case 1:
            return _open(accounts[0], accounts[1], accounts[2])
        case 16 | 18:
            return _open(accounts[0], accounts[1], str(Pubkey.from_bytes(data[1:33])))
    return None


def _token_parsed(parsed: Mapping[str, Any]) -> Fields:
    info = parsed.get("info") or {}
    authority = _authority(info)
    match parsed.get("type"):
        case "transfer" | "transferChecked" | "transferCheckedWithFee":
            mint = info.get("mint") or ""
            return _transfer(
                info["source"], info["destination"], authority, _parsed_amount(info), mint
            )
        case "mintTo" | "mintToChecked":
            return _mint(info["mint"], info["account"], _parsed_amount(info))
        case "burn" | "burnChecked":
            return _burn(info["account"], info["mint"], authority, _parsed_amount(info))
        case "closeAccount":
            return _close(info["account"], info["destination"], authority)
        case "initializeAccount" | "initializeAccount2" | "initializeAccount3":
            return _open(info["account"], info["mint"], info["owner"])
    return None


def _authority(info: Mapping[str, Any]) -> str:
    names = ("authority", "owner", "multisigAuthority", "multisigOwner")
    return next((info[name] for name in names if isinstance(info.get(name), str)), "")


def _parsed_amount(info: Mapping[str, Any]) -> int:
    amount = info["amount"] if "amount" in info else info["tokenAmount"]["amount"]
    return whole(int(amount), "amount")


def _transfer(source: str, destination: str, authority: str, amount: int, mint: str = "") -> Fields:
    return {
        "move": Move.TRANSFER,
        "source": source,
        "destination": destination,
        "authority": authority,
        "mint": mint,
        "amount": amount,
    }


def _mint(mint: str, account: str, amount: int) -> Fields:
    return {"move": Move.MINT, "destination": account, "mint": mint, "amount": amount}


def _burn(account: str, mint: str, authority: str, amount: int) -> Fields:
    return {
        "move": Move.BURN,
        "source": account,
        "authority": authority,
        "mint": mint,
        "amount": amount,
    }


def _close(account: str, destination: str, authority: str) -> Fields:
    return {
        "move": Move.CLOSE,
        "source": account,
        "destination": destination,
        "authority": authority,
    }


def _open(account: str, mint: str, owner: str) -> Fields:
    return {"move": Move.OPEN, "destination": account, "mint": mint, "owner": owner}


def _associated(call: Call) -> Fields:
    """create (no data or 0) and createIdempotent (1): payer, account, wallet, mint."""
    if call.data not in ("", "1", "2"):
        return None
    return _open(call.accounts[1], call.accounts[3], call.accounts[2])


def _associated_parsed(parsed: Mapping[str, Any]) -> Fields:
    info = parsed.get("info") or {}
    if parsed.get("type") not in ("create", "createIdempotent"):
        return None
    return _open(info["account"], info["mint"], info["wallet"])


def _u64(data: bytes, offset: int) -> int:
    found = data[offset : offset + 8]
    if len(found) != 8:
        raise TransactionUnreadable("instruction data ends too early")
    return int.from_bytes(found, "little")


def decode_base58(encoded: str) -> bytes:
    """The bytes of base58 text; empty when it is longer than any instruction that is read here."""
    if len(encoded) > _DECODED_CHARACTERS:
        return b""
    number = 0
    for symbol in encoded:
        number = number * 58 + _DIGITS[symbol]
    zeros = len(encoded) - len(encoded.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
