"""The chain's SQLite file: tables and rows. What they mean, and what is still in memory, is the ledger's."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import orjson
from solders.account import Account
from solders.pubkey import Pubkey

from workers.sandbox.records import AddressEntry, Block, JsonError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain_transaction (
    position INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE, block_time INTEGER NOT NULL,
    err TEXT, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS address_transaction (
    address INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (address, position))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
    slot INTEGER PRIMARY KEY, parent_slot INTEGER NOT NULL, block_height INTEGER NOT NULL,
    blockhash TEXT NOT NULL, previous_blockhash TEXT NOT NULL, block_time INTEGER NOT NULL,
    transactions INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS empty_block ON block (slot) WHERE transactions = 0;
CREATE TABLE IF NOT EXISTS account (
    address BLOB PRIMARY KEY, lamports BLOB NOT NULL, owner BLOB NOT NULL, data BLOB NOT NULL,
    rent_epoch BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_SLOT_BITS = 20
_U64 = 8

_Given = ParamSpec("_Given")
TransactionRow = tuple[int, str, int, str | None, bytes]


def position_of(slot: int, index: int) -> int:
    """The order of everything that ever landed."""
    return slot << _SLOT_BITS | index


def slot_of(position: int) -> int:
    return position >> _SLOT_BITS


def _whole_or_ended(
    write: Callable[Concatenate["Store", _Given], None],
) -> Callable[Concatenate["Store", _Given], None]:
    """A write that fails (a full disk) ends the process: SQLite may have undone the whole save, and what
    it held is no longer in memory. Nobody was told of it; the next start goes on from the last save."""

    @wraps(write)
    def guarded(store: "Store", /, *args: _Given.args, **options: _Given.kwargs) -> None:
        try:
            write(store, *args, **options)
        except sqlite3.Error as error:
            store.abandon()
            raise SystemExit(f"the sandbox's chain cannot be stored: {error}") from error

    return guarded


class Store:
    """One connection, one open SQL transaction: `commit` ends it, so that a file never holds half a
    save. Nothing else may write to the file."""

    def __init__(self, path: Path | None) -> None:
        self._sql = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")
        self._sql.executescript(_SCHEMA)
        self._sql.execute("BEGIN")

    @_whole_or_ended
    def commit(self) -> None:
        self._sql.execute("COMMIT")
        self._sql.execute("BEGIN")

    def abandon(self) -> None:
        """Forget what is not committed; every later write fails."""
        self._sql.close()

    def close(self) -> None:
        self._sql.execute("ROLLBACK")
        self._sql.close()

    @_whole_or_ended
    def put_state(self, values: dict[str, bytes]) -> None:
        self._sql.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", values.items())

    def state(self) -> dict[str, bytes]:
        return dict(self._sql.execute("SELECT name, value FROM state"))

    @_whole_or_ended
    def put_transactions(
        self, rows: Iterable[TransactionRow], addresses: Iterable[tuple[int, int]]
    ) -> None:
        """Rows as in the table; `addresses` are (address key, position)."""
        self._sql.executemany("INSERT INTO chain_transaction VALUES (?, ?, ?, ?, ?)", rows)
        self._sql.executemany("INSERT INTO address_transaction VALUES (?, ?)", addresses)

    @_whole_or_ended
    def delete_from_slot(self, slot: int) -> None:
        """Forget the transactions of a slot and of all later ones."""
        first = position_of(slot, 0)
        if self._one("SELECT 1 FROM chain_transaction WHERE position >= ? LIMIT 1", first):
            self._sql.execute("DELETE FROM address_transaction WHERE position >= ?", (first,))
            self._sql.execute("DELETE FROM chain_transaction WHERE position >= ?", (first,))
        self._sql.execute("DELETE FROM block WHERE slot >= ?", (slot,))

    def record(self, signature: str) -> bytes | None:
        row = self._one("SELECT record FROM chain_transaction WHERE signature = ?", signature)
        return row[0] if row else None

    def landed(self, signature: str) -> tuple[int, JsonError | None] | None:
        """(position, error) of a transaction."""
        row = self._one(
            "SELECT position, err FROM chain_transaction WHERE signature = ?", signature
        )
        return (row[0], _error(row[1])) if row else None

    def signatures_from(self, slot: int) -> list[tuple[int, str]]:
        """(slot, signature) in order, from that slot on."""
        rows = self._sql.execute(
            "SELECT position, signature FROM chain_transaction WHERE position >= ?"
            " ORDER BY position",
            (position_of(slot, 0),),
        )
        return [(slot_of(position), signature) for position, signature in rows]

    def entries(self, address: int, *, below: int, above: int, limit: int) -> list[AddressEntry]:
        """Newest first, with above < position < below."""
        rows = self._sql.execute(
            "SELECT t.position, t.signature, t.block_time, t.err FROM address_transaction a"
            " JOIN chain_transaction t ON t.position = a.position"
            " WHERE a.address = ? AND a.position < ? AND a.position > ?"
            " ORDER BY a.position DESC LIMIT ?",
            (address, below, above, limit),
        )
        return [
            AddressEntry(
                signature=signature, slot=slot_of(position), block_time=time, err=_error(err)
            )
            for position, signature, time, err in rows
        ]

    @_whole_or_ended
    def put_blocks(self, blocks: Iterable[Block]) -> None:
        rows = (
            (
                b.slot, b.parent_slot, b.block_height, b.blockhash, b.previous_blockhash,
                b.block_time, len(b.signatures),
            )
            for b in blocks
        )  # fmt: skip
        self._sql.executemany("INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    @_whole_or_ended
    def prune_empty_blocks(self, *, below: int) -> None:
        self._sql.execute("DELETE FROM block WHERE transactions = 0 AND slot < ?", (below,))

    def block(self, slot: int) -> Block | None:
        row = self._one("SELECT * FROM block WHERE slot = ?", slot)
        return self._block(row) if row else None

    def last_blocks(self, count: int) -> list[Block]:
        """Oldest first."""
        rows = self._sql.execute("SELECT * FROM block ORDER BY slot DESC LIMIT ?", (count,))
        return [self._block(row) for row in reversed(rows.fetchall())]

    @_whole_or_ended
    def put_accounts(self, accounts: Iterable[tuple[Pubkey, Account | None]]) -> None:
        """None: the account is gone."""
        gone: list[tuple[bytes]] = []
        rows: list[tuple[bytes, ...]] = []
        for address, account in accounts:
            if account is None:
                gone.append((bytes(address),))
            else:
                rows.append((bytes(address), *_account_columns(account)))
        self._sql.executemany("DELETE FROM account WHERE address = ?", gone)
        self._sql.executemany("INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)", rows)

    def accounts(self) -> Iterator[tuple[Pubkey, Account]]:
        for address, lamports, owner, data, rent in self._sql.execute("SELECT * FROM account"):
            yield Pubkey(address), Account(_int(lamports), data, Pubkey(owner), False, _int(rent))

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._sql.execute(query, values).fetchone()
        return row

    def _block(self, row: tuple[Any, ...]) -> Block:
        slot, parent, height, blockhash, previous, time, count = row
        signatures: list[str] = []
        if count:
            found = self._sql.execute(
                "SELECT signature FROM chain_transaction WHERE position BETWEEN ? AND ?"
                " ORDER BY position",
                (position_of(slot, 0), position_of(slot + 1, 0) - 1),
            )
            signatures = [signature for (signature,) in found]
        return Block(
            slot=slot, parent_slot=parent, block_height=height, blockhash=blockhash,
            previous_blockhash=previous, block_time=time, signatures=tuple(signatures),
        )  # fmt: skip


def _account_columns(account: Account) -> tuple[bytes, bytes, bytes, bytes]:
    """Lamports and rent epoch are unsigned 64-bit numbers, more than SQLite's integers hold."""
    lamports = account.lamports.to_bytes(_U64, "little")
    rent_epoch = account.rent_epoch.to_bytes(_U64, "little")
    return lamports, bytes(account.owner), account.data, rent_epoch


def _int(column: bytes) -> int:
    return int.from_bytes(column, "little")


def _error(column: object) -> JsonError | None:
    error: JsonError | None = orjson.loads(column) if isinstance(column, str) else None
    return error
