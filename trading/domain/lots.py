"""First in, first out: what leaves a position comes out of its oldest lot, and its cost with it. All integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trading.domain.pnl import apportioned_cost_lamports


class DisposalKind(StrEnum):
    """How tokens left the books. LOST are no longer ours on the chain, ABANDONED are ours and worth nothing."""

    SOLD = "SOLD"
    LOST = "LOST"
    ABANDONED = "ABANDONED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLot:
    """What one buy brought, and what is left of it."""

    bought_raw: int
    cost_lamports: int
    left_raw: int

    @property
    def left_cost_lamports(self) -> int:
        """Cost of what is left. It depends on what is left alone, never on the way there."""
        return apportioned_cost_lamports(
            cost_lamports=self.cost_lamports, held_raw=self.left_raw, bought_raw=self.bought_raw
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one lot gives to a disposal: tokens, their cost, and their part of the proceeds."""

    lot: int
    token_raw: int
    cost_lamports: int
    proceeds_lamports: int
    left_raw: int


def take(lots: Sequence[OpenLot], *, token_raw: int, proceeds_lamports: int) -> list[Taken]:
    """What each lot gives, oldest first, for tokens that leave; `lot` is its place in `lots`.

    Every lamport of cost and proceeds goes somewhere: cost taken and left add up to the lot's cost, and the
    parts of the proceeds to all of them. More than the lots hold takes what they hold.
    """
    total = min(token_raw, sum(lot.left_raw for lot in lots))
    taken: list[Taken] = []
    gone = paid_out = 0
    for place, lot in enumerate(lots):
        amount = min(lot.left_raw, total - gone)
        if amount == 0:
            continue
        gone += amount
        proceeds = proceeds_lamports * gone // total - paid_out
        paid_out += proceeds
        taken.append(_taken(place, lot, amount, proceeds))
    return taken


def _taken(place: int, lot: OpenLot, amount: int, proceeds: int) -> Taken:
    left = OpenLot(
        bought_raw=lot.bought_raw, cost_lamports=lot.cost_lamports, left_raw=lot.left_raw - amount
    )
    return Taken(
        lot=place,
        token_raw=amount,
        cost_lamports=lot.left_cost_lamports - left.left_cost_lamports,
        proceeds_lamports=proceeds,
        left_raw=left.left_raw,
    )
