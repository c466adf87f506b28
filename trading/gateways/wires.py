"""Reads back what our own transactions say: the network's fee and whether an account is closed. No I/O."""

from collections.abc import Iterator

from solders.compute_budget import ID as COMPUTE_BUDGET_ID
from solders.errors import BincodeError
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from trading.gateways.panics import panics_as
from trading.gateways.transactions import MalformedTransaction

LAMPORTS_PER_SIGNATURE = 5_000
MICRO = 1_000_000
_LIMIT_TAG, _PRICE_TAG, _CLOSE_TAG = 2, 3, 9
_TOKEN_PROGRAMS = {str(TOKEN_PROGRAM_ID), str(TOKEN_2022_PROGRAM_ID)}

_Step = tuple[str, bytes, list[str]]


def network_fee_lamports(wire: bytes) -> int:
    """Base fee of every signature plus the priority fee: price by the limit of compute units, rounded up.

    Raises MalformedTransaction.
    """
    transaction = _transaction(wire)
    limit = price = 0
    for program, data, _ in _steps(transaction):
        if program == str(COMPUTE_BUDGET_ID) and data[:1] == bytes([_LIMIT_TAG]):
            limit = int.from_bytes(data[1:5], "little")
        elif program == str(COMPUTE_BUDGET_ID) and data[:1] == bytes([_PRICE_TAG]):
            price = int.from_bytes(data[1:9], "little")
    signatures = transaction.message.header.num_required_signatures
    return LAMPORTS_PER_SIGNATURE * signatures + -(-limit * price // MICRO)


def closes(wire: bytes, *, account: str) -> bool:
    """Whether a token program is told to close this account. Raises MalformedTransaction."""
    return any(
        program in _TOKEN_PROGRAMS and data == bytes([_CLOSE_TAG]) and accounts[:1] == [account]
        for program, data, accounts in _steps(_transaction(wire))
    )


@panics_as(MalformedTransaction)
def _transaction(wire: bytes) -> VersionedTransaction:
    try:
        return VersionedTransaction.from_bytes(wire)
    except (BincodeError, ValueError):
        raise MalformedTransaction("the bytes are no signed transaction") from None


def _steps(transaction: VersionedTransaction) -> Iterator[_Step]:
    """(program, data, accounts) of each instruction; an address out of a lookup table is empty text."""
    keys = [str(key) for key in transaction.message.account_keys]

    def name(index: int) -> str:
        return keys[index] if index < len(keys) else ""

    for step in transaction.message.instructions:
        yield name(step.program_id_index), bytes(step.data), [name(i) for i in step.accounts]
