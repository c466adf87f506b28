"""Compares books with a ledger: pure, exact, every difference listed. Its arithmetic is its own."""

from collections.abc import Collection, Iterator
from uuid import UUID

from trading.reconciliation.books import BookedFill, BookedPosition, BookedSubmission, Books
from trading.reconciliation.findings import Finding, FindingKind, Report, Totals
from trading.reconciliation.ledger import Ledger, LedgerEntry

ON_CHAIN = {"LANDED": False, "FAILED": True}
"""Statuses that claim a place on the chain, and whether the transaction failed there."""


def compare(books: Books, ledger: Ledger, *, known: Collection[str]) -> Report:
    """All differences between books read *before* the ledger and the ledger.

    `known` are our signatures read *after* it. In this order nothing that happens meanwhile can look like
    a difference: what the books claim is on the chain already, what the chain shows is in `known`, and
    the tokens of transactions that the books had not booked yet are left out of the comparison.
    """
    pending = _pending(books, ledger, known)
    findings = [
        *_submissions(books, ledger),
        *_positions(books, ledger),
        *_strangers(ledger, known),
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
                yield _differs(FindingKind.STATE_MISMATCH, name, row.status, _outcome(entry))
        elif entry is None:
            yield _differs(FindingKind.MISSING_TX, name, row.status, "no such transaction")
        elif entry.is_failed is not ON_CHAIN[row.status]:
            yield _differs(FindingKind.STATE_MISMATCH, name, row.status, _outcome(entry))
        else:
            yield from _submission(name, row, entry)


def _submission(name: str, row: BookedSubmission, entry: LedgerEntry) -> Iterator[Finding]:
    yield from _amounts(
        name,
        ("slot", row.slot or 0, entry.slot),
        ("network fee", row.network_fee_lamports, entry.fee_lamports),
        ("balance change", row.balance_change_lamports, entry.change_lamports),
    )
    if row.status == "LANDED" and row.fill is None:
        yield _differs(FindingKind.STATE_MISMATCH, name, "no fill", _outcome(entry))
    if row.fill is not None:
        yield from _fill(name, row, row.fill, entry)


def _fill(
    name: str, row: BookedSubmission, fill: BookedFill, entry: LedgerEntry
) -> Iterator[Finding]:
    direction = 1 if row.action == "BUY" else -1
    yield from _amounts(
        name,
        ("tip", fill.tip_lamports, entry.sent_lamports),
        ("recorded tip", row.tip_lamports, entry.sent_lamports),
        ("fee of the fill", fill.network_fee_lamports, entry.fee_lamports),
        ("rent", fill.rent_lamports, entry.rent_lamports),
        ("SOL", fill.sol_lamports, -direction * entry.sol_lamports),
        ("tokens", fill.token_raw, direction * entry.token_changes.get(row.mint, 0)),
    )


def _positions(books: Books, ledger: Ledger) -> Iterator[Finding]:
    by_position: dict[UUID, list[BookedSubmission]] = {}
    for row in books.submissions:
        if row.position is not None:
            by_position.setdefault(row.position, []).append(row)
    by_signal: dict[UUID, list[BookedSubmission]] = {}
    for row in books.submissions:
        by_signal.setdefault(row.signal, []).append(row)
    for position in books.positions:
        rows = [*by_position.get(position.uuid, ()), *by_signal.get(position.signal, ())]
        unique = {row.signature: row for row in rows}
        yield from _position(position, list(unique.values()), ledger)


def _position(
    position: BookedPosition, rows: list[BookedSubmission], ledger: Ledger
) -> Iterator[Finding]:
    """Recomputed from the chain's entries of the transactions that the books call landed or failed."""
    entries = [
        (row.action, ledger.entries[row.signature])
        for row in rows
        if row.status in ON_CHAIN and row.signature in ledger.entries
    ]
    landed = [(action, entry) for action, entry in entries if not entry.is_failed]
    buys = [entry for action, entry in landed if action == "BUY"]
    sells = [entry for action, entry in landed if action == "SELL"]
    bought = sum(entry.token_changes.get(position.mint, 0) for entry in buys)
    held = bought + sum(entry.token_changes.get(position.mint, 0) for entry in sells)
    paid = -sum(entry.sol_lamports for entry in buys)
    received = sum(entry.sol_lamports for entry in sells)
    spent = sum(entry.fee_lamports + entry.sent_lamports for _, entry in entries)
    rent = sum(entry.rent_lamports for _, entry in landed) if held == 0 else 0
    unsold = paid * held // bought if bought else 0
    name = f"position {position.symbol} {position.uuid}"
    yield from _amounts(
        name,
        ("bought", position.bought_raw, bought),
        ("held", position.held_raw, held),
        ("cost", position.cost_lamports, paid),
        ("realised PnL", position.realised_pnl_lamports, received - (paid - unsold) - spent - rent),
    )
    if len(buys) != 1:
        yield _differs(FindingKind.STATE_MISMATCH, name, "one buy", f"{len(buys)} landed buys")
    if (position.status == "CLOSED") is not (held == 0):
        yield _differs(FindingKind.STATE_MISMATCH, name, position.status, f"{held} raw held")


def _strangers(ledger: Ledger, known: Collection[str]) -> Iterator[Finding]:
    """Transactions that are neither ours nor a transfer in."""
    for signature, entry in ledger.entries.items():
        if signature not in known and not entry.is_received:
            moved = f"{entry.change_lamports} lamports"
            tokens = [f"{change} raw {mint}" for mint, change in entry.token_changes.items()]
            yield _differs(
                FindingKind.UNKNOWN_TX, signature, "not in the books", ", ".join([moved, *tokens])
            )


def _holdings(books: Books, ledger: Ledger, pending: list[LedgerEntry]) -> Iterator[Finding]:
    booked: dict[str, int] = {}
    for position in books.positions:
        if position.held_raw:
            booked[position.mint] = booked.get(position.mint, 0) + position.held_raw
    for mint in sorted(booked.keys() | ledger.holdings_raw.keys()):
        unbooked = sum(entry.token_changes.get(mint, 0) for entry in pending)
        held = ledger.holdings_raw.get(mint, 0) - unbooked
        if mint in booked:
            yield from _amounts(f"holding {mint}", ("raw tokens", booked[mint], held))
        elif held:
            name = f"holding {mint}"
            yield _differs(FindingKind.UNKNOWN_HOLDING, name, "no open position", f"{held} raw")


def _wallet(ledger: Ledger) -> Iterator[Finding]:
    yield from _amounts(
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


def _amounts(name: str, *rows: tuple[str, int, int]) -> Iterator[Finding]:
    for what, booked, found in rows:
        if booked != found:
            subject = f"{name}: {what}"
            yield _differs(FindingKind.AMOUNT_MISMATCH, subject, str(booked), str(found))


def _differs(kind: FindingKind, subject: str, books: str, chain: str) -> Finding:
    return Finding(kind=kind, subject=subject, books=books, chain=chain)


def _outcome(entry: LedgerEntry) -> str:
    return f"{'failed' if entry.is_failed else 'landed'} in slot {entry.slot}"
