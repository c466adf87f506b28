"""One reconciliation from start to end: what to read in which order, and when to look again."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace

from asgiref.sync import sync_to_async

from trading.gateways.rpc import Rpc
from trading.reconciliation.books import Books, known_signatures, read_books
from trading.reconciliation.comparison import compare
from trading.reconciliation.findings import Report
from trading.reconciliation.reader import LedgerReader, UnableToRead

LOOK_AGAIN_SECONDS = 0.5


async def reconcile(rpc: Rpc, *, settle_seconds: float) -> Report:
    """Books against chain, to the lamport; UnableToRead when the chain cannot be read.

    Trading may go on meanwhile. What is in flight gets `settle_seconds` to be decided and booked, and a
    difference counts only when two looks in a row show it.
    """
    deadline = time.monotonic() + settle_seconds
    report, reader = await _look(rpc, None)
    while report.in_flight or report.findings:
        is_last = time.monotonic() >= deadline
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        before = set(report.findings)
        report, reader = await _look(rpc, reader)
        lasting = tuple(finding for finding in report.findings if finding in before)
        if is_last or (not report.in_flight and len(lasting) == len(report.findings)):
            return replace(report, findings=lasting)
    return report


async def _look(rpc: Rpc, reader: LedgerReader | None) -> tuple[Report, LedgerReader]:
    books = await sync_to_async(read_books)()
    if not books.wallets:
        raise UnableToRead("no trading wallet is known")
    if reader is None:
        reader = LedgerReader(rpc, wallets=books.wallets)
    ledger = await reader.read(token_accounts=_token_accounts(books))
    known = await sync_to_async(known_signatures)()
    return compare(books, ledger, known=known), reader


def _token_accounts(books: Books) -> Iterable[str]:
    return {position.token_account for position in books.positions}
