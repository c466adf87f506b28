"""Takes signals from the queue and works on them, exits on seats of their own. Wake | poll | stop."""

import asyncio
import logging
import socket
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from trading import live, metrics
from trading.domain.policy import Policy
from trading.domain.values import Action
from trading.gateways.quota import Urgency, urgent
from trading.metrics import Stage
from trading.services.claims import Claim, give_up, is_any_due, renew, retry_later
from trading.services.plans import Taken, Work, take_entries, take_exits
from trading.services.portfolio import has_live_submission
from trading.services.steps import NotOurs
from trading.writer import StorageUnavailable
from workers.buying import buy
from workers.desk import Desk, settle
from workers.knowledge import balance, know
from workers.selling import sell

log = logging.getLogger("executor")
POLL_SECONDS = 0.1
DRAIN_SECONDS = 5.0
RENEW_SECONDS = 1.0
POISON_DELAY = timedelta(seconds=5)


class Executor:
    """One process's share of the queue: `entry_seats` buys and `exit_seats` sells at a time."""

    def __init__(self, desk: Desk, *, entry_seats: int, exit_seats: int) -> None:
        metrics.bind(*Stage)
        self._desk = desk
        self._entry_seats, self._exit_seats = _Seats(entry_seats), _Seats(exit_seats)
        self._woken = {live.EXIT: asyncio.Event(), live.ENTRY: asyncio.Event()}
        self._taking: set[asyncio.Task[Taken]] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._held: Counter[str] = Counter()

    def wake(self, what: bytes = live.EXIT + live.ENTRY) -> None:
        """A hint that a row of this kind waits."""
        for kind, event in self._woken.items():
            if kind in what:
                event.set()

    async def consume(self) -> None:
        """Work until cancelled; then let running trades reach their submission before returning."""
        try:
            await asyncio.gather(
                self._consume(self._exit_seats, is_exit=True),
                self._consume(self._entry_seats, is_exit=False),
            )
        finally:
            # What was being claimed when the word to stop came is ours to finish.
            for taking in tuple(self._taking):
                self._begin(await taking)
            await settle(set(self._working), seconds=DRAIN_SECONDS)

    async def renew(self) -> None:
        """Keep the leases of what is being worked on, however long the outside takes to answer."""
        held = set(self._held)
        if held:
            await self._desk.writer.run(lambda: renew(held, now=self._desk.clock()))

    async def work_once(self, *, is_exit: bool) -> bool:
        """Claim due signals until there is one to work on, and do so to the end of this step; False when
        none was due.
        """
        was_any_due = False
        while (taken := await self._take(is_exit=is_exit, at_most=1)).claimed:
            was_any_due = True
            for work in taken.work:
                await self._work(work)
            if taken.work:
                break
        return was_any_due

    async def _consume(self, seats: "_Seats", *, is_exit: bool) -> None:
        woken = self._woken[live.EXIT if is_exit else live.ENTRY]
        while True:
            # A seat before a claim: what is claimed is worked on at once.
            free = await seats.take()
            woken.clear()
            taking = asyncio.create_task(self._take_or_none(is_exit=is_exit, at_most=free))
            self._taking.add(taking)
            taken = await asyncio.shield(taking)
            self._taking.discard(taking)
            seats.give_back(free - len(taken.work))
            for task in self._begin(taken):
                task.add_done_callback(lambda _: seats.give_back(1))
            if not taken.may_be_more:
                await self._wait_until_due(woken, is_exit=is_exit)

    def _begin(self, taken: Taken) -> list[asyncio.Task[None]]:
        begun = [asyncio.create_task(self._work(work)) for work in taken.work]
        for task in begun:
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return begun

    async def _wait_until_due(self, woken: asyncio.Event, *, is_exit: bool) -> None:
        """Return on a wake, or when a poll has seen something due: a poll that finds nothing locks nothing."""
        while not await _is_woken(woken):
            now = self._desk.clock()
            try:
                if await self._desk.writer.read(lambda: is_any_due(is_exit=is_exit, now=now)):  # noqa: B023
                    return
            except StorageUnavailable as error:
                log.warning("polling: %s", error)

    async def _take_or_none(self, *, is_exit: bool, at_most: int) -> Taken:
        try:
            return await self._take(is_exit=is_exit, at_most=at_most)
        except StorageUnavailable as error:
            log.warning("claiming: %s", error)
        except Exception:
            # A row or a policy that cannot be read must not end the process: exits go on.
            log.exception("claiming failed")
        return Taken(claimed=0, work=[], may_be_more=False)

    async def _take(self, *, is_exit: bool, at_most: int) -> Taken:
        desk, token, now = self._desk, str(uuid.uuid4()), self._desk.clock()

        def take() -> Taken:
            if is_exit:
                return take_exits(token=token, at_most=at_most, now=now)
            return take_entries(
                token=token, at_most=at_most, know=know(desk), balance=balance(desk), now=now
            )

        return await desk.writer.run(take)

    async def _work(self, work: Work) -> None:
        claim = work.claim
        is_sell = claim.request.action is Action.SELL
        trade: Callable[[Desk, Work], Awaitable[None]] = sell if is_sell else buy
        self._held[claim.token] += 1
        try:
            with urgent(Urgency.EXIT if is_sell else Urgency.ENTRY):
                await trade(self._desk, work)
        except NotOurs as error:
            log.info("%s: %s", claim.uuid, error)
        except StorageUnavailable as error:
            # Nothing was stored, so nothing was sent: the lease runs out and the signal is taken again.
            log.warning("%s: %s", claim.uuid, error)
        except Exception as error:
            log.exception("%s: moved aside", claim.uuid)
            await self._move_aside(claim, work.policy, error)
        finally:
            self._held[claim.token] -= 1
            self._held += Counter()  # drops those that nothing is worked on any more

    async def _move_aside(self, claim: Claim, policy: Policy, error: Exception) -> None:
        """A signal that breaks our code must not break the queue; an exit is tried again all the same."""
        code, text, now = "INTERNAL_ERROR", type(error).__name__, self._desk.clock()

        def store() -> None:
            if has_live_submission(claim.uuid):
                # Something is signed and may have been sent: only the chain may end this signal.
                return
            if claim.request.action is Action.BUY:
                give_up(claim.uuid, code=code, text=text, now=now, token=claim.token)
            else:
                retry_later(
                    claim,
                    code=code,
                    text=text,
                    delay=POISON_DELAY,
                    maximum_attempts=policy.maximum_attempts,
                    now=now,
                )

        try:
            await self._desk.writer.run(store)
        except (NotOurs, StorageUnavailable) as failure:
            log.warning("%s: could not be moved aside: %s", claim.uuid, failure)


class _Seats:
    """How many signals may be worked on at once, and how many more there is room for."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._has_free = asyncio.Event()

    async def take(self) -> int:
        """All that are free, at least one."""
        while not self._free:
            self._has_free.clear()
            await self._has_free.wait()
        free, self._free = self._free, 0
        return free

    def give_back(self, count: int) -> None:
        """Seats that are free again."""
        self._free += count
        if count:
            self._has_free.set()


async def _is_woken(woken: asyncio.Event) -> bool:
    """Whether the hint came before the next poll was due."""
    try:
        async with asyncio.timeout(POLL_SECONDS):
            await woken.wait()
    except TimeoutError:
        return False
    return True


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, wake: Callable[[bytes], None]) -> None:
        self._wake = wake

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._wake(data)


async def listen_for_wakes(path: Path, wake: Callable[[bytes], None]) -> asyncio.DatagramTransport:
    """Call `wake` with every datagram at a unix socket; a stale socket file is replaced."""
    receiver = _bind(path)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(wake), sock=receiver)
    return transport


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    receiver.setblocking(False)
    return receiver
