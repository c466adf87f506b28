"""The journey's hands: send a signal, follow it to its end, write down what was seen against what should be."""

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from solders.keypair import Keypair

from trading.models import Position
from workers.journey import outcomes
from workers.journey.cast import Cast
from workers.journey.client import Client, Reply
from workers.journey.coverage import Failover
from workers.journey.house import House
from workers.journey.journal import Journal, Line
from workers.journey.outcomes import NeverEnded, Outcome

END_SECONDS = 30.0
LONGEST_DELAY_SECONDS = 4.0
# What an honest executor may say when it or its neighbours have just been killed.
LATE_BUY = frozenset({"STALE_SIGNAL", "SAFETY_UNAVAILABLE", "QUOTE_UNAVAILABLE"})
LATE_SELL = frozenset({"NO_POSITION", "POSITION_CLOSED"})


@dataclass(slots=True, kw_only=True)
class Journey:
    """Everything a scene needs. `is_rough`: processes are being killed meanwhile.

    `bought` has the buy of each symbol, `delayed` the signals that the journey itself made wait.
    """

    house: House
    client: Client
    cast: Cast
    journal: Journal
    chance: random.Random
    is_rough: bool
    accepted: set[UUID] = field(default_factory=set)
    bought: dict[str, UUID] = field(default_factory=dict)
    delayed: set[UUID] = field(default_factory=set)
    failover: Failover | None = None
    foreign_signals: int = 0
    named: int = 0

    async def offer(
        self, title: str, body: Mapping[str, Any] | bytes, *, expect: str, **options: Any
    ) -> Reply:
        """Send what the door itself must answer, such as `422 validation_failed`."""
        return self.judge_reply(title, await self.client.send(body, **options), expect=expect)

    def judge_reply(self, title: str, reply: Reply, *, expect: str) -> Reply:
        """Write down a reply that is the signal's whole story."""
        holds = self.journal.expect_one_of(title, {expect}, str(reply))
        self.journal.write(Line(title=title, answer=str(reply), is_as_expected=holds))
        return reply

    async def accept(self, title: str, body: Mapping[str, Any]) -> UUID | None:
        """Send what must be accepted; the signal's name, or None when it was not.

        With killing going on, signals come one by one, so that more of them meet a death half done.
        """
        if self.is_rough:
            await asyncio.sleep(self.chance.uniform(0, LONGEST_DELAY_SECONDS))
        reply = await self.client.send(body)
        if self.journal.expect(f"{title}: accepted", holds=reply.is_accepted, found=reply):
            uuid = UUID(reply.trade_uuid)
            self.accepted.add(uuid)
            return uuid
        self.journal.write(Line(title=title, answer=str(reply), is_as_expected=False))
        return None

    async def follow(
        self, title: str, body: Mapping[str, Any], *, expect: str | Collection[str]
    ) -> Outcome | None:
        """Send a signal and follow it to its end, whose code must be the expected one."""
        uuid = await self.accept(title, body)
        if uuid is None:
            return None
        late = LATE_SELL if body["action"] == "SELL" else LATE_BUY
        return await self.end(title, uuid, expect=expect, late=late)

    async def end(
        self,
        title: str,
        uuid: UUID,
        *,
        expect: str | Collection[str],
        late: Collection[str] = LATE_SELL,
        answer: str = "202 accepted",
    ) -> Outcome | None:
        """Wait for an accepted signal's end. With killing going on, `late` ends are honest too."""
        allowed = {expect} if isinstance(expect, str) else set(expect)
        if self.is_rough:
            allowed |= set(late)
        seconds = END_SECONDS * (3 if self.is_rough else 1)
        try:
            outcome = await outcomes.end_of(uuid, timeout_seconds=seconds)
        except NeverEnded:
            self.journal.expect(f"{title}: ends within {seconds:g} s", holds=False, found="no end")
            return None
        holds = self.journal.expect_one_of(title, allowed, outcome.code)
        self.journal.write(
            Line(
                title=title,
                answer=answer,
                end=outcome.code,
                milliseconds=outcome.seconds * 1_000,
                is_as_expected=holds,
            )
        )
        return outcome

    async def buy(
        self, title: str, strategy: str, symbol: str, amount_sol: str, **extra: Any
    ) -> Position | None:
        """A buy that must be made; its position, which is None where killing made it come too late."""
        body = self.cast.body(strategy, "BUY", symbol, amount_sol, **extra)
        outcome = await self.follow(title, body, expect="BOUGHT")
        if outcome is None or outcome.code != "BOUGHT":
            return None
        self.bought[symbol] = outcome.uuid
        return await outcomes.position_of(outcome.uuid)

    async def sell(
        self, title: str, strategy: str, symbol: str, *, expect: str = "SOLD", **extra: Any
    ) -> Outcome | None:
        """A sell by the leader whose buy we hold."""
        body = self.cast.body(strategy, "SELL", symbol, "0.5", trade_uuid=self.name(), **extra)
        return await self.follow(title, body, expect=expect)

    async def denied(
        self,
        title: str,
        symbol: str,
        code: str,
        *,
        strategy: str = "SHIELD",
        amount_sol: str = "0.2",
        **extra: Any,
    ) -> None:
        """A buy that is accepted and then not made for this reason; nothing may have been signed."""
        extra = {"trade_uuid": self.name(), **extra}
        body = self.cast.body(strategy, "BUY", symbol, amount_sol, **extra)
        outcome = await self.follow(title, body, expect=code)
        if outcome is not None:
            self.journal.expect(
                f"{title}: nothing was signed", holds=outcome.submissions == 0, found=outcome
            )

    def name(self) -> str:
        """A trade_uuid that nobody has used."""
        self.named += 1
        return f"journey-{self.named}"

    def address(self) -> str:
        """An address that nobody knows."""
        return str(self.keypair().pubkey())

    def keypair(self) -> Keypair:
        """The key of somebody new."""
        return Keypair.from_seed(self.chance.randbytes(32))

    async def position(self, symbol: str) -> Position | None:
        """The position of this symbol's buy as it stands now."""
        uuid = self.bought.get(symbol)
        return None if uuid is None else await outcomes.position_of(uuid)

    async def expect_position(self, symbol: str, *, status: str) -> Position | None:
        """The position, which must stand so; None where killing kept it from being opened."""
        position = await self.position(symbol)
        if position is not None or not self.is_rough:
            found = "none" if position is None else position.status
            self.journal.expect_one_of(f"{symbol}'s position", {status}, found)
        return position
