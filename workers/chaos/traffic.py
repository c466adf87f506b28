"""The signals of a schedule as real requests, and what was answered to each kind of them."""

import asyncio
import json
from collections import Counter, defaultdict
from typing import Any

from workers.chaos.schedule import Act, Kind
from workers.journey.cast import Cast
from workers.journey.client import Client, NobodyAnswers, Reply

GARBAGE = (b"", b"\x00\xff", b"[]", b'{"strategy":', b'{"strategy":"SHIELD","amount_sol":1e999}')


class Traffic:
    """Sends and remembers: answers by kind, and every name that a signal was accepted under."""

    def __init__(self, client: Client, cast: Cast) -> None:
        self._client, self._cast = client, cast
        self.answers: dict[str, Counter[str]] = defaultdict(Counter)
        self.accepted: set[str] = set()
        self.named: dict[str, set[str]] = defaultdict(set)
        """By our own name for a signal: the platform's names that were answered to it."""
        self.sent = 0

    async def send(self, act: Act) -> None:
        """One act of the schedule to its answers."""
        match act.kind:
            case Kind.GARBAGE:
                await self._ask(act.kind, GARBAGE[self.sent % len(GARBAGE)])
            case Kind.FORGED:
                signed = self._client.signed(self.body(act), secret=self._cast.stranger)
                self._note(act.kind, await self._client.send_signed(signed))
            case Kind.REPLAY:
                await self._replay(act)
            case _:
                name, body = str(act.details["name"]), json.dumps(self.body(act)).encode()
                # White space makes every copy's signature its own: equal ones would be replays.
                copies = [body + b" " * number for number in range(act.details.get("copies", 1))]
                await asyncio.gather(*(self._ask(act.kind, copy, name=name) for copy in copies))

    def body(self, act: Act) -> dict[str, Any]:
        """The signal's body; its leader is one of the strategy's own."""
        told = act.details
        leaders = self._cast.spear if told["strategy"] == "SPEAR" else self._cast.shield
        extra: dict[str, Any] = {
            "trade_uuid": told["name"],
            "wallet_address": leaders[told["leader"] % len(leaders)],
        }
        if act.kind is Kind.BUY_OF_STRANGER:
            extra["wallet_address"] = self._cast.stranger
        if act.kind is Kind.BUY_BY_SYMBOL:
            extra["token_address"] = None
        strategy, action = told["strategy"], "BUY"
        if act.kind is Kind.SELL:
            strategy, action = "EXIT", "SELL"
            extra["exit_fraction"] = told["exit_fraction"]
        return self._cast.body(strategy, action, told["symbol"], told["amount_sol"], **extra)

    async def sell(self, *, name: str, leader: str, mint: str, symbol: str) -> None:
        """The whole of a position, asked for by its leader."""
        body = {
            "strategy": "EXIT", "action": "SELL", "token": symbol, "token_address": mint,
            "amount_sol": "0.1", "wallet_address": leader, "trade_uuid": name,
        }  # fmt: skip
        await self._ask("sell at the end", json.dumps(body).encode(), name=name)

    async def _replay(self, act: Act) -> None:
        """The very same bytes and headers twice; a first answer that was lost makes it three times."""
        signed = self._client.signed(self.body(act))
        for _ in range(2):
            reply = await self._client.send_signed(signed)
            self._note(act.kind, reply, name=str(act.details["name"]))

    async def _ask(self, kind: str, body: bytes, *, name: str = "") -> None:
        self.sent += 1
        try:
            reply = await self._client.send(body)
        except NobodyAnswers:
            self.answers[kind]["no answer"] += 1
            return
        self._note(kind, reply, name=name)

    def _note(self, kind: str, reply: Reply, *, name: str = "") -> None:
        self.answers[kind][str(reply)] += 1
        if not reply.trade_uuid:
            return
        self.named[name].add(reply.trade_uuid)
        if reply.http_status == 202:
            self.accepted.add(reply.trade_uuid)
