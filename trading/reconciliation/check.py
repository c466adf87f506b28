"""One reconciliation from start to end: what to read in which order, and when to look again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async

from trading.gateways.rpc import Rpc
from trading.reconciliation.books import known_signatures, read_books
from trading.reconciliation.comparison import compare
from trading.reconciliation.findings import Report
from trading.reconciliation.reader import LedgerReader, UnableToRead

LOOK_AGAIN_SECONDS = 0.5
ReadRows = Callable[[Callable[[], Any]], Awaitable[Any]]


async def _in_a_thread(read: Callable[[], Any]) -> Any:
    return await sync_to_async(read)()


async def reconcile(
    rpc: Rpc, *, settle_seconds: float, read_rows: ReadRows = _in_a_thread
) -> Report:
    """Books against chain, to the lamport; UnableToRead when the chain cannot be read.

    Trading may go on meanwhile. What is in flight gets `settle_seconds` to be decided and booked, and a
    difference counts only when two looks in a row show it. `read_rows` runs what reads the database.
    """
    deadline = time.monotonic() + settle_seconds
    books = await read_rows(read_books)
    if not books.wallets:
        raise UnableToRead("no trading wallet is known")
    reader = LedgerReader(rpc, wallets=books.wallets)
    report = await _look(reader, read_rows)
    while report.in_flight or report.findings:
        is_last = time.monotonic() >= deadline
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        before = set(report.findings)
        report = await _look(reader, read_rows)
        lasting = tuple(finding for finding in report.findings if finding in before)
        if is_last or (not report.in_flight and len(lasting) == len(report.findings)):
            return replace(report, findings=lasting)
    return report


async def _look(reader: LedgerReader, read_rows: ReadRows) -> Report:
    """One comparison; the order of the three reads is what makes it safe while trading goes on."""
    books = await read_rows(read_books)
    ledger = await reader.read(
        token_accounts={position.token_account for position in books.positions}
    )
    known = await read_rows(known_signatures)
    return compare(books, ledger, known=known)
