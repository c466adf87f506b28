"""Webhooks and socket messages lost, doubled, late and out of order: every leader's trade is one signal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from audit.models import DeadLetter
from tests.cluster import Sandbox
from tests.hearing.market import (
    SECRET,
    Stage,
    Trade,
    door,
    in_thread,
    market,
    seed_provider,
    seed_roster,
)
from tests.platform import endpoints_of
from trading.domain.hearing import WATCHER
from trading.domain.tiers import Pace
from trading.gateways.connect import connect
from trading.gateways.feeds import FeedSettings
from trading.models import Hearing, LeaderLeg, Signal
from trading.services.leader_trades import take_in
from trading.writer import GroupWriter
from workers.wallet_watcher import Means, WalletWatcher

SEED = 20_261_122
TRADES = 320
PATIENCE_SECONDS = 60.0
PACE = Pace(hot_seconds=0.5, warm_seconds=0.5, cold_seconds=0.5, behind_socket_factor=3.0)
FAULTS: tuple[dict[str, Any], ...] = (
    {"plane": "webhook", "kind": "drop_notification", "probability": 0.25},
    {"plane": "webhook", "kind": "duplicate", "probability": 0.2},
    {"plane": "webhook", "kind": "latency", "probability": 0.1, "seconds": 0.5},
    {"plane": "webhook", "kind": "reorder", "probability": 0.2, "seconds": 0.5},
    {"plane": "ws", "kind": "drop_notification", "probability": 0.25},
    {"plane": "ws", "kind": "duplicate", "probability": 0.2},
    {"plane": "ws", "kind": "latency", "probability": 0.05, "seconds": 0.2},
    {"plane": "ws", "kind": "reorder", "probability": 0.2, "seconds": 0.5},
)
RECORDED_ONLY = ("LATE", "LEFT")
"""Buys that came too late, by the clock or because the leader's sale was heard first."""
CUTS: dict[int, dict[str, Any]] = {
    60: {"plane": "ws", "kind": "disconnect", "count": 1},
    120: {"plane": "ws", "kind": "half_open", "count": 1, "seconds": 60},
    250: {"plane": "ws", "kind": "disconnect", "count": 1},
}
"""What becomes of the whole socket, by the number of the trade that it happens at."""


@asynccontextmanager
async def watching(sandbox: Sandbox, writer: GroupWriter) -> AsyncIterator[WalletWatcher]:
    async with connect(endpoints_of(sandbox)) as gateways:
        watcher = WalletWatcher(
            Means(
                rpc=gateways.rpc,
                writer=writer,
                hear=lambda heard: take_in(heard, now=timezone.now()),
                clock=timezone.now,
                chance=Random(SEED),
                socket=FeedSettings(
                    url=sandbox.ws_url, silence_seconds=2.0, longest_pause_seconds=0.5
                ),
                pace=PACE,
            )
        )
        tasks = [asyncio.ensure_future(each) for each in watcher.loops()]
        try:
            yield watcher
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watcher.drain()


@pytest.mark.timeout(240)
async def test_every_trade_is_one_signal_whatever_messages_are_lost_doubled_late_or_overtaken(
    writer: GroupWriter, tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    await writer.run(seed_provider)
    async with door() as url:
        hook = ("--webhook-url", url, "--webhook-secret-file", str(secret))
        with market(tmp_path / "sandbox", *hook, seed=SEED) as stage:
            await writer.run(lambda: seed_roster(stage))
            async with watching(stage.sandbox, writer) as watcher:
                await until(lambda: is_complete(watcher, stage))
                for fault in FAULTS:
                    strike(stage, fault)
                for number in range(TRADES):
                    if number in CUTS:
                        strike(stage, CUTS[number])
                    await in_thread(stage)
                    await asyncio.sleep(stage.chance.expovariate(100))
                await all_known(writer, stage)
                struck = stage.sandbox.control("GET", "faults")
                await provider_is_done(stage)
                await all_known(writer, stage)
    assert len(stage.done) == TRADES
    assert [rule for rule in struck if rule["strikes"] == 0] == []
    outcome = await writer.read(lambda: Outcome.read(stage))
    assert outcome.doubled == []
    assert outcome.lost == []
    assert outcome.signals == TRADES - outcome.late
    assert outcome.dead_letters == 0
    assert {"watcher", "sandbox"} <= outcome.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the trades: how many signals, those with none and those with several."""

    signals: int
    late: int
    lost: list[Trade]
    doubled: list[Trade]
    dead_letters: int
    sources: set[str]

    @classmethod
    def read(cls, stage: Stage) -> "Outcome":
        found = Counter(
            Signal.objects.values_list("leader_address", "action", "mint", "source_signature")
        )
        late = set(
            LeaderLeg.objects.filter(action="BUY", code__in=RECORDED_ONLY).values_list(
                "trade__leader_address", "action", "mint", "trade__signature"
            )
        )
        keys = {(each.leader, each.action, each.mint, each.signature): each for each in stage.done}
        return cls(
            signals=Signal.objects.count(),
            late=len(late - found.keys()),
            lost=[each for key, each in keys.items() if key not in found and key not in late],
            doubled=[each for key, each in keys.items() if found[key] > 1],
            dead_letters=DeadLetter.objects.count(),
            sources=set(Hearing.objects.values_list("source", flat=True))
            | set(Signal.objects.values_list("source", flat=True)),
        )


def strike(stage: Stage, fault: dict[str, Any]) -> None:
    """Switch a fault on; of the socket's messages only those about leaders are meant."""
    method = "logsNotification" if fault["plane"] == "ws" else "*"
    stage.sandbox.fault(**fault, method=method)


def is_complete(watcher: WalletWatcher, stage: Stage) -> bool:
    """Whether every leader is subscribed to, and known up to now."""
    feed, known = watcher.feed, watcher.completeness()
    assert feed is not None
    return all(feed.hears(each) and each in known for each in stage.addresses)


async def all_known(writer: GroupWriter, stage: Stage) -> None:
    """Until the watcher itself has taken in every trade."""
    wanted = {each.signature for each in stage.done}

    def missing() -> set[str]:
        heard = Hearing.objects.filter(source=WATCHER, heard_at__isnull=False)
        return wanted - set(heard.values_list("trade__signature", flat=True))

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await writer.read(missing):
            await asyncio.sleep(0.2)


async def provider_is_done(stage: Stage) -> None:
    """Until nothing that the provider still has to tell is on its way."""
    stage.sandbox.clear()
    before: dict[str, int] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            state = await asyncio.to_thread(stage.sandbox.control, "GET", "provider")
            if state["waiting"] == 0 and state["counters"] == before:
                return
            before = state["counters"]
            # Longer than it holds back what it tells late or twice.
            await asyncio.sleep(1.5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)
