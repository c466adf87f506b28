"""What traded in each pool during the last day, in five-minute buckets; it follows the chain only."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from solders.pubkey import Pubkey

from workers.sandbox.records import TransactionRecord
from workers.sandbox.spelling import spell
from workers.sandbox.tokens import WSOL

BUCKET_SECONDS = 300
DAY_SECONDS = 86_400
_WSOL = str(WSOL)


@dataclass(slots=True)
class Bucket:
    """Five minutes of one pool; `price` is the last one, in lamports per raw unit."""

    volume_lamports: int = 0
    buys: int = 0
    sells: int = 0
    price: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One pool over a stretch of time; `change` is a fraction, None when too little is known."""

    volume_lamports: int
    buys: int
    sells: int
    change: float | None


@dataclass(slots=True)
class Tape:
    """Reads every landed swap off the balances of the pools it was told of."""

    _buckets: dict[str, OrderedDict[int, Bucket]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def follow(self, pool: Pubkey) -> None:
        """Begin to record a pool; harmless when repeated."""
        self._buckets.setdefault(str(pool), OrderedDict())

    def note(self, record: TransactionRecord) -> None:
        """Record the swaps a landed transaction made in followed pools."""
        if record.err is not None:
            return
        before = {each.account_index: each.amount for each in record.pre_token_balances}
        reserves: dict[str, int] = {}
        for each in record.post_token_balances:
            if each.owner in self._buckets and each.mint != _WSOL:
                reserves[each.owner] = each.amount
        for each in record.post_token_balances:
            if each.mint == _WSOL and each.owner in reserves:
                change = each.amount - before.get(each.account_index, 0)
                self._add(
                    each.owner,
                    at=record.block_time,
                    change=change,
                    price=each.amount / max(1, reserves[each.owner]),
                )

    def window(self, pool: Pubkey, *, now: float, seconds: int, price: float) -> Window:
        """Totals of the last `seconds` and the price change until `price` (same unit as noted)."""
        buckets = self._buckets.get(spell(pool), OrderedDict())
        first = int(now - seconds) // BUCKET_SECONDS
        recent = [bucket for start, bucket in buckets.items() if start > first]
        earlier = [bucket.price for start, bucket in buckets.items() if start <= first]
        reference = earlier[-1] if earlier else (recent[0].price if recent else 0.0)
        return Window(
            volume_lamports=sum(bucket.volume_lamports for bucket in recent),
            buys=sum(bucket.buys for bucket in recent),
            sells=sum(bucket.sells for bucket in recent),
            change=price / reference - 1 if reference else None,
        )

    def take_changes(self) -> dict[str, Any]:
        """Plain JSON values for `restore`, of the pools that traded since the last call."""
        changed, self._changed = sorted(self._changed), set()
        return {
            pool: [
                [start, b.volume_lamports, b.buys, b.sells, b.price]
                for start, b in self._buckets[pool].items()
            ]
            for pool in changed
        }

    def restore(self, pool: str, rows: list[Any]) -> None:
        """Continue from what `take_changes` returned for a pool."""
        self._buckets[pool] = OrderedDict((row[0], Bucket(*row[1:])) for row in rows)

    def _add(self, pool: str, *, at: int, change: int, price: float) -> None:
        buckets = self._buckets[pool]
        self._changed.add(pool)
        start = at // BUCKET_SECONDS
        bucket = buckets.get(start)
        if bucket is None:
            bucket = buckets[start] = Bucket()
            # One bucket older than a day stays: it holds the price a day ago.
            oldest = start - DAY_SECONDS // BUCKET_SECONDS
            while len(buckets) > 2 and next(islice(buckets, 1, None)) <= oldest:
                buckets.popitem(last=False)
        bucket.volume_lamports += abs(change)
        bucket.buys += change > 0
        bucket.sells += change < 0
        bucket.price = price
