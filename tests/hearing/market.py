"""A sandbox whose leaders trade when told to, a provider that tells a real signal door of it; no tests here."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from django.utils import timezone

from tests import factories
from tests.cluster import Refused, Sandbox, running
from trading.models import Provider, ProviderSecret
from trading.reception import Reception

SECRET = "the secret of a provider of the tests"
LEADERS = 8
BUY_SOL = (0.02, 0.1)
SELL_SHARE = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What a leader really did on the chain."""

    leader: str
    action: str
    mint: str
    signature: str


@dataclass(slots=True, kw_only=True)
class Stage:
    """Leaders and tokens, and a seeded hand that makes them trade."""

    sandbox: Sandbox
    leaders: list[dict[str, Any]]
    mints: list[str]
    chance: Random
    done: list[Trade] = field(default_factory=list)
    _held: set[tuple[str, str]] = field(default_factory=set)

    @property
    def addresses(self) -> list[str]:
        return [leader["address"] for leader in self.leaders]

    def trade(self) -> Trade:
        """One swap of some leader that succeeded."""
        while True:
            found = self._try()
            if found is not None:
                self.done.append(found)
                return found

    def _try(self) -> Trade | None:
        leader = self.chance.choice(self.addresses)
        held = sorted(mint for address, mint in self._held if address == leader)
        if held and self.chance.random() < SELL_SHARE:
            mint = self.chance.choice(held)
            is_whole = self.chance.random() < 0.7
            body = {"side": "SELL", "mint": mint, "fraction": 1.0 if is_whole else 0.5}
        else:
            mint = self.chance.choice(self.mints)
            body = {"side": "BUY", "mint": mint, "sol": round(self.chance.uniform(*BUY_SOL), 3)}
        try:
            outcome = self.sandbox.control("POST", f"leaders/{leader}/trade", body)
        except Refused:
            return None
        if outcome["err"] is not None:
            return None
        if body["side"] == "BUY":
            self._held.add((leader, mint))
        elif body["fraction"] == 1.0:
            self._held.discard((leader, mint))
        return Trade(
            leader=leader, action=str(body["side"]), mint=mint, signature=outcome["signature"]
        )


@contextmanager
def market(directory: Path, *arguments: str, seed: int) -> Iterator[Stage]:
    """A market that stands still but for what the stage's hand does."""
    with running(directory, "--leaders", "on", *arguments) as sandbox:
        sandbox.control("POST", "market", {"running": False})
        leaders = [
            each for each in sandbox.control("GET", "leaders") if each["roster_status"] == "ACTIVE"
        ]
        yield Stage(
            sandbox=sandbox,
            leaders=leaders[:LEADERS],
            mints=[str(each["mint"]) for each in sandbox.tokens("memecoin")],
            chance=Random(f"market-{seed}"),
        )


def seed_roster(stage: Stage) -> None:
    """Rules, trading on, and the stage's leaders on the roster."""
    factories.make_policy_revision()
    factories.make_trading_state()
    for leader in stage.leaders:
        factories.make_leader(leader["address"], name=leader["name"], strategy=leader["strategy"])


def seed_provider() -> None:
    """The sandbox's provider, with the secret that it signs with."""
    provider = Provider.objects.create(name="sandbox", bucket_tokens=150)
    ProviderSecret.objects.create(provider=provider, secret=SECRET, created_at=timezone.now())


@asynccontextmanager
async def door() -> AsyncIterator[str]:
    """The address of a webhook behind which the real reception answers; open it when the secret is known."""
    reception = Reception(clock=timezone.now)

    async def answer(request: web.Request) -> web.Response:
        given = await reception.answer(headers=request.headers, body=await request.read())
        wait = given.retry_after_seconds
        return web.json_response(
            {"status": given.status, "reason": given.code},
            status=given.http_status,
            headers={"Retry-After": str(wait)} if wait else {},
        )

    app = web.Application()
    app.router.add_post("/webhook", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await reception.open()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    finally:
        await runner.cleanup()
        await reception.close()


async def in_thread(stage: Stage) -> Trade:
    """A trade while the test's own loop goes on answering the provider."""
    return await asyncio.to_thread(stage.trade)
