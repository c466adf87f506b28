"""Positions and their lots, recomputed from the chain's entries of their own transactions. Pure, own arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from trading.reconciliation.books import BookedLot, BookedPosition, BookedSubmission, Books
from trading.reconciliation.findings import Finding, FindingKind, amounts, differs
from trading.reconciliation.ledger import Ledger, LedgerEntry

ON_CHAIN = {"LANDED": False, "FAILED": True}
"""Statuses that claim a place on the chain, and whether the transaction failed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What the chain says of a position, less the losses in the books: no transaction of ours made those."""

    bought: int
    held: int
    paid: int
    received: int
    spent: int
    rent: int

    @property
    def unsold(self) -> int:
        """Cost of what is still held."""
        return self.paid * self.held // self.bought if self.bought else 0

    @property
    def pnl(self) -> int:
        return self.received - (self.paid - self.unsold) - self.spent - self.rent


def compare_positions(books: Books, ledger: Ledger) -> Iterator[Finding]:
    """Every position and its lots against the transactions that the books call landed or failed."""
    by_position: dict[UUID, list[BookedSubmission]] = {}
    by_signal: dict[UUID, list[BookedSubmission]] = {}
    for row in books.submissions:
        by_signal.setdefault(row.signal, []).append(row)
        if row.position is not None:
            by_position.setdefault(row.position, []).append(row)
    lots: dict[UUID, list[BookedLot]] = {}
    for lot in books.lots:
        lots.setdefault(lot.position, []).append(lot)
    for position in books.positions:
        rows = [*by_position.get(position.uuid, ()), *by_signal.get(position.signal, ())]
        unique = {row.signature: row for row in rows}
        yield from _position(position, list(unique.values()), lots.get(position.uuid, []), ledger)


def _position(
    position: BookedPosition,
    rows: list[BookedSubmission],
    lots: list[BookedLot],
    ledger: Ledger,
) -> Iterator[Finding]:
    entries = [
        (row.action, ledger.entries[row.signature])
        for row in rows
        if row.status in ON_CHAIN and row.signature in ledger.entries
    ]
    buys = [entry for action, entry in entries if action == "BUY" and not entry.is_failed]
    sells = [entry for action, entry in entries if action == "SELL" and not entry.is_failed]
    spent = sum(entry.fee_lamports + entry.sent_lamports for _, entry in entries)
    result = _result(position.mint, buys, sells, spent, lots)
    name = f"position {position.symbol} {position.uuid}"
    yield from amounts(
        name,
        ("bought", position.bought_raw, result.bought),
        ("held", position.held_raw, result.held),
        ("cost", position.cost_lamports, result.paid),
        ("realised PnL", position.realised_pnl_lamports, result.pnl),
    )
    yield from _lots(name, lots, result)
    if len(buys) != 1:
        yield differs(FindingKind.STATE_MISMATCH, name, "one buy", f"{len(buys)} landed buys")
    if (position.status == "CLOSED") is not (result.held == 0):
        yield differs(FindingKind.STATE_MISMATCH, name, position.status, f"{result.held} raw held")


def _result(
    mint: str,
    buys: list[LedgerEntry],
    sells: list[LedgerEntry],
    spent: int,
    lots: list[BookedLot],
) -> _Result:
    bought = sum(entry.token_changes.get(mint, 0) for entry in buys)
    held = bought + sum(entry.token_changes.get(mint, 0) for entry in sells)
    held -= sum(lot.lost_raw + lot.abandoned_raw for lot in lots)
    return _Result(
        bought=bought,
        held=held,
        paid=-sum(entry.sol_lamports for entry in buys),
        received=sum(entry.sol_lamports for entry in sells),
        spent=spent,
        rent=sum(entry.rent_lamports for entry in (*buys, *sells)) if held == 0 else 0,
    )


def _lots(name: str, lots: list[BookedLot], result: _Result) -> Iterator[Finding]:
    """Lots = chain, and nothing lost between a lot and what was taken out of it."""
    disposed_cost = sum(lot.disposed_cost_lamports for lot in lots)
    yield from amounts(
        name,
        ("lots bought", sum(lot.bought_raw for lot in lots), result.bought),
        ("lots left", sum(lot.left_raw for lot in lots), result.held),
        ("lots cost", sum(lot.cost_lamports for lot in lots), result.paid),
        ("lots taken", sum(lot.disposed_raw + lot.left_raw for lot in lots), result.bought),
        ("lots cost taken", disposed_cost, result.paid - result.unsold),
        ("lots proceeds", sum(lot.proceeds_lamports for lot in lots), result.received),
    )
