"""What the block engine, Jupiter, DexScreener and Helius have to answer. Nothing is sent and nothing changed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from trading.domain.values import WSOL_MINT
from trading.probe import judges
from trading.probe.asking import Answer, Endpoint, checked, row
from trading.probe.findings import Finding, fine
from trading.probe.nodes import BONK, clock

BUNDLES = "/api/v1/bundles"
NOBODYS_BUNDLE = "0" * 64
OWNER = "So11111111111111111111111111111111111111112"
QUOTED_LAMPORTS = 100_000_000
SLIPPAGE_BPS = 50
LATENCY_WARNING_MS = 500
PAUSE_SECONDS = 1.1
"""Jito allows one request a second, and so does Jupiter's free plan."""


async def probe_engine(
    endpoint: Endpoint, *, pause_seconds: float = PAUSE_SECONDS
) -> list[Finding]:
    """Tip accounts and the fate of bundles."""
    found = await _asked(
        endpoint,
        "tip accounts",
        lambda: endpoint.rpc("getTipAccounts", path=BUNDLES),
        judges.tip_accounts,
    )
    await asyncio.sleep(pause_seconds)
    ask = partial(endpoint.rpc, "getInflightBundleStatuses", [NOBODYS_BUNDLE], path=BUNDLES)
    return [*found, *await _asked(endpoint, "bundle fate", ask, judges.bundle_status)]


async def probe_tip_floor(endpoint: Endpoint, path: str, *, now: datetime) -> list[Finding]:
    """What tips landed lately."""
    judge = partial(judges.tip_floor, now=now)
    return await _asked(endpoint, "tip floor", lambda: endpoint.ask("GET", path), judge)


async def probe_jupiter(
    endpoint: Endpoint, *, pause_seconds: float = PAUSE_SECONDS
) -> list[Finding]:
    """Prices, a quote, and the instructions of that quote, which nobody signs."""
    mints = [WSOL_MINT, BONK]
    found = await _asked(
        endpoint,
        "price v3",
        lambda: endpoint.ask("GET", "/price/v3", params={"ids": ",".join(mints)}),
        partial(judges.prices, mints=mints),
    )
    await asyncio.sleep(pause_seconds)
    quoting = await checked(endpoint.name, "quote v1", partial(_quote, endpoint), judges.quote)
    found.append(quoting[0])
    if quoting[1] is None:
        return found
    await asyncio.sleep(pause_seconds)
    body = {"quoteResponse": quoting[1].value, "userPublicKey": OWNER, "wrapAndUnwrapSol": True}
    path = "/swap/v1/swap-instructions"
    return found + await _asked(
        endpoint,
        "instructions v1",
        lambda: endpoint.ask("POST", path, body=body),
        partial(judges.swap_instructions, owner=OWNER),
    )


async def _quote(endpoint: Endpoint) -> Answer:
    params = {
        "inputMint": WSOL_MINT,
        "outputMint": BONK,
        "amount": str(QUOTED_LAMPORTS),
        "slippageBps": str(SLIPPAGE_BPS),
        "swapMode": "ExactIn",
        "restrictIntermediateTokens": "true",
    }
    return await endpoint.ask("GET", "/swap/v1/quote", params=params)


async def probe_dexscreener(endpoint: Endpoint) -> list[Finding]:
    """The pairs of one well known token, and of two in one call."""
    found = []
    for check, mints in (("pairs", BONK), ("pairs of two", f"{BONK},{WSOL_MINT}")):
        ask = partial(endpoint.ask, "GET", f"/latest/dex/tokens/{mints}")
        found += await _asked(endpoint, check, ask, partial(judges.pairs, mint=BONK))
    return found


async def probe_helius(endpoint: Endpoint) -> list[Finding]:
    """Whether the key is good, by the list of webhooks; the endpoint's URL is the list's, key and all."""
    return await _asked(endpoint, "webhooks", lambda: endpoint.ask("GET", ""), judges.webhooks)


async def _asked(
    endpoint: Endpoint, check: str, ask: Callable[[], Awaitable[Answer]], judge: judges.Judge
) -> list[Finding]:
    """The row of a question, with rows for speed, clock and limits of what was answered."""
    found, answer = await checked(endpoint.name, check, ask, judge)
    if answer is None:
        return [found]
    rows = [found]
    speed = judges.latency(answer.milliseconds, warning_ms=LATENCY_WARNING_MS)
    if speed.expected:
        rows.append(row(endpoint.name, f"{check}: latency", speed))
    if answer.limits:
        rows.append(row(endpoint.name, f"{check}: limits", fine(answer.limits)))
    return rows + [each for each in clock(endpoint.name, [answer]) if each.expected]
