"""Reads what was posted about leaders' transactions and has it taken in. Wake | poll | stop."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from trading.domain.hearing import HELIUS
from trading.domain.leader_trades import shares_sold, sold_mints
from trading.domain.mentions import mentioned
from trading.domain.swaps import ParsedTransaction, TransactionUnreadable, parse_swap
from trading.gateways.base import GatewayError
from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.quota import Urgency, urgent
from trading.gateways.rpc import Rpc
from trading.models import Notice
from trading.services.leader_trades import Heard, followed
from trading.services.notices import AlreadyRead, Unreadable, read_notice, unread_notices
from trading.writer import GroupWriter, StorageUnavailable

log = logging.getLogger("hearing")
POLL_SECONDS = 0.25
NOTICES_AT_ONCE = 20
HOLDINGS_SECONDS = 2.5
"""How long a sale waits to be told what was held before it; then all of ours is sold with it."""
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A notice and what is in it of leaders; everything that had to be asked for was asked."""

    notice: Notice
    heard: list[Heard]
    unreadable: list[Unreadable]


class NoticeReader:
    """One process's reader. All it knows is in the rows: killed at any moment, it goes on with what is unread."""

    def __init__(self, *, rpc: Rpc, writer: GroupWriter, clock: Callable[[], datetime]) -> None:
        self._rpc, self._writer, self._clock = rpc, writer, clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A hint that something was posted."""
        self._woken.set()

    async def consume(self) -> None:
        """Read until cancelled."""
        while True:
            self._woken.clear()
            try:
                is_idle = await self.step() == 0
            except (GatewayError, StorageUnavailable) as error:
                log.warning("reading: %s", error)
                is_idle = True
            except Exception:
                log.exception("reading failed")
                is_idle = True
            if is_idle:
                await self._pause()

    async def step(self) -> int:
        """Read what is unread, oldest first; how many notices that were.

        They are prepared side by side and taken in one after the other: a sale must not pass its purchase.
        """
        notices = await self._writer.read(lambda: unread_notices(at_most=NOTICES_AT_ONCE))
        preparing = [asyncio.create_task(self._prepare(notice)) for notice in notices]
        try:
            for task in preparing:
                await self._take_in(await task)
        finally:
            for task in preparing:
                task.cancel()
            await asyncio.gather(*preparing, return_exceptions=True)
        return len(notices)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _take_in(self, ready: _Prepared) -> None:
        try:
            await self._writer.run(
                lambda: read_notice(
                    ready.notice.pk,
                    heard=ready.heard,
                    unreadable=ready.unreadable,
                    now=self._clock(),
                )
            )
        except AlreadyRead as error:
            log.info("%s", error)

    async def _prepare(self, notice: Notice) -> _Prepared:
        told = orjson.loads(notice.body)
        named, unreadable = _named(told)
        everybody = sorted({address for _, addresses in named for address in addresses})
        ours = await self._writer.read(lambda: followed(everybody))
        heard: list[Heard] = []
        for transaction, addresses in named:
            for leader in sorted(ours & addresses):
                try:
                    heard.append(_heard(transaction, leader, notice))
                except TransactionUnreadable as error:
                    unreadable.append(Unreadable(transaction=transaction, why=str(error)))
        complete = await asyncio.gather(*(self._with_shares(each) for each in heard))
        return _Prepared(notice=notice, heard=list(complete), unreadable=unreadable)

    async def _with_shares(self, heard: Heard) -> Heard:
        """With what share of its holding the leader sold, where the transaction alone does not tell."""
        if not sold_mints(_parsed(heard)) or "meta" in heard.transaction:
            return heard
        try:
            async with asyncio.timeout(HOLDINGS_SECONDS):
                with urgent(Urgency.EXIT):
                    return replace(heard, shares=await self._shares(heard))
        except TimeoutError:
            log.warning("%s: nobody tells what the leader had held", heard.signature)
            return heard

    async def _shares(self, heard: Heard) -> Mapping[str, Decimal]:
        """Asked for until a node knows the transaction: Helius may have been quicker than it."""
        while True:
            try:
                found = await self._rpc.transaction(heard.signature)
                if found is not None:
                    return shares_sold(found, _parsed(replace(heard, transaction=found)))
            except (GatewayError, TransactionUnreadable) as error:
                log.info("%s: %s", heard.signature, error)
            await asyncio.sleep(PAUSE_SECONDS)


def _named(told: list[Any]) -> tuple[list[tuple[Any, set[str]]], list[Unreadable]]:
    """Each transaction with whom it names, and what is none."""
    named, unreadable = [], []
    for transaction in told:
        try:
            named.append((transaction, mentioned(transaction)))
        except TransactionUnreadable as error:
            unreadable.append(Unreadable(transaction=transaction, why=str(error)))
    return named, unreadable


def _heard(transaction: Mapping[str, Any], leader: str, notice: Notice) -> Heard:
    parsed = parse_swap(transaction, wallet=leader, tip_accounts=TIP_ACCOUNTS)
    return Heard(
        leader_address=leader,
        signature=parsed.signature,
        transaction=transaction,
        heard_at=notice.received_at,
        source=HELIUS,
    )


def _parsed(heard: Heard) -> ParsedTransaction:
    return parse_swap(heard.transaction, wallet=heard.leader_address, tip_accounts=TIP_ACCOUNTS)
