"""Instructions as jsonParsed shows them; an unknown program's stay partially decoded.

Types and fields: transaction-status/parse_system.rs and parse_associated_token.rs.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workers.sandbox.base58 import encode
from workers.sandbox.token_instructions import NotParsable, parse_token, typed
from workers.sandbox.token_layouts import TOKEN, TOKEN_2022, address

Json = dict[str, Any]
SYSTEM = "11111111111111111111111111111111"
ASSOCIATED = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
MEMOS = {
    "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr": "spl-memo",
    "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo": "spl-memo",
}
_TOKEN_NAMES = {str(TOKEN): "spl-token", str(TOKEN_2022): "spl-token-2022"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One instruction with its addresses resolved; `stack_height` 1 is the outermost."""

    program: str
    accounts: Sequence[str]
    data: bytes
    stack_height: int | None


def parsed_instruction(instruction: Compiled) -> Json:
    """`{program, programId, parsed, stackHeight}` or the partially decoded form."""
    try:
        program, parsed = _parse(instruction)
    except (NotParsable, struct.error, IndexError, ValueError):
        return {
            "accounts": list(instruction.accounts),
            "data": encode(instruction.data),
            "programId": instruction.program,
            "stackHeight": instruction.stack_height,
        }
    return {
        "parsed": parsed,
        "program": program,
        "programId": instruction.program,
        "stackHeight": instruction.stack_height,
    }


def _parse(instruction: Compiled) -> tuple[str, Any]:
    program, accounts, data = instruction.program, instruction.accounts, instruction.data
    if program == SYSTEM:
        return "system", _system(accounts, data)
    if program in _TOKEN_NAMES:
        return _TOKEN_NAMES[program], parse_token(accounts, data)
    if program == ASSOCIATED:
        return "spl-associated-token-account", _associated(accounts, data)
    if program in MEMOS:
        return MEMOS[program], data.decode()
    raise NotParsable


def _system(accounts: Sequence[str], data: bytes) -> Json:
    (tag,) = struct.unpack_from("<I", data)
    match tag:
        case 0:
            lamports, space = struct.unpack_from("<QQ", data, 4)
            return typed(
                "createAccount",
                source=accounts[0],
                newAccount=accounts[1],
                lamports=lamports,
                space=space,
                owner=address(data[20:52]),
            )
        case 1:
            return typed("assign", account=accounts[0], owner=address(data[4:36]))
        case 2:
            (lamports,) = struct.unpack_from("<Q", data, 4)
            return typed("transfer", source=accounts[0], destination=accounts[1], lamports=lamports)
        case 3:
            return _create_with_seed(accounts, data)
        case 4:
            return typed(
                "advanceNonce",
                nonceAccount=accounts[0],
                recentBlockhashesSysvar=accounts[1],
                nonceAuthority=accounts[2],
            )
        case 8:
            (space,) = struct.unpack_from("<Q", data, 4)
            return typed("allocate", account=accounts[0], space=space)
    raise NotParsable


def _create_with_seed(accounts: Sequence[str], data: bytes) -> Json:
    (seed_length,) = struct.unpack_from("<Q", data, 36)
    end = 44 + seed_length
    lamports, space = struct.unpack_from("<QQ", data, end)
    return typed(
        "createAccountWithSeed",
        source=accounts[0],
        newAccount=accounts[1],
        base=address(data[4:36]),
        seed=data[44:end].decode(),
        lamports=lamports,
        space=space,
        owner=address(data[end + 16 : end + 48]),
    )


def _associated(accounts: Sequence[str], data: bytes) -> Json:
    kinds = {b"": "create", b"\0": "create", b"\1": "createIdempotent"}
    if data not in kinds:
        raise NotParsable
    return typed(
        kinds[data],
        source=accounts[0],
        account=accounts[1],
        wallet=accounts[2],
        mint=accounts[3],
        systemProgram=accounts[4],
        tokenProgram=accounts[5],
    )
