"""HTTP requests and responses over bare ASGI; routes and what they answer are elsewhere."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 1_000_000


class BodyTooLarge(Exception):
    """The body is longer than MAX_BODY_BYTES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, body read; `query` keeps the last value of a repeated name."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    client_host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def json_response(
    value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(status=status, body=orjson.dumps(value), headers=headers or {})


TOO_LARGE = json_response({"error": "body too large"}, status=413)


def read_query(text: str) -> dict[str, str]:
    """The parameters of a query string."""
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The whole request; BodyTooLarge beyond the limit."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    client = scope.get("client") or ("", 0)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=read_query(scope["query_string"].decode("latin-1")),
        body=body,
        client_host=client[0],
    )


async def respond(send: Send, response: Response) -> None:
    headers = {
        "content-type": response.content_type,
        "content-length": str(len(response.body)),
        **response.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": response.body})
