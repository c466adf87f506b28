"""HTTP for signals: reads headers and body, asks the reception, writes its answer down as JSON."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from trading.alerts import AlertDoor
from trading.domain.addresses import read_networks
from trading.reception import Reception
from trading.services.answers import Answer

SIGNING_HEADERS = (
    *("x-signature", "x-timestamp", "authorization"),
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
)
"""Nothing else of a request's head says whose it is."""
_KEYS = {f"HTTP_{name.upper().replace('-', '_')}": name for name in SIGNING_HEADERS}
_RAW_NAMES = {name.encode(): name for name in SIGNING_HEADERS}
JSON = "application/json"

router = Router(tags=["signals"])
reception = Reception(clock=lambda: datetime.now(UTC))
alerts = AlertDoor(
    reception,
    clock=lambda: datetime.now(UTC),
    trusted=read_networks(settings.TRUSTED_PROXIES),
)


@router.post("/webhook", auth=None, summary="Deliver a signal")
async def webhook(request: HttpRequest) -> HttpResponse:
    """Accepts one signed signal (specification §3). The body is read raw: the signature covers its bytes."""
    # What Ninja documents, and refuses other methods by; the signal door answers a POST without coming here.
    return render(await reception.answer(headers=_headers(request), body=request.body))


@router.post("/providers/helius", auth=None, summary="Tell of leaders' transactions")
async def helius(request: HttpRequest) -> HttpResponse:
    """Accepts Helius' webhook: a JSON array of transactions, the shared secret in `Authorization`.

    Answered as soon as the body is stored. Which transactions are swaps of leaders is found out afterwards.
    """
    return render(await reception.answer_helius(headers=_headers(request), body=request.body))


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name: request.META[key] for key, name in _KEYS.items() if key in request.META}


def signing_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Those of an ASGI request's headers that say whose it is; one that came twice joined, as Django does."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = _RAW_NAMES.get(raw)
        if name is not None:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


@router.post("/providers/alerts/{name}", auth=None, summary="Deliver an alert")
async def alert(request: HttpRequest, name: str) -> HttpResponse:
    """Accepts one alert in the shape that the mapping of this name reads (docs/alerts.md)."""
    answer = await alerts.answer(
        name=name,
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.headers.get("X-Forwarded-For", ""),
        body=request.body,
    )
    return render(answer)


def render(answer: Answer) -> HttpResponse:
    """The answer's status, body and Retry-After."""
    response = HttpResponse(body_of(answer), status=answer.http_status, content_type=JSON)
    if answer.retry_after_seconds is not None:
        response["Retry-After"] = str(answer.retry_after_seconds)
    return response


def body_of(answer: Answer) -> bytes:
    """The answer in the one envelope, as JSON."""
    body: dict[str, Any] = {"status": answer.status}
    if answer.code:
        body["reason"] = answer.code
    if answer.trade_uuid:
        body["trade_uuid"] = answer.trade_uuid
    if answer.code == "duplicate_signal":
        body["state"] = answer.state
    if answer.details:
        body["details"] = answer.details
    return orjson.dumps(body)
