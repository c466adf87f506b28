"""Everything that ever landed, by signature, by address and by slot; the newest part still in memory."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import orjson

from workers.sandbox import receipts
from workers.sandbox.records import AddressEntry, Block, JsonError, TransactionRecord
from workers.sandbox.store import Store, TransactionRow, position_of, slot_of

_CACHED_RECORDS = 2048
_PENDING_RECORDS = 1000


def address_key(address: bytes) -> int:
    """Eight of an address's bytes name it in the index: keys are random, and the account keys of a
    record settle any doubt."""
    return int.from_bytes(address[:8], "little", signed=True)


class Ledger:
    """Records are written to the store in batches; until then they are found in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[str, TransactionRecord] = {}
        self._pending_addresses: dict[int, list[TransactionRecord]] = {}
        self._pending_blocks: dict[int, Block] = {}
        self._cache: OrderedDict[str, TransactionRecord] = OrderedDict()

    def add(self, record: TransactionRecord, addresses: Iterable[int]) -> None:
        """`addresses`: the keys it is to be found under."""
        self._pending[record.signature] = record
        for address in addresses:
            self._pending_addresses.setdefault(address, []).append(record)

    def seal(self, block: Block) -> None:
        """A block whose records have all been added. Empty ones are stored by `spill`."""
        if block.signatures:
            self._pending_blocks[block.slot] = block
        if len(self._pending) >= _PENDING_RECORDS:
            self.spill()

    def spill(self, newest_blocks: Iterable[Block] = ()) -> None:
        """Write what is in memory into the store's open SQL transaction."""
        self._store.put_transactions(
            [_row(record) for record in self._pending.values()],
            [
                (address, position_of(record.slot, record.index))
                for address, records in sorted(self._pending_addresses.items())
                for record in records
            ],
        )
        self._store.put_blocks([*self._pending_blocks.values(), *newest_blocks])
        self._cache.update(self._pending)
        self._limit_cache()
        self._pending.clear()
        self._pending_addresses.clear()
        self._pending_blocks.clear()

    def drop_from_slot(self, slot: int) -> None:
        """A fork: what landed there never did."""
        self.spill()
        self._store.delete_from_slot(slot)
        self._cache.clear()

    def transaction(self, signature: str) -> TransactionRecord | None:
        record = self._pending.get(signature) or self._cache.get(signature)
        if record is not None:
            return record
        stored = self._store.record(signature)
        if stored is None:
            return None
        record = self._cache[signature] = receipts.unpack(stored)
        self._limit_cache()
        return record

    def landed(self, signature: str) -> tuple[int, JsonError | None] | None:
        """(slot, error) of a transaction."""
        record = self._pending.get(signature) or self._cache.get(signature)
        if record is not None:
            return record.slot, record.err
        found = self._store.landed(signature)
        return (slot_of(found[0]), found[1]) if found else None

    def entries(
        self, address: int, *, limit: int, before: str | None, until: str | None, max_slot: int
    ) -> list[AddressEntry]:
        """Newest first, between `until` and `before`, both exclusive. Nothing is older than an
        unknown `before`."""
        below = position_of(max_slot + 1, 0)
        if before is not None:
            position = self._position(before)
            below = 0 if position is None else min(below, position)
        above = self._position(until) if until is not None else None
        above = -1 if above is None else above
        entries = self._pending_entries(address, below=below, above=above)[:limit]
        left = limit - len(entries)
        return entries + self._store.entries(address, below=below, above=above, limit=left)

    def block(self, slot: int) -> Block | None:
        return self._pending_blocks.get(slot) or self._store.block(slot)

    def _limit_cache(self) -> None:
        while len(self._cache) > _CACHED_RECORDS:
            self._cache.popitem(last=False)

    def _pending_entries(self, address: int, *, below: int, above: int) -> list[AddressEntry]:
        records: Sequence[TransactionRecord] = self._pending_addresses.get(address, ())
        return [
            AddressEntry(signature=r.signature, slot=r.slot, block_time=r.block_time, err=r.err)
            for r in reversed(records)
            if above < position_of(r.slot, r.index) < below
        ]

    def _position(self, signature: str) -> int | None:
        record = self._pending.get(signature)
        if record is not None:
            return position_of(record.slot, record.index)
        found = self._store.landed(signature)
        return found[0] if found else None


def _row(record: TransactionRecord) -> TransactionRow:
    err = None if record.err is None else orjson.dumps(record.err).decode()
    position = position_of(record.slot, record.index)
    return position, record.signature, record.block_time, err, receipts.pack(record)
