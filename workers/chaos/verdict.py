"""Gathers the evidence once all is quiet, judges it, and counts what happened."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from asgiref.sync import sync_to_async

from trading.gateways.base import Endpoints
from trading.gateways.connect import connect
from trading.models import Position, Signal, SignalEvent
from trading.reconciliation.check import reconcile
from trading.reconciliation.findings import Report
from wallets.models import TradingWallet
from workers.chaos.evidence import Evidence, Sent, read_rows
from workers.chaos.invariants import judge
from workers.chaos.killer import Killer
from workers.chaos.ledger import read_ledger
from workers.chaos.traffic import Traffic
from workers.journey.house import House
from workers.runtime import utc_now

SETTLE_SECONDS = 20.0
RECOVERIES = (
    "TAKEN_OVER", "EXPIRED", "REFUSED", "FAILED_ON_CHAIN", "BUILD_FAILED",
    "BUY_PENDING", "POSITION_EXITING",
)  # fmt: skip
"""Codes in the stories of signals that tell of something having gone wrong and been put right."""


async def reach(
    house: House, traffic: Traffic, killer: Killer, session: aiohttp.ClientSession
) -> dict[str, Any]:
    """The checks and the figures of the report that rows and chain know."""
    books = await _reconcile(house)
    wallet = await sync_to_async(_wallet)()
    url = f"{house.wiring.sandbox_url}/"
    evidence = Evidence(
        ledger=await read_ledger(session, url=url, wallet=wallet),
        books=books,
        sent=Sent(
            accepted=frozenset(traffic.accepted),
            named={name: frozenset(uuids) for name, uuids in traffic.named.items() if name},
        ),
        **await sync_to_async(read_rows)(),
        now=utc_now(),
    )
    return {
        "checks": judge(evidence),
        "answers": {kind: dict(counts) for kind, counts in traffic.answers.items()},
        "kills": dict(killer.kills),
        "freezes": dict(killer.freezes),
        "back_after_seconds": dict(killer.back_after_seconds),
        "tracebacks": await asyncio.to_thread(_tracebacks, house.log),
        **await sync_to_async(_count)(),
    }


async def _reconcile(house: House) -> Report:
    url = house.wiring.sandbox_url
    endpoints = Endpoints(
        rpc_urls=(f"{url}/rpc/primary",),
        jito_url=f"{url}/jito",
        jupiter_url=f"{url}/jupiter",
        dexscreener_url=f"{url}/dexscreener",
    )
    async with connect(endpoints) as gateways:
        return await reconcile(gateways.rpc, settle_seconds=SETTLE_SECONDS)


def _tracebacks(log: Path) -> dict[str, int]:
    """By the process that printed them; every line of the log begins with one's name."""
    lines = log.read_text(errors="replace").splitlines()
    return dict(Counter(line.split()[0] for line in lines if "Traceback (most" in line))


def _wallet() -> str:
    return TradingWallet.objects.get().address


def _count() -> dict[str, Mapping[str, int]]:
    signals = Signal.objects.values_list("action", "status", "code")
    ends = Counter(" ".join(filter(None, row)) for row in signals)
    codes = SignalEvent.objects.filter(code__in=RECOVERIES).values_list("code", flat=True)
    return {
        "outcomes": dict(ends),
        "recoveries": dict(Counter(codes)),
        "positions": dict(Counter(Position.objects.values_list("status", flat=True))),
    }
