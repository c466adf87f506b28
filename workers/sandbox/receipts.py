"""From a run in the VM to the record of it: balances, addresses, and the bytes it is stored as."""

import base64
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox.holdings import amount_of, is_token_account
from workers.sandbox.messages import version_of
from workers.sandbox.records import InnerCall, InnerCalls, TokenBalance, TransactionRecord
from workers.sandbox.spelling import spell
from workers.sandbox.vm import Execution

_MINT_DECIMALS_AT = 44
_FASTEST = 1


class Receipts:
    """Writes records. It remembers the decimals of mints."""

    def __init__(self, read_account: Callable[[Pubkey], Account | None]) -> None:
        self._read_account = read_account
        self._decimals: dict[bytes, int] = {}

    def record(
        self,
        transaction: VersionedTransaction,
        run: Execution,
        *,
        wire: bytes,
        slot: int,
        index: int,
        block_time: int,
        unit_price: int,
    ) -> TransactionRecord:
        """The record of an included transaction at its place in the chain."""
        outcome, accounts = run.outcome, run.accounts
        keys = [spell(key) for key in accounts.keys]
        loaded = accounts.static_count
        loaded_readonly = loaded + accounts.loaded_writable_count
        pre_balances = [0 if each is None else each.lamports for each in run.before]
        held = [self._held(index, account) for index, account in enumerate(run.before)]
        return TransactionRecord(
            signature=str(transaction.signatures[0]),
            slot=slot,
            index=index,
            block_time=block_time,
            wire=wire,
            version=version_of(transaction.message),
            account_keys=keys,
            loaded_writable=keys[loaded:loaded_readonly],
            loaded_readonly=keys[loaded_readonly:],
            fee=outcome.fee,
            err=outcome.err,
            logs=outcome.logs,
            compute_units=outcome.compute_units,
            pre_balances=pre_balances,
            post_balances=_lamports(run, pre_balances),
            pre_token_balances=[each for each in held if each is not None],
            post_token_balances=self._held_after(run, held),
            inner_calls=outcome.inner_calls,
            return_data=outcome.return_data,
            compute_unit_price=unit_price,
        )

    def forget_mints(self) -> None:
        """Mints may have been undone, and may come back with other decimals."""
        self._decimals.clear()

    def _held_after(
        self, run: Execution, held: Sequence[TokenBalance | None]
    ) -> list[TokenBalance]:
        """The balances after the run; what it could not change is as `held` before."""
        after = list(held)
        for index in run.accounts.writable:
            after[index] = self._held(index, run.after[index])
        return [each for each in after if each is not None]

    def _held(self, index: int, account: Account | None) -> TokenBalance | None:
        """What a token account holds, None for anything else."""
        if account is None or account.executable or not is_token_account(account):
            return None
        data = account.data
        mint = data[:32]
        return TokenBalance(
            account_index=index,
            mint=spell(Pubkey(mint)),
            owner=spell(Pubkey(data[32:64])),
            program_id=spell(account.owner),
            amount=amount_of(data),
            decimals=self._decimals_of(mint),
        )

    def _decimals_of(self, mint: bytes) -> int:
        decimals = self._decimals.get(mint)
        if decimals is None:
            account = self._read_account(Pubkey(mint))
            decimals = 0 if account is None else account.data[_MINT_DECIMALS_AT]
            self._decimals[mint] = decimals
        return decimals


def _lamports(run: Execution, before: Sequence[int]) -> list[int]:
    """After the run; what it could not change is as `before`."""
    after = list(before)
    for index in run.accounts.writable:
        account = run.after[index]
        after[index] = 0 if account is None else account.lamports
    return after


def pack(record: TransactionRecord) -> bytes:
    """The bytes a record is stored as: compressed JSON of its fields in order."""
    fields: list[Any] = [
        record.signature, record.slot, record.index, record.block_time, _text(record.wire),
        record.version, record.account_keys, record.loaded_writable, record.loaded_readonly,
        record.fee, record.err, record.logs, record.compute_units, record.pre_balances,
        record.post_balances, _pack_balances(record.pre_token_balances),
        _pack_balances(record.post_token_balances), _pack_calls(record.inner_calls),
        _pack_return(record.return_data), record.compute_unit_price,
    ]  # fmt: skip
    return zlib.compress(orjson.dumps(fields), _FASTEST)


def unpack(stored: bytes) -> TransactionRecord:
    """The inverse of `pack`."""
    (
        signature, slot, index, block_time, wire, version, keys, writable, readonly, fee, err, logs,
        units, pre, post, pre_tokens, post_tokens, calls, returned, unit_price,
    ) = orjson.loads(zlib.decompress(stored))  # fmt: skip
    return TransactionRecord(
        signature=signature, slot=slot, index=index, block_time=block_time, wire=_bytes(wire),
        version=version, account_keys=keys, loaded_writable=writable, loaded_readonly=readonly,
        fee=fee, err=err, logs=logs, compute_units=units, pre_balances=pre, post_balances=post,
        pre_token_balances=_unpack_balances(pre_tokens),
        post_token_balances=_unpack_balances(post_tokens), inner_calls=_unpack_calls(calls),
        return_data=(returned[0], _bytes(returned[1])) if returned else None,
        compute_unit_price=unit_price,
    )  # fmt: skip


def _pack_balances(balances: Sequence[TokenBalance]) -> list[tuple[Any, ...]]:
    return [
        (b.account_index, b.mint, b.owner, b.program_id, b.amount, b.decimals) for b in balances
    ]


def _unpack_balances(rows: Sequence[Sequence[Any]]) -> list[TokenBalance]:
    names = ("account_index", "mint", "owner", "program_id", "amount", "decimals")
    return [TokenBalance(**dict(zip(names, row, strict=True))) for row in rows]


def _pack_calls(calls: InnerCalls) -> list[Any]:
    return [
        (
            index,
            [(c.program_id_index, _text(c.accounts), _text(c.data), c.stack_height) for c in group],
        )
        for index, group in calls
    ]


def _unpack_calls(rows: Sequence[Any]) -> InnerCalls:
    return tuple((index, tuple(_unpack_call(*call) for call in group)) for index, group in rows)


def _unpack_call(program: int, accounts: str, data: str, height: int | None) -> InnerCall:
    return InnerCall(
        program_id_index=program, accounts=_bytes(accounts), data=_bytes(data), stack_height=height
    )


def _pack_return(returned: tuple[str, bytes] | None) -> tuple[str, str] | None:
    return None if returned is None else (returned[0], _text(returned[1]))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
