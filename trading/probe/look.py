"""Looks at every configured endpoint side by side and brings the rows together."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from trading.gateways.base import Endpoints
from trading.probe.asking import Endpoint
from trading.probe.findings import Finding, Report
from trading.probe.nodes import lags, probe_node, probe_socket
from trading.probe.services import (
    PAUSE_SECONDS,
    probe_dexscreener,
    probe_engine,
    probe_helius,
    probe_jupiter,
    probe_tip_floor,
)

TIP_FLOOR_PATH = "/api/v1/bundles/tip_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is looked at. An empty URL is not looked at; `seconds` is the patience for one answer.

    `pause_seconds` lie between two questions to a host that allows one a second; slots are counted
    for `slots_seconds`.
    """

    endpoints: Endpoints
    ws_url: str = ""
    helius_webhooks_url: str = ""
    is_mainnet_wanted: bool
    seconds: float = 5.0
    pause_seconds: float = PAUSE_SECONDS
    slots_seconds: float = 1.5


async def look(targets: Targets) -> Report:
    """Every row there is; it ends in time whatever does not answer, and sends no transaction."""
    timeout = aiohttp.ClientTimeout(total=3 * targets.seconds, sock_connect=targets.seconds)
    async with aiohttp.ClientSession(
        timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        nodes, *others = await asyncio.gather(_nodes(session, targets), *_others(session, targets))
    return Report(findings=[*nodes, *(each for rows in others for each in rows)])


async def _nodes(session: aiohttp.ClientSession, targets: Targets) -> list[Finding]:
    endpoints = [
        _endpoint(session, targets, role=f"rpc {number}", url=url)
        for number, url in enumerate(targets.endpoints.rpc_urls, start=1)
    ]
    looks = (
        probe_node(
            endpoint,
            is_mainnet_wanted=targets.is_mainnet_wanted,
            slots_seconds=targets.slots_seconds,
        )
        for endpoint in endpoints
    )
    found = await asyncio.gather(*looks)
    slots = {
        endpoint.name: node.slot
        for endpoint, node in zip(endpoints, found, strict=True)
        if node.slot is not None
    }
    behind = lags(slots)
    return [
        each
        for endpoint, node in zip(endpoints, found, strict=True)
        for each in [*node.findings, *(lag for lag in behind if lag.endpoint == endpoint.name)]
    ]


def _others(session: aiohttp.ClientSession, targets: Targets) -> list[Awaitable[list[Finding]]]:
    """The looks at everything but the nodes."""
    known, pause = targets.endpoints, targets.pause_seconds
    looks: list[Awaitable[list[Finding]]] = []
    if targets.ws_url:
        looks.append(probe_socket(session, targets.ws_url, seconds=targets.seconds))
    if known.jito_url:
        engine = _endpoint(
            session, targets, role="jito", url=known.jito_url, key=("x-jito-auth", known.jito_auth)
        )
        looks.append(probe_engine(engine, pause_seconds=pause))
    if known.tip_floor_url or known.jito_url:
        url, path = known.tip_floor_url, ""
        if not url:
            url, path = known.jito_url, TIP_FLOOR_PATH
        floor = _endpoint(session, targets, role="tip floor", url=url)
        looks.append(probe_tip_floor(floor, path, now=datetime.now(UTC)))
    if known.jupiter_url:
        key = ("x-api-key", known.jupiter_api_key)
        jupiter = _endpoint(session, targets, role="jupiter", url=known.jupiter_url, key=key)
        looks.append(probe_jupiter(jupiter, pause_seconds=pause))
    if known.dexscreener_url:
        pairs = _endpoint(session, targets, role="dexscreener", url=known.dexscreener_url)
        looks.append(probe_dexscreener(pairs))
    if targets.helius_webhooks_url:
        helius = _endpoint(session, targets, role="helius", url=targets.helius_webhooks_url)
        looks.append(probe_helius(helius))
    return looks


def _endpoint(
    session: aiohttp.ClientSession,
    targets: Targets,
    *,
    role: str,
    url: str,
    key: tuple[str, str] = ("", ""),
) -> Endpoint:
    name, value = key
    headers = {name: value} if value else {}
    return Endpoint(session, role=role, url=url, headers=headers, seconds=targets.seconds)
