"""What a transaction's instructions moved: the system and token programs decoded, every other call by name only.

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
TOP_LEVEL = -1
Fields = dict[str, Any] | None
_READ_PROGRAMS = TOKEN_PROGRAMS | {SYSTEM_PROGRAM, ASSOCIATED_TOKEN_PROGRAM}
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {symbol: value for value, symbol in enumerate(_ALPHABET)}
# createAccountWithSeed with a seed of 32 characters is the longest that is decoded (128 bytes).
_DECODED_CHARACTERS = 200


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


class Step(NamedTuple):
    """One instruction, in order of execution; `parent` is the index of the call that issued it, or TOP_LEVEL.

    `top` counts the transaction's own instructions from 0.

    SEND: lamports `source` → `destination`. CREATE: `source` paid `amount` into the new `destination`.
    CLAIM: `destination` was allocated or assigned. OPEN: token account `destination` of `owner` initialised.
    TRANSFER, MINT, BURN: raw token `amount` from `source` to `destination`, empty where there is none.
    CLOSE: token account `source`, its lamports to `destination`. `authority` is who allowed it.
    """

    program: str
    move: Move
    parent: int
    top: int
    source: str = ""
    destination: str = ""
    authority: str = ""
    owner: str = ""
    mint: str = ""
    amount: int = 0


class _Call(NamedTuple):
    """An instruction before it is understood; `height` is None where the form does not say how deep it is."""

    program: str
    accounts: list[str]
    data: str
    parsed: Mapping[str, Any] | None
    top: int
    height: int | None


def read_steps(reply: Mapping[str, Any], keys: list[str]) -> tuple[Step, ...]:
    """All instructions of a `getTransaction` result, outer and inner."""
    return build_steps(_calls(reply, keys))


def build_steps(calls: Iterator["_Call"]) -> tuple[Step, ...]:
    """Each call decoded and told who issued it."""
    steps: list[Step] = []
    # The calls that may still issue others, outermost first: (index, height, accounts).
    open_calls: list[tuple[int, int, frozenset[str]]] = []
    for call in calls:
        parent = _parent(call, open_calls)
        step = _decode(call, parent)
        if step.move is Move.CALL:
            height = call.height or len(open_calls) + 1
            open_calls.append((len(steps), height, frozenset(call.accounts)))
        steps.append(step)
    return tuple(steps)


def _calls(reply: Mapping[str, Any], keys: list[str]) -> Iterator[_Call]:
    message, meta = reply["transaction"]["message"], reply["meta"]
    inner: dict[int, list[Any]] = {}
    for group in meta.get("innerInstructions") or ():
        inner.setdefault(whole(group["index"], "index"), []).extend(group["instructions"])
    for top, outer in enumerate(message["instructions"]):
        yield _call(outer, keys, top, height=1)
        for each in inner.get(top, ()):
            yield _call(each, keys, top, height=each.get("stackHeight"))


def _call(raw: Mapping[str, Any], keys: list[str], top: int, *, height: Any) -> _Call:
    program = raw.get("programId")
    if program is None:
        program = keys[whole(raw["programIdIndex"], "programIdIndex")]
    parsed, accounts = raw.get("parsed"), raw.get("accounts") or []
    if height is not None and program not in _READ_PROGRAMS:
        accounts = []  # told by its height who issued what: nothing else is asked of it
    elif accounts and not isinstance(accounts[0], str):
        accounts = [keys[whole(each, "accounts")] for each in accounts]
    return _Call(
        program=program,
        accounts=accounts,
        data=raw.get("data") or "",
        parsed=parsed if isinstance(parsed, dict) else None,
        top=top,
        height=None if height is None else whole(height, "stackHeight", low=1, high=64),
    )


def enhanced_calls(instructions: list[Mapping[str, Any]]) -> Iterator[_Call]:
    """The instructions of a Helius enhanced transaction: inner ones flat, without heights."""
    for top, outer in enumerate(instructions):
        yield _call(outer, [], top, height=1)
        for each in outer.get("innerInstructions") or ():
            yield _call(each, [], top, height=None)


def _parent(call: _Call, open_calls: list[tuple[int, int, frozenset[str]]]) -> int:
    """Who issued the call: by height, else the innermost open call that was given all its accounts.

    A program can hand on only accounts that it was given itself, so a wrong guess is never too far out.
    """
    if call.height is not None:
        while open_calls and open_calls[-1][1] >= call.height:
            open_calls.pop()
    else:
        needed = frozenset(call.accounts) or _parsed_accounts(call.parsed)
        while len(open_calls) > 1 and not needed <= open_calls[-1][2]:
            open_calls.pop()
    return open_calls[-1][0] if open_calls else TOP_LEVEL


def _parsed_accounts(parsed: Mapping[str, Any] | None) -> frozenset[str]:
    info = (parsed or {}).get("info")
    if not isinstance(info, dict):
        return frozenset()
    named = ("source", "destination", "authority", "account", "newAccount")
    return frozenset(info[name] for name in named if isinstance(info.get(name), str))


def _decode(call: _Call, parent: int) -> Step:
    if not isinstance(call.program, str):
        raise TransactionUnreadable("programId is not an address")
    if call.program == SYSTEM_PROGRAM:
        fields = _system_parsed(call.parsed) if call.parsed else _system(call)
    elif call.program in TOKEN_PROGRAMS:
        fields = _token_parsed(call.parsed) if call.parsed else _token(call)
    elif call.program == ASSOCIATED_TOKEN_PROGRAM:
        fields = _associated_parsed(call.parsed) if call.parsed else _associated(call)
    else:
        fields = {"move": Move.CALL}
    fields = fields or {"move": Move.OTHER}
    return Step(program=call.program, parent=parent, top=call.top, **fields)


def _system(call: _Call) -> Fields:
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


def _token(call: _Call) -> Fields:
    accounts, data = call.accounts, decode_base58(call.data)
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


def _associated(call: _Call) -> Fields:
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
