"""Reads the ledger of our wallets over the RPC, page by page, as of one moment; judges nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from trading.gateways.base import GatewayError
from trading.gateways.rpc import Rpc
from trading.reconciliation.ledger import Ledger, LedgerEntry, Unreadable, read_entry

T = TypeVar("T")
PAGE_ROWS = 1_000
CALLS_AT_ONCE = 8
CUT_ATTEMPTS = 8
CALL_ATTEMPTS = 6
PAUSE_SECONDS = 0.25


class UnableToRead(Exception):
    """The chain did not answer, or would not hold still for one look at it."""


class LedgerReader:
    """Reads again only what is new: a confirmed transaction does not change any more."""

    def __init__(self, rpc: Rpc, *, wallets: Iterable[str], page_rows: int = PAGE_ROWS) -> None:
        self._rpc = rpc
        self._wallets = frozenset(wallets)
        self._page_rows = page_rows
        self._entries: dict[str, LedgerEntry] = {}
        self._newest: dict[str, str] = {}
        self._seats = asyncio.Semaphore(CALLS_AT_ONCE)

    async def read(self, *, token_accounts: Iterable[str] = ()) -> Ledger:
        """The whole ledger of one moment; UnableToRead otherwise.

        `token_accounts` names accounts that may have been closed since; those that exist or that a
        transaction mentions are found here. Balances are read before and after: equal means that nothing
        came in between.
        """
        addresses = {*self._wallets, *token_accounts}
        for _ in range(CUT_ATTEMPTS):
            before = await self._state()
            await self._collect(addresses | before[2])
            if await self._state() == before:
                return Ledger(
                    entries=dict(self._entries), balance_lamports=before[0], holdings_raw=before[1]
                )
        raise UnableToRead("the wallet changed during every look at it")

    async def _state(self) -> tuple[int, dict[str, int], frozenset[str]]:
        """Balance, raw amount of each mint held, and the accounts that hold them."""
        balance, holdings, accounts = 0, dict[str, int](), set[str]()
        for wallet in sorted(self._wallets):
            balance += await self._ask(partial(self._rpc.balance, wallet))
            for holding in await self._ask(partial(self._rpc.token_holdings, wallet)):
                accounts.add(holding.account)
                amount = holdings.get(holding.mint, 0) + holding.amount_raw
                holdings |= {holding.mint: amount} if amount else {}
        return balance, holdings, frozenset(accounts)

    async def _collect(self, addresses: set[str] | frozenset[str]) -> None:
        """Every transaction of these addresses and of the token accounts that turn up on the way."""
        done: set[str] = set()
        waiting = set(addresses)
        while waiting:
            pages = await asyncio.gather(*map(self._new_signatures, sorted(waiting)))
            fresh = {signature for page in pages for signature in page} - self._entries.keys()
            for entry in await asyncio.gather(*map(self._entry, sorted(fresh))):
                self._entries[entry.signature] = entry
            done |= waiting
            mentioned = (entry.token_accounts for entry in self._entries.values())
            waiting = set().union(*mentioned) - done

    async def _new_signatures(self, address: str) -> list[str]:
        """Signatures since the last time, newest first, over all pages."""
        found: list[str] = []
        until, before = self._newest.get(address), None
        while True:
            rows = await self._ask(
                partial(
                    self._rpc.signatures_for_address,
                    address,
                    limit=self._page_rows,
                    before=before,
                    until=until,
                )
            )
            found += [str(row["signature"]) for row in rows]
            if len(rows) < self._page_rows:
                break
            before = found[-1]
        if found:
            self._newest[address] = found[0]
        return found

    async def _entry(self, signature: str) -> LedgerEntry:
        record = await self._ask(partial(self._record, signature))
        try:
            return read_entry(record, signature=signature, wallets=self._wallets)
        except Unreadable as error:
            raise UnableToRead(str(error)) from error

    async def _record(self, signature: str) -> dict[str, Any]:
        record = await self._rpc.transaction(signature)
        if record is None:
            raise UnableToRead(f"the node lists {signature} but does not give it")
        return record

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """The answer; a node that is short of breath is asked again a few times."""
        for attempt in range(1, CALL_ATTEMPTS + 1):
            try:
                async with self._seats:
                    return await call()
            except (GatewayError, UnableToRead) as error:
                if attempt == CALL_ATTEMPTS:
                    raise UnableToRead(str(error)) from error
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError("unreachable")
