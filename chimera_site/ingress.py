"""The doors of providers as a process of their own: its routes and its ASGI entry, with nothing else of Django's stack.

An ordinary Django handler spends six times more on thread contexts, request signals and disconnect
listeners than this whole request costs; none of them does anything for a signed POST. A signal's goes past
Django's and Ninja's request and response objects too: they took as long as everything else about it.
"""

from functools import lru_cache
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import ResolverMatch, get_resolver, path

from chimera_site.api import api
from trading.api import JSON, body_of, reception, render, signing_headers
from trading.reception import BODY_LIMIT_BYTES, NOTICE_LIMIT_BYTES, TOO_LARGE, too_large
from trading.services.answers import Answer

WEBHOOK = "/api/v1/webhook"
LIMITS_BYTES = {"/api/v1/providers/helius": NOTICE_LIMIT_BYTES}
"""Of bodies; everywhere else a signal's."""
PATHS_REMEMBERED = 64
UPGRADE_REFUSED = Answer(
    http_status=400,
    code="upgrade_not_supported",
    details={"upgrade": "leave this header out, or speak HTTPS: with it the body is not read"},
)
"""To who offers another protocol beside the request; some clients of HTTP/2 do so wherever there is no TLS."""


async def health(request: HttpRequest) -> JsonResponse:
    """200 while signals can be stored, 503 otherwise."""
    is_storing = await reception.is_storing()
    body = {"status": "healthy" if is_storing else "unhealthy"}
    return JsonResponse(body, status=200 if is_storing else 503)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Unknown paths, in the one envelope."""
    return JsonResponse({"status": "rejected", "reason": "not_found"}, status=404)


def failed(request: HttpRequest) -> JsonResponse:
    """What must not happen, without a word about why."""
    return JsonResponse({"status": "rejected", "reason": "internal_error"}, status=500)


def not_allowed(response: HttpResponse) -> JsonResponse:
    """A method that the path does not know, in the one envelope; its router answers in plain text."""
    body = {"status": "rejected", "reason": "method_not_allowed"}
    return JsonResponse(body, status=405, headers={"Allow": response.get("Allow", "POST")})


handler404 = not_found
handler500 = failed
urlpatterns = [path("health", health), path("api/v1/", api.urls)]


class LeanHandler(ASGIHandler):
    """Django's own request cycle without per-request threads, signals and listeners."""

    def __init__(self) -> None:
        super().__init__()
        # The same few paths again and again; walking the patterns takes longer than most of an answer.
        self._match = lru_cache(maxsize=PATHS_REMEMBERED)(get_resolver().resolve)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] != "http":
            return
        elif scope["path"] == WEBHOOK and scope["method"] == "POST":
            await _send_answer(await _answer_signal(scope, receive), send)
        else:
            await _send(await self._respond(scope, receive), send)

    async def _respond(self, scope: Any, receive: Any) -> HttpResponse:
        limit = LIMITS_BYTES.get(scope["path"], BODY_LIMIT_BYTES)
        body = await _read(receive, limit)
        if body is None:
            return render(too_large(limit))
        if not body and _is_upgrade(scope):
            return render(UPGRADE_REFUSED)
        request = ASGIRequest(scope, BytesIO(body))
        request._body = body  # read already, and no larger than it may be
        response = await self.get_response_async(request)
        assert isinstance(response, HttpResponse)
        return not_allowed(response) if response.status_code == 405 else response

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """The view of the request's path; Resolver404 when there is none."""
        request.resolver_match = self._match(request.path_info)
        return request.resolver_match


def _is_upgrade(scope: Any) -> bool:
    """Whether the server has dropped the body, as it does where the head offers another protocol."""
    return scope["method"] == "POST" and any(name == b"upgrade" for name, _ in scope["headers"])


async def _read(receive: Any, limit_bytes: int) -> bytes | None:
    """The whole body; None as soon as it is larger than it may be, or when its sender has hung up."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Half a request is none: nobody would hear its answer, and it must leave no row.
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit_bytes:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer_signal(scope: Any, receive: Any) -> Answer:
    """What `trading.api.webhook` answers."""
    body = await _read(receive, BODY_LIMIT_BYTES)
    if body is None:
        return TOO_LARGE
    if not body and _is_upgrade(scope):
        return UPGRADE_REFUSED
    return await reception.answer(headers=signing_headers(scope["headers"]), body=body)


async def _send_answer(answer: Answer, send: Any) -> None:
    """As `render` does."""
    headers = [(b"Content-Type", JSON.encode())]
    if answer.retry_after_seconds is not None:
        headers.append((b"Retry-After", str(answer.retry_after_seconds).encode()))
    await _send_bytes(send, status=answer.http_status, headers=headers, body=body_of(answer))


async def _send(response: HttpResponse, send: Any) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
    await _send_bytes(send, status=response.status_code, headers=headers, body=response.content)


async def _send_bytes(
    send: Any, *, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    headers.append((b"Content-Length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Any, send: Any) -> None:
    """Open the reception before the first request and close it after the last."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await reception.open()
            await send({"type": "lifespan.startup.complete"})
        else:
            await reception.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


def application() -> LeanHandler:
    """The ASGI application, its URLs and views loaded."""
    handler = LeanHandler()
    handler.load_middleware(is_async=True)
    return handler
