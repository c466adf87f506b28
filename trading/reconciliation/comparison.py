"""Compares books with a ledger: pure, exact, every difference listed. Its arithmetic is its own."""

from collections.abc import Callable, Collection, Iterator

from trading.reconciliation.books import BookedFill, BookedLot, BookedSubmission, Books
from trading.reconciliation.findings import (
    Finding,
    FindingKind,
    Report,
    Totals,
    amounts,
    differs,
)
from trading.reconciliation.ledger import Ledger, LedgerEntry
from trading.reconciliation.results import ON_CHAIN, compare_positions


def compare(books: Books, ledger: Ledger, *, known: Collection[str]) -> Report:
    """All differences between books read *before* the ledger and the ledger.

    `known` are our signatures read *after* it. In this order nothing that happens meanwhile can look like
    a difference: what the books claim is on the chain already, what the chain shows is in `known`, and
    the tokens of transactions that the books had not booked yet are left out of the comparison.
    """
    pending = _pending(books, ledger, known)
    findings = [
        *_submissions(books, ledger),
        *compare_positions(books, ledger),
        *_strangers(books, ledger, known),
        *_holdings(books, ledger, pending),
        *_wallet(ledger),
    ]
    in_flight = [row.signature for row in books.submissions if row.status == "IN_FLIGHT"]
    return Report(
        findings=tuple(findings),
        totals=_totals(ledger, known),
        in_flight=tuple(in_flight),
        positions=len(books.positions),
    )


def _pending(books: Books, ledger: Ledger, known: Collection[str]) -> list[LedgerEntry]:
    """Transactions of ours that were on the chain before the books had booked them."""
    booked = {row.signature for row in books.submissions if row.status != "IN_FLIGHT"}
    return [ledger.entries[name] for name in ledger.entries.keys() & set(known) - booked]


def _submissions(books: Books, ledger: Ledger) -> Iterator[Finding]:
    for row in books.submissions:
        entry = ledger.entries.get(row.signature)
        name = f"{row.action} {row.signature}"
        if row.status not in ON_CHAIN:
            if entry is not None:
                yield differs(FindingKind.STATE_MISMATCH, name, row.status, _outcome(entry))
        elif entry is None:
            yield differs(FindingKind.MISSING_TX, name, row.status, "no such transaction")
        elif entry.is_failed is not ON_CHAIN[row.status]:
            yield differs(FindingKind.STATE_MISMATCH, name, row.status, _outcome(entry))
        else:
            yield from _submission(name, row, entry)


def _submission(name: str, row: BookedSubmission, entry: LedgerEntry) -> Iterator[Finding]:
    yield from amounts(
        name,
        ("slot", row.slot or 0, entry.slot),
        ("network fee", row.network_fee_lamports, entry.fee_lamports),
        ("balance change", row.balance_change_lamports, entry.change_lamports),
    )
    if row.status == "LANDED" and row.fill is None:
        yield differs(FindingKind.STATE_MISMATCH, name, "no fill", _outcome(entry))
    if row.fill is not None:
        yield from _fill(name, row, row.fill, entry)


def _fill(
    name: str, row: BookedSubmission, fill: BookedFill, entry: LedgerEntry
) -> Iterator[Finding]:
    direction = 1 if row.action == "BUY" else -1
    yield from amounts(
        name,
        ("tip", fill.tip_lamports, entry.sent_lamports),
        ("recorded tip", row.tip_lamports, entry.sent_lamports),
        ("fee of the fill", fill.network_fee_lamports, entry.fee_lamports),
        ("rent", fill.rent_lamports, entry.rent_lamports),
        ("SOL", fill.sol_lamports, -direction * entry.sol_lamports),
        ("tokens", fill.token_raw, direction * entry.token_changes.get(row.mint, 0)),
    )


def _strangers(books: Books, ledger: Ledger, known: Collection[str]) -> Iterator[Finding]:
    """Transactions that are neither ours, nor a transfer in, nor a taking that the books call a loss."""
    explained = _booked_takings(books, ledger, known)
    for signature, entry in ledger.entries.items():
        if signature not in known and not entry.is_received and signature not in explained:
            moved = f"{entry.change_lamports} lamports"
            tokens = [f"{change} raw {mint}" for mint, change in entry.token_changes.items()]
            yield differs(
                FindingKind.UNKNOWN_TX, signature, "not in the books", ", ".join([moved, *tokens])
            )


def _booked_takings(books: Books, ledger: Ledger, known: Collection[str]) -> set[str]:
    """What others took of our tokens without our signature, where the books' losses of that mint equal it."""
    takings: dict[str, dict[str, int]] = {}
    for signature, entry in ledger.entries.items():
        if signature in known or entry.is_signed_by_us or entry.change_lamports < 0:
            continue
        for mint, change in entry.token_changes.items():
            if change < 0:
                takings.setdefault(mint, {})[signature] = -change
    lost = _booked_by_mint(books, lambda lot: lot.lost_raw)
    return {
        signature
        for mint, found in takings.items()
        if sum(found.values()) == lost.get(mint)
        for signature in found
    }


def _holdings(books: Books, ledger: Ledger, pending: list[LedgerEntry]) -> Iterator[Finding]:
    """Tokens that were written off as abandoned may still be there, or go away: they are worth nothing."""
    booked: dict[str, int] = {}
    for position in books.positions:
        if position.held_raw:
            booked[position.mint] = booked.get(position.mint, 0) + position.held_raw
    abandoned = _booked_by_mint(books, lambda lot: lot.abandoned_raw)
    for mint in sorted(booked.keys() | ledger.holdings_raw.keys()):
        unbooked = sum(entry.token_changes.get(mint, 0) for entry in pending)
        held = ledger.holdings_raw.get(mint, 0) - unbooked
        least = booked.get(mint, 0)
        if least <= held <= least + abandoned.get(mint, 0):
            continue
        if mint in booked:
            yield from amounts(f"holding {mint}", ("raw tokens", least, held))
        elif held:
            name = f"holding {mint}"
            yield differs(FindingKind.UNKNOWN_HOLDING, name, "no open position", f"{held} raw")


def _booked_by_mint(books: Books, amount: Callable[[BookedLot], int]) -> dict[str, int]:
    mints = {position.uuid: position.mint for position in books.positions}
    raw: dict[str, int] = {}
    for lot in books.lots:
        mint = mints[lot.position]
        raw[mint] = raw.get(mint, 0) + amount(lot)
    return raw


def _wallet(ledger: Ledger) -> Iterator[Finding]:
    yield from amounts(
        "wallet", ("sum of all changes", ledger.changes_lamports, ledger.balance_lamports)
    )


def _totals(ledger: Ledger, known: Collection[str]) -> Totals:
    entries = ledger.entries.values()
    ours = [entry for entry in entries if entry.signature in known]
    deposits = [entry for entry in entries if entry.signature not in known and entry.is_received]
    strange = sum(entry.change_lamports for entry in entries) - sum(
        entry.change_lamports for entry in (*ours, *deposits)
    )
    return Totals(
        transactions=len(ledger.entries),
        deposits_lamports=sum(entry.change_lamports for entry in deposits),
        bought_lamports=-sum(entry.sol_lamports for entry in ours if entry.sol_lamports < 0),
        sold_lamports=sum(entry.sol_lamports for entry in ours if entry.sol_lamports > 0),
        fees_lamports=sum(entry.fee_lamports for entry in ours),
        tips_lamports=sum(entry.sent_lamports for entry in ours),
        rent_lamports=sum(entry.rent_lamports for entry in ours),
        other_lamports=strange,
        balance_lamports=ledger.balance_lamports,
    )


def _outcome(entry: LedgerEntry) -> str:
    return f"{'failed' if entry.is_failed else 'landed'} in slot {entry.slot}"
