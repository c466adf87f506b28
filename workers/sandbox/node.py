"""What every RPC method shares: the chain, its contexts and the priority fees just paid.

No method lives here; accounts are read as of the open slot, whatever the commitment (the context
names the slot of the commitment asked for).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from solders.pubkey import Pubkey

from workers.sandbox.chain import Chain
from workers.sandbox.faults import Faults
from workers.sandbox.params import Config, context_not_reached
from workers.sandbox.records import ChainEvent, SlotClosed, TransactionLanded

Json = Any
API_VERSION = "4.1.2"
FEATURE_SET = 3_604_001_754
SLOTS_PER_EPOCH = 432_000
_FEE_SLOTS = 150


@dataclass(slots=True)
class SlotFees:
    """The lowest compute-unit price (micro-lamports) landed in a slot, per writable account."""

    lowest: int | None = None
    by_account: dict[Pubkey, int] = field(default_factory=dict)

    def add(self, price: int, writable: tuple[Pubkey, ...]) -> None:
        self.lowest = price if self.lowest is None else min(self.lowest, price)
        for key in writable:
            self.by_account[key] = min(price, self.by_account.get(key, price))

    def floor(self, accounts: list[Pubkey]) -> int:
        """What a transaction writing these accounts would have had to offer in that slot."""
        return max([self.lowest or 0, *(self.by_account.get(key, 0) for key in accounts)])


class Node:
    """One RPC node on the chain."""

    def __init__(self, chain: Chain, *, faults: Faults) -> None:
        self.chain = chain
        self.faults = faults
        self.fees: deque[tuple[int, SlotFees]] = deque(maxlen=_FEE_SLOTS)
        self._open_fees = SlotFees()
        self._stop_listening = chain.listen(self._hear)

    def close(self) -> None:
        self._stop_listening()

    def _hear(self, event: ChainEvent) -> None:
        if isinstance(event, TransactionLanded):
            self._open_fees.add(event.record.compute_unit_price, event.writable)
        elif isinstance(event, SlotClosed):
            self.fees.append((event.block.slot, self._open_fees))
            self._open_fees = SlotFees()
        else:
            self._open_fees = SlotFees()
            while self.fees and self.fees[-1][0] >= event.first_lost_slot:
                self.fees.pop()

    def context_slot(self, config: Config, *, name: str = "commitment") -> int:
        """The slot of the commitment asked for; -32016 when `minContextSlot` is beyond it."""
        slot = self.chain.slot_at(config.commitment(name=name))
        wanted = config.whole("minContextSlot")
        if wanted is not None and wanted > slot:
            raise context_not_reached(slot)
        return slot

    def with_context(self, slot: int, value: Json) -> dict[str, Json]:
        return {"context": {"apiVersion": API_VERSION, "slot": slot}, "value": value}


Method = Callable[[Node, list[Json]], Json]


def epoch_of(slot: int) -> int:
    return slot // SLOTS_PER_EPOCH
