"""What waits for its block in slot mode, best payer first; whether it may still run is not known here."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from solders.transaction import VersionedTransaction

from workers.sandbox.messages import fee_offer

BLOCK_UNIT_LIMIT = 60_000_000


@dataclass(order=True, slots=True)
class _Waiting:
    rank: tuple[int, int]
    units: int = field(compare=False)
    signature: str = field(compare=False)
    transaction: VersionedTransaction = field(compare=False)


class Mempool:
    """Ordered by compute-unit price, then by arrival."""

    def __init__(self) -> None:
        self._heap: list[_Waiting] = []
        self._signatures: set[str] = set()
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, transaction: VersionedTransaction) -> None:
        """A transaction that waits already is not added again."""
        signature = str(transaction.signatures[0])
        if signature in self._signatures:
            return
        offer = fee_offer(transaction.message)
        self._arrivals += 1
        rank = (-offer.unit_price, self._arrivals)
        heapq.heappush(self._heap, _Waiting(rank, offer.unit_limit, signature, transaction))
        self._signatures.add(signature)

    def take_block(self) -> Iterator[VersionedTransaction]:
        """Take out what fits into one block; the rest goes on waiting."""
        units = 0
        while self._heap and units + self._heap[0].units <= BLOCK_UNIT_LIMIT:
            waiting = heapq.heappop(self._heap)
            self._signatures.discard(waiting.signature)
            units += waiting.units
            yield waiting.transaction
