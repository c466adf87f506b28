"""Opens the way to the outside: sessions, hosts and the gateways over them, closed together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from trading.gateways.base import Endpoints
from trading.gateways.http import Host, authority_of, new_session
from trading.gateways.jito import BlockEngine
from trading.gateways.json_rpc import Caller, JsonRpc, Node
from trading.gateways.jupiter import Jupiter
from trading.gateways.market_data import MarketData
from trading.gateways.paper import PaperEngine, PaperMarket, PaperNode
from trading.gateways.quota import Quota
from trading.gateways.rpc import Rpc

_BUNDLES_PATH = "/api/v1/bundles"
_TIP_FLOOR_PATH = "/api/v1/bundles/tip_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateways:
    rpc: Rpc
    block_engine: BlockEngine
    jupiter: Jupiter
    market_data: MarketData


@asynccontextmanager
async def connect(
    endpoints: Endpoints, *, paper: Callable[[Jupiter], PaperMarket] | None = None
) -> AsyncIterator[Gateways]:
    """The gateways, for use in this event loop only; one keep-alive session for each host.

    With a `paper` market they only read: whatever would be sent is given to it, and it answers for that.
    """
    async with AsyncExitStack() as stack:
        hosts = _Hosts(endpoints, stack)
        jupiter = await _jupiter(endpoints, hosts)
        nodes: list[Node] = [JsonRpc(await hosts.open(url)) for url in endpoints.rpc_urls]
        bundles: Caller = JsonRpc(await _engine_host(endpoints, hosts), path=_BUNDLES_PATH)
        if paper is not None:
            market = paper(jupiter)
            bundles = PaperEngine(bundles, market, nodes=nodes)
            nodes = [PaperNode(node, market) for node in nodes]
        rpc = Rpc(
            nodes,
            well_seconds=endpoints.rpc_well_seconds,
            requests_per_second=endpoints.rpc_requests_per_second,
        )
        stack.push_async_callback(rpc.aclose)
        if len(endpoints.rpc_urls) > 1 and endpoints.probe_seconds > 0:
            probes = asyncio.create_task(_keep_probing(rpc, endpoints.probe_seconds))
            stack.push_async_callback(_end, probes)
        yield Gateways(
            rpc=rpc,
            block_engine=await _block_engine(endpoints, hosts, bundles),
            jupiter=jupiter,
            market_data=MarketData(
                await hosts.open(endpoints.dexscreener_url),
                requests_per_second=endpoints.dexscreener_requests_per_second,
            ),
        )


async def _keep_probing(rpc: Rpc, pause_seconds: float) -> None:
    while True:
        await rpc.probe()
        await asyncio.sleep(pause_seconds)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _engine_host(endpoints: Endpoints, hosts: "_Hosts") -> Host:
    return await hosts.open(endpoints.jito_url, {"x-jito-auth": endpoints.jito_auth})


async def _block_engine(endpoints: Endpoints, hosts: "_Hosts", bundles: Caller) -> BlockEngine:
    floor_url = endpoints.tip_floor_url
    floor = hosts.open(floor_url) if floor_url else _engine_host(endpoints, hosts)
    return BlockEngine(
        bundles,
        tip_floor_host=await floor,
        tip_floor_path="" if floor_url else _TIP_FLOOR_PATH,
        requests_per_second=endpoints.jito_requests_per_second,
    )


async def _jupiter(endpoints: Endpoints, hosts: "_Hosts") -> Jupiter:
    host = await hosts.open(endpoints.jupiter_url, {"x-api-key": endpoints.jupiter_api_key})
    per_second = endpoints.jupiter_requests_per_second
    return Jupiter(host, quota=Quota(per_second) if per_second > 0 else None)


class _Hosts:
    """Opens hosts and remembers the session of each origin."""

    def __init__(self, endpoints: Endpoints, stack: AsyncExitStack) -> None:
        self._endpoints = endpoints
        self._stack = stack
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def open(self, url: str, headers: dict[str, str] | None = None) -> Host:
        """Headers without a value are left out."""
        return Host(
            await self._session(authority_of(url)),
            url,
            reply_limit_bytes=self._endpoints.reply_limit_bytes,
            headers={name: value for name, value in (headers or {}).items() if value},
        )

    async def _session(self, origin: str) -> aiohttp.ClientSession:
        if origin not in self._sessions:
            session = new_session(self._endpoints)
            self._sessions[origin] = await self._stack.enter_async_context(session)
        return self._sessions[origin]
