"""Hears by ourselves what every followed leader does: a socket tells, and behind it the leaders' own lists are
read, so that whatever the socket, a webhook or we ourselves have missed is found.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from scout.models import WalletScore
from trading.domain.tiers import Pace, Watched
from trading.gateways.base import GatewayError
from trading.gateways.feeds import FeedSettings, LogsFeed, Mention
from trading.gateways.quota import Urgency, urgent
from trading.gateways.rpc import Rpc
from trading.services import cursors
from trading.services.cursors import Completeness, CursorMoved, Place
from trading.writer import GroupWriter, StorageUnavailable
from wallets.models import Leader, LeaderStatus
from workers.following import Follower, Hear
from workers.runtime import every

log = logging.getLogger("wallet_watcher")

REFRESH_SECONDS = 1.0
LOOK_SECONDS = 0.1
REPORT_SECONDS = 2.0
SCORES_EVERY = timedelta(minutes=1)
LISTS_AT_ONCE = 8
RETRY_SECONDS = 1.0
DRAIN_SECONDS = 3.0
USUAL_PACE = Pace()
GAP_PACES = 3.0
"""So many times the usual pause between two looks are a gap: what is found behind it came too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the watcher works with. Without `socket` the lists are all there is."""

    rpc: Rpc
    writer: GroupWriter
    hear: Hear
    clock: Callable[[], datetime]
    chance: random.Random
    socket: FeedSettings | None
    pace: Pace = USUAL_PACE


class WalletWatcher:
    """All it knows is in the rows: killed at any moment, it goes on from the cursors."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._followers: dict[str, Follower] = {}
        self._places: dict[str, Place] | None = None
        self._scores: dict[str, Decimal] = {}
        self._scored_at: datetime | None = None
        self._lists = asyncio.Semaphore(LISTS_AT_ONCE)
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._hearing: set[asyncio.Task[None]] = set()
        self.feed = (
            LogsFeed(means.socket, chance=means.chance, told=self._told, opened=self._look_at_once)
            if means.socket
            else None
        )

    def loops(self) -> list[Awaitable[None]]:
        """Everything of it that has to run together."""
        found: list[Awaitable[None]] = [
            every(REFRESH_SECONDS, self.refresh, name="reading the roster"),
            every(LOOK_SECONDS, self.look, name="reading leaders' lists"),
            every(REPORT_SECONDS, self.report, name="reporting how complete it is"),
        ]
        return [*found, self.feed.run()] if self.feed is not None else found

    async def refresh(self) -> None:
        """Watch whom the roster and the open positions name now."""
        now = self._means.clock()
        if self._places is None:
            self._places = await self._means.writer.read(cursors.places)
        scores = await self._known_scores(now)
        watched = await self._means.writer.read(
            lambda: cursors.watched_leaders(now=now, scores=scores)
        )
        for each in watched:
            self._follow(each)
        await self._leave(self._places.keys() | self._followers.keys(), watched)
        if self.feed is not None:
            self.feed.want([each.address for each in watched])

    async def look(self) -> None:
        """Begin to read the lists whose time has come."""
        now = asyncio.get_running_loop().time()
        for address, follower in self._followers.items():
            if follower.due_at <= now and address not in self._reading:
                self._reading[address] = asyncio.create_task(self._read(follower))

    def completeness(self) -> dict[str, Completeness]:
        """How complete each leader is known, by address; without those not yet read to the end."""
        return {
            each.address: Completeness(
                address=each.address,
                complete_at=each.complete_at,
                tier=each.watched.tier,
                is_subscribed=self._is_subscribed(each),
            )
            for each in self._followers.values()
            if each.complete_at is not None
        }

    async def report(self) -> None:
        """Keep that for the pages."""
        found = self.completeness().values()
        if found:
            await self._means.writer.run(lambda: cursors.note_completeness(found), is_patient=True)

    async def drain(self) -> None:
        """Let what is in hand come to its end; what does not is found again by its cursor."""
        tasks = {*self._reading.values(), *self._hearing}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        state = self.feed.state() if self.feed else None
        return {
            "leaders": len(self._followers),
            "subscribed": state.subscribed if state else 0,
            "socket": "none" if state is None else "open" if state.is_open else state.trouble,
            "connections": state.connections if state else 0,
            "slot": state.slot if state else None,
        }

    async def _known_scores(self, now: datetime) -> dict[str, Decimal]:
        """They change once a day, and are read once a minute."""
        if self._scored_at is None or now - self._scored_at >= SCORES_EVERY:
            self._scores = await self._means.writer.read(wallet_scores)
            self._scored_at = now
        return self._scores

    def _follow(self, watched: Watched) -> None:
        known = self._followers.get(watched.address)
        if known is not None:
            known.watched = watched
            return
        assert self._places is not None, "the roster is read after the cursors"
        means = self._means
        self._followers[watched.address] = Follower(
            watched,
            self._places.pop(watched.address, None),
            rpc=means.rpc,
            writer=means.writer,
            hear=means.hear,
            clock=means.clock,
        )

    async def _leave(self, known: set[str], watched: list[Watched]) -> None:
        gone = known - {each.address for each in watched}
        if not gone:
            return
        await self._means.writer.run(lambda: cursors.forget(gone))
        for address in gone:
            self._followers.pop(address, None)
        self._places = {}

    def _is_subscribed(self, follower: Follower) -> bool:
        return self.feed is not None and self.feed.hears(follower.address)

    def _told(self, mention: Mention) -> None:
        follower = self._followers.get(mention.address)
        if follower is not None:
            follower.note(mention)
            self._keep(self._take(follower, mention))

    def _look_at_once(self, address: str) -> None:
        """A subscription has just begun: whatever came before it nobody has told."""
        follower = self._followers.get(address)
        if follower is not None:
            follower.due_at = 0.0

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _take(self, follower: Follower, mention: Mention) -> None:
        try:
            with urgent(_urgency(follower)):
                is_taken = await follower.take(mention)
        except (GatewayError, StorageUnavailable) as error:
            log.warning("%s: %s", mention.signature, error)
            is_taken = False
        except Exception:
            log.exception("%s cannot be heard", mention.signature)
            is_taken = False
        if not is_taken:
            follower.due_at = 0.0

    async def _read(self, follower: Follower) -> None:
        """Read one list to its end and settle when it is read again."""
        loop = asyncio.get_running_loop()
        is_subscribed = self._is_subscribed(follower)
        pause = self._means.pace.seconds(follower.watched.tier, is_subscribed=is_subscribed)
        is_gap = is_subscribed or self._has_gap(follower, pause)
        follower.due_at = loop.time() + pause * self._means.chance.uniform(0.8, 1.0)
        try:
            async with self._lists:
                with urgent(_urgency(follower)):
                    is_complete = await follower.catch_up(is_gap=is_gap)
        except (GatewayError, StorageUnavailable, CursorMoved) as error:
            log.warning("%s: %s", follower.address, error)
            is_complete = False
        except Exception:
            log.exception("%s cannot be read", follower.address)
            is_complete = False
        finally:
            self._reading.pop(follower.address, None)
        if not is_complete:
            follower.due_at = min(follower.due_at, loop.time() + RETRY_SECONDS)

    def _has_gap(self, follower: Follower, pause_seconds: float) -> bool:
        if follower.complete_at is None:
            return True
        since = self._means.clock() - follower.complete_at
        return since > timedelta(seconds=GAP_PACES * pause_seconds)


def wallet_scores() -> dict[str, Decimal]:
    """The newest wallet quality score of everybody on the roster whom Scout has scored."""
    roster = Leader.objects.filter(status=LeaderStatus.ACTIVE)
    scored = WalletScore.objects.filter(wqs__isnull=False, address__in=roster.values("address"))
    # The newest comes last, and stays.
    return {
        address: Decimal(str(wqs))
        for address, wqs in scored.order_by("id").values_list("address", "wqs")
    }


def _urgency(follower: Follower) -> Urgency:
    """Whoever may sell what we hold goes before those who may only buy."""
    return Urgency.POSITION if follower.watched.is_held else Urgency.ENTRY
