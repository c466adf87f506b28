"""The one port as an ASGI application: which path belongs to which plane; they answer."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from workers.sandbox import rpc
from workers.sandbox.asgi import (
    TOO_LARGE,
    BodyTooLarge,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    json_response,
    read_request,
    respond,
)
from workers.sandbox.cluster import Cluster
from workers.sandbox.control import Control
from workers.sandbox.faults import Plane
from workers.sandbox.interference import interfere
from workers.sandbox.jsonrpc import RpcError, answer, error_reply, parse_body

log = logging.getLogger(__name__)
DEFAULT_ENDPOINT = "default"


class App:
    """ASGI application over a cluster; its lifespan runs the clock. No answer leaves before what it
    tells of is stored."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.control = Control(cluster)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "http":
                await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        tasks = [
            asyncio.create_task(self.cluster.run_clock()),
            asyncio.create_task(self.cluster.helius.run()),
        ]
        if self.cluster.provider is not None:
            tasks.append(asyncio.create_task(self.cluster.provider.run()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.cluster.shut_down()
        await send({"type": "lifespan.shutdown.complete"})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = rpc_endpoint(scope["path"])
        if endpoint is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.cluster.pubsub.serve(scope, receive, send, endpoint=endpoint)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read_request(scope, receive)
        except BodyTooLarge:
            await respond(send, TOO_LARGE)
            return
        instead = await self._interfere(request, receive)
        await respond(send, instead or self.answer_at_once(request))

    async def _interfere(self, request: Request, receive: Receive) -> Response | None:
        plane, endpoint = plane_of(request.path)
        if plane is None:
            return None
        return await interfere(
            self.cluster.faults, request, receive, plane=plane, endpoint=endpoint
        )

    @property
    def is_prompt(self) -> bool:
        """Whether no fault may make an answer late or another one: `answer_at_once` is all there is."""
        return not self.cluster.faults.rules

    def answer_at_once(self, request: Request) -> Response:
        """The answer past every fault of the transport, what it tells of stored. Never raises."""
        try:
            response = self._answer(request)
            self.cluster.keep()
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return json_response({"error": "internal error"}, status=500)
        return response

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/sandbox/"):
            return self.control.handle(request, path.removeprefix("/sandbox/"))
        plane, endpoint = plane_of(path)
        match plane:
            case None:
                return json_response({"error": "not found"}, status=404)
            case Plane.RPC:
                return self._rpc(request, endpoint)
            case Plane.JITO:
                return self.cluster.block_engine.handle(request, path.removeprefix("/jito"))
        return self._venue(request, plane)

    def _rpc(self, request: Request, endpoint: str) -> Response:
        if request.method != "POST":
            body = b"Used HTTP Method is not allowed. POST or OPTIONS is required\n"
            return Response(status=405, body=body, content_type="text/plain")
        node = self.cluster.node
        try:
            parsed = parse_body(request.body)
        except RpcError as error:
            return json_response(error_reply(None, error))
        return json_response(
            answer(parsed, lambda call: rpc.dispatch(node, call, endpoint=endpoint))
        )

    def _venue(self, request: Request, plane: Plane) -> Response:
        world, path = self.cluster.world, request.path.removeprefix(f"/{plane}")
        reply: Any
        if plane is Plane.JUPITER:
            status, reply = world.jupiter.handle(path, request.method, request.query, request.body)
        elif plane is Plane.HELIUS:
            status, reply = self.cluster.helius.handle(request, path)
        else:
            status, reply = world.dexscreener.handle(path, request.method)
        return json_response(reply, status=status)


def plane_of(path: str) -> tuple[Plane | None, str]:
    """The plane a path belongs to and the endpoint name that fault rules match."""
    endpoint = rpc_endpoint(path)
    if endpoint is not None:
        return Plane.RPC, endpoint
    for plane in (Plane.JITO, Plane.JUPITER, Plane.DEXSCREENER, Plane.HELIUS):
        if path.startswith(f"/{plane}/"):
            return plane, DEFAULT_ENDPOINT
    return None, ""


def rpc_endpoint(path: str) -> str | None:
    """`default` for `/`, the name for `/rpc/{name}`, None for anything else."""
    if path == "/":
        return DEFAULT_ENDPOINT
    name = path.removeprefix("/rpc/")
    return name if path.startswith("/rpc/") and name and "/" not in name else None
