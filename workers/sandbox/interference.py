"""Faults acted out on HTTP calls: late, silent, refused or garbled replies; rules are `faults`."""

import asyncio

from workers.sandbox.asgi import Receive, Request, Response, json_response
from workers.sandbox.faults import FaultKind, FaultRule, Faults, Plane
from workers.sandbox.jsonrpc import RpcError, methods_named, parse_body

_ORDER = (FaultKind.TIMEOUT, FaultKind.LATENCY, FaultKind.HTTP_ERROR, FaultKind.GARBAGE)
_GARBAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
NO_ROUTE = {"error": "Could not find any route", "errorCode": "COULD_NOT_FIND_ANY_ROUTE"}


async def interfere(
    faults: Faults, request: Request, receive: Receive, *, plane: Plane, endpoint: str
) -> Response | None:
    """The reply a rule puts in the place of the real one, None to go on. Latency adds up with the
    others; a timeout rule ends early when the client gives up."""
    if not faults.rules:
        return None
    methods = methods_of(request, plane)
    for kind in _ORDER:
        rule = faults.strike(plane, kinds=[kind], endpoint=endpoint, methods=methods)
        if rule is None:
            continue
        if kind is FaultKind.LATENCY:
            await asyncio.sleep(rule.seconds)
            continue
        if kind is FaultKind.TIMEOUT:
            await _wait_for_hang_up(receive, seconds=rule.seconds)
        return replacement(rule)
    return _without_route(faults, plane, endpoint, methods)


def methods_of(request: Request, plane: Plane) -> list[str]:
    """What `method` globs match: JSON-RPC method names, else the last part of the path."""
    if request.method == "POST" and plane in (Plane.RPC, Plane.JITO):
        try:
            return methods_named(parse_body(request.body))
        except RpcError:
            return []
    parts = [part for part in request.path.split("/") if part]
    if plane is Plane.DEXSCREENER:
        return ["tokens"]
    if plane is Plane.JUPITER and "price" in parts:
        return ["price"]
    return parts[-1:]


def replacement(rule: FaultRule) -> Response:
    """The reply of an http_error (its `data` as JSON, else its message), timeout or garbage rule."""
    if rule.kind is FaultKind.GARBAGE:
        return Response(status=rule.status, body=_GARBAGE, content_type="text/html")
    status = 504 if rule.kind is FaultKind.TIMEOUT else rule.status
    headers = {"retry-after": "1"} if status in (429, 503) else {}
    if rule.has_data:
        return json_response(rule.data, status=status, headers=headers)
    body = rule.message.encode()
    return Response(status=status, body=body, headers=headers, content_type="text/plain")


def _without_route(
    faults: Faults, plane: Plane, endpoint: str, methods: list[str]
) -> Response | None:
    rule = faults.strike(plane, kinds=[FaultKind.NO_ROUTE], endpoint=endpoint, methods=methods)
    if rule is None:
        return None
    if plane is Plane.DEXSCREENER:
        return json_response({"schemaVersion": "1.0.0", "pairs": None})
    if methods == ["price"]:
        return json_response({})
    return json_response(NO_ROUTE, status=400)


async def _wait_for_hang_up(receive: Receive, *, seconds: float) -> None:
    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(hang_up(), seconds)
    except TimeoutError:
        return
