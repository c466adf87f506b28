"""Offers the bytes of what is in flight again: which way, and what the block engine says about them meanwhile."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

from trading.domain.values import Action, Route
from trading.gateways.base import GatewayError
from trading.gateways.jito import BUNDLES_PER_CALL, InflightState
from trading.gateways.quota import Urgency, urgent
from trading.models import Submission
from trading.services.orders import go_public, offering_again, tell_fate
from trading.services.portfolio import privacy_in_flight
from workers.desk import Desk
from workers.sending import offer

log = logging.getLogger("offering")
BROADCAST_SECONDS = 2.0
"""How long bytes rest before they are offered again."""
LOST_AFTER_SECONDS = 5.0
"""A bundle that the engine does not call pending by then is lost; its blockhash lives 40 s."""
ENGINE_SECONDS = 1.0
SAYS_NOTHING = "nothing"
ROWS_AT_ONCE = 8


def ways(
    route: Route, fate: str | None, *, age_seconds: float, is_exit: bool, may_go_public: bool
) -> tuple[Route, ...]:
    """By which ways to offer the same bytes again; `fate` None: the engine was not reached.

    They land once whoever has them, and carry their tip in themselves, so nothing is lost but privacy.
    Exits go every way there is. The engine's word only says where to offer next, never what happened.
    """
    if route is Route.STANDARD:
        return (Route.STANDARD,)
    if fate == InflightState.PENDING:
        return (Route.STANDARD,) if is_exit else ()
    if is_exit:
        return (Route.JITO, Route.STANDARD)
    is_old = age_seconds >= LOST_AFTER_SECONDS
    if may_go_public and (is_old or fate == InflightState.FAILED):
        return (Route.STANDARD,)
    return () if fate == InflightState.LANDED and not is_old else (Route.JITO,)


def longest_unasked(
    rows: Sequence[Submission], asked_at: Mapping[int, datetime]
) -> list[Submission]:
    """As many as one question to the engine may name: first who never was in one, then whose turn is longest ago.

    A second question would be allowed a second later, when nobody waits for its answer any more.
    """

    def turn(row: Submission) -> tuple[bool, datetime]:
        return row.pk in asked_at, asked_at.get(row.pk, row.recorded_at)

    return sorted(rows, key=turn)[:BUNDLES_PER_CALL]


class Offers:
    """Remembers when each submission was offered and asked about last, and what of it was told."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._offered_at: dict[int, datetime] = {}
        self._asked_at: dict[int, datetime] = {}
        self._fates: dict[int, str] = {}
        self._room = asyncio.Semaphore(ROWS_AT_ONCE)

    async def again(self, rows: Sequence[Submission]) -> None:
        """Offer what has rested for long enough; nothing that fails here is an outcome."""
        self._forget_all_but({row.pk for row in rows})
        now = self._desk.clock()
        due = [row for row in rows if self._is_due(row, now)]
        if not due:
            return
        privacy = await self._privacy([row.pk for row in due if not row.is_offered_again])
        # The rows in hand may be seconds old: what was booked dead since is signed anew and must not land.
        due = [row for row in due if row.pk in privacy]
        fates = await self._ask_fates([row for row in due if row.route == Route.JITO])
        await asyncio.gather(
            *(self._offer(row, fates, now, is_private=privacy[row.pk]) for row in due)
        )

    async def _privacy(self, first_time: Sequence[int]) -> dict[int, bool]:
        """What may be offered and who may see it; what was noted before needs no database that can be written."""
        if not first_time:
            return await self._desk.writer.read(privacy_in_flight)
        return await self._desk.writer.run(lambda: offering_again(first_time))

    def _is_due(self, row: Submission, now: datetime) -> bool:
        last = self._offered_at.get(row.pk, row.sent_at or row.recorded_at)
        return (now - last).total_seconds() >= BROADCAST_SECONDS

    async def _ask_fates(self, rows: Sequence[Submission]) -> dict[int, str]:
        """What the engine says of bundles, one question at a time: empty when it does not answer."""
        bundled = longest_unasked([row for row in rows if row.bundle_id], self._asked_at)
        if not bundled:
            return {}
        now = self._desk.clock()
        self._asked_at |= {row.pk: now for row in bundled}
        try:
            async with asyncio.timeout(ENGINE_SECONDS):
                statuses = await self._desk.gateways.block_engine.inflight_statuses(
                    [row.bundle_id for row in bundled]
                )
        except (GatewayError, TimeoutError) as error:
            log.warning("bundle statuses: %s", error or "no answer in time")
            return {}
        return {
            row.pk: status.state if status else SAYS_NOTHING
            for row, status in zip(bundled, statuses, strict=True)
        }

    async def _offer(
        self,
        row: Submission,
        fates: Mapping[int, str],
        now: datetime,
        *,
        is_private: bool,
    ) -> None:
        self._offered_at[row.pk] = now
        fate, is_exit = fates.get(row.pk), row.action == Action.SELL
        chosen = ways(
            Route(row.route),
            fate,
            age_seconds=(now - (row.sent_at or row.recorded_at)).total_seconds(),
            is_exit=is_exit,
            may_go_public=not is_private,
        )
        async with self._room:
            with urgent(Urgency.EXIT) if is_exit else nullcontext():
                # Side by side: an engine that hangs must not keep an exit from the nodes.
                wire = bytes(row.wire)
                await asyncio.gather(*(offer(self._desk, wire, way) for way in chosen))
        await self._tell(row, fate)  # after the bytes: they leave whether or not it can be stored
        if not is_exit and row.route == Route.JITO and Route.STANDARD in chosen:
            await self._desk.writer.run(lambda: go_public(row.pk, now=self._desk.clock()))

    async def _tell(self, row: Submission, fate: str | None) -> None:
        """Write into the story what the engine says, whenever it says something else."""
        if fate is None or self._fates.get(row.pk) == fate:
            return
        self._fates[row.pk] = fate
        now = self._desk.clock()
        await self._desk.writer.run(lambda: tell_fate(row.pk, fate=fate, now=now))

    def _forget_all_but(self, known: set[int]) -> None:
        for memory in (self._offered_at, self._asked_at, self._fates):
            for gone in memory.keys() - known:
                del memory[gone]
