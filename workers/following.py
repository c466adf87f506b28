"""One followed leader: its transactions, told by the socket or read from its list, committed in order, and the
cursor behind them. Whose turn it is and what becomes of a swap are decided elsewhere.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from audit import services as audit
from trading.domain.hearing import WATCHER
from trading.domain.tiers import Watched
from trading.gateways.feeds import Mention
from trading.gateways.rpc import Rpc
from trading.services import cursors
from trading.services.cursors import CursorMoved, Place
from trading.services.leader_trades import Heard
from trading.writer import GroupWriter

log = logging.getLogger("wallet_watcher")

PAGE = 1_000
"""What the RPC tells of a list at once."""
CHUNK = 20
"""Transactions asked for and committed together."""
REMEMBERED = 4_000
SETTLING = timedelta(seconds=10)
"""A node may list a block's transactions before it has listed all of them, so no cursor goes into it sooner."""
GIVEN_UP_AFTER = timedelta(minutes=10)
FETCHES, FETCH_PAUSE_SECONDS = 6, 0.2


Hear = Callable[[Heard], object]
"""Takes one transaction in, within the writer's transaction; harmless the second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of a leader's list."""

    signature: str
    slot: int
    has_failed: bool
    at: datetime | None


class Follower:
    """Not more than one piece of work at a time goes on for a leader, in the order in which it came."""

    def __init__(
        self,
        watched: Watched,
        place: Place | None,
        *,
        rpc: Rpc,
        writer: GroupWriter,
        hear: Hear,
        clock: Callable[[], datetime],
    ) -> None:
        self.watched = watched
        self.due_at = 0.0
        self.complete_at: datetime | None = None
        self._place = place
        self._rpc, self._writer, self._hear, self._clock = rpc, writer, hear, clock
        self._turn = asyncio.Lock()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._told: OrderedDict[str, datetime] = OrderedDict()

    @property
    def address(self) -> str:
        return self.watched.address

    def note(self, mention: Mention) -> None:
        """The socket has told of a transaction at this moment."""
        self._told.setdefault(mention.signature, self._clock())
        _shorten(self._told)

    async def take(self, mention: Mention) -> bool:
        """Fetch and commit what the socket told of; False when the node does not show it yet."""
        async with self._turn:
            if mention.has_failed or mention.signature in self._done:
                return True
            found = await self._fetch_soon(mention.signature)
            if found is None:
                return False
            await self._commit([self._heard(mention.signature, found, is_gap=False)], None)
            return True

    async def catch_up(self, *, is_gap: bool) -> bool:
        """Commit everything on the list from the cursor on, oldest first; False when not all of it is there.

        `is_gap`: what is found now, somebody should have told before.
        """
        async with self._turn:
            begun_at = self._clock()
            place = self._place or await self._begin()
            rows = await self._unseen(place)
            for start in range(0, len(rows), CHUNK):
                if not await self._take_rows(rows[start : start + CHUNK], is_gap=is_gap):
                    return False
            self.complete_at = begun_at
            return True

    async def _begin(self) -> Place:
        """A new leader is known from now on: its past is not ours to trade."""
        newest = await self._rpc.signatures_for_address(self.address, limit=1)
        place = (
            Place(signature=newest[0]["signature"], slot=newest[0]["slot"])
            if newest
            else Place(signature="", slot=await self._rpc.slot())
        )
        now = self._clock()
        self._place = await self._writer.run(
            lambda: cursors.begin(self.address, place, tier=self.watched.tier, now=now)
        )
        return self._place

    async def _unseen(self, place: Place) -> list[_Row]:
        """Oldest first. The slot bounds it too: not every node knows every cursor's transaction."""
        found: list[_Row] = []
        before: str | None = None
        while True:
            page = await self._rpc.signatures_for_address(
                self.address, limit=PAGE, before=before, until=place.signature or None
            )
            rows = [_row(each) for each in page]
            fresh = [
                row for row in rows if row.slot >= place.slot and row.signature != place.signature
            ]
            found += fresh
            if len(page) < PAGE or len(fresh) < len(rows):
                return found[::-1]
            before = rows[-1].signature

    async def _take_rows(self, rows: Sequence[_Row], *, is_gap: bool) -> bool:
        """Fetch and commit one chunk and move the cursor behind it; False when one is not to be had yet."""
        wanted = [row for row in rows if not row.has_failed and row.signature not in self._done]
        fetched = await asyncio.gather(*(self._rpc.transaction(row.signature) for row in wanted))
        missing = [row for row, found in zip(wanted, fetched, strict=True) if found is None]
        waits = next((row for row in missing if not self._is_given_up(row)), None)
        through = rows if waits is None else rows[: rows.index(waits)]
        ready = {row.signature for row in through}
        heard = [
            self._heard(row.signature, found, is_gap=is_gap)
            for row, found in zip(wanted, fetched, strict=True)
            if found is not None and row.signature in ready
        ]
        await self._commit(heard, self._settled(through))
        return waits is None

    def _is_given_up(self, row: _Row) -> bool:
        """Listed long ago and still not to be had: no node keeps it any more."""
        is_old = row.at is not None and self._clock() - row.at > GIVEN_UP_AFTER
        if is_old:
            log.error(
                "%s: transaction %s is listed, but nobody has it", self.address, row.signature
            )
        return is_old

    def _settled(self, rows: Sequence[_Row]) -> Place | None:
        """How far the cursor may move after these."""
        until = self._clock() - SETTLING
        settled = [row for row in rows if row.at is not None and row.at <= until]
        return Place(signature=settled[-1].signature, slot=settled[-1].slot) if settled else None

    def _heard(self, signature: str, found: dict[str, Any], *, is_gap: bool) -> Heard:
        told_at = self._told.get(signature)
        return Heard(
            leader_address=self.address,
            signature=signature,
            transaction=found,
            heard_at=told_at or self._clock(),
            source=WATCHER,
            is_recovered=is_gap and told_at is None,
        )

    async def _fetch_soon(self, signature: str) -> dict[str, Any] | None:
        """What was told a moment ago may not be at every node yet."""
        for number in range(FETCHES):
            if number:
                await asyncio.sleep(FETCH_PAUSE_SECONDS)
            found = await self._rpc.transaction(signature)
            if found is not None:
                return found
        return None

    async def _commit(self, heard: Sequence[Heard], after: Place | None) -> None:
        """Everything or nothing; the cursor never passes what is not committed."""
        before = self._place
        if not heard and (after is None or after == before):
            return
        try:
            await self._writer.run(lambda: self._store(heard, before, after))
        except CursorMoved:
            self._place = None
            raise
        self._place = after or before
        for each in heard:
            self._done[each.signature] = None
        _shorten(self._done)

    def _store(self, heard: Sequence[Heard], before: Place | None, after: Place | None) -> None:
        for each in heard:
            _take_in(each, self._hear, now=self._clock())
        if before is not None and after is not None and after != before:
            cursors.move(self.address, before=before, after=after, now=self._clock())


def _take_in(heard: Heard, hear: Hear, *, now: datetime) -> None:
    """A transaction that breaks our code is set aside and must not hold up those behind it."""
    try:
        with transaction.atomic():
            hear(heard)
    except DatabaseError:
        raise
    except Exception as error:
        log.exception("%s: %s cannot be taken in", heard.leader_address, heard.signature)
        audit.set_aside(
            source="wallet_watcher",
            code="TRANSACTION_UNREADABLE",
            text=repr(error),
            payload={"leader": heard.leader_address, "signature": heard.signature},
            is_retryable=False,
            now=now,
        )


def _row(raw: dict[str, Any]) -> _Row:
    at = raw.get("blockTime")
    return _Row(
        signature=raw["signature"],
        slot=raw["slot"],
        has_failed=raw.get("err") is not None,
        at=datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None,
    )


def _shorten(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
