"""HTTP for signals: reads headers and body, asks the reception, writes its answer down as JSON."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Router

from trading.reception import Reception
from trading.services.deliveries import Answer

router = Router(tags=["signals"])
reception = Reception(clock=lambda: datetime.now(UTC))


@router.post("/webhook", auth=None, summary="Deliver a signal")
async def webhook(request: HttpRequest) -> JsonResponse:
    """Accepts one signed signal (specification §3). The body is read raw: the signature covers its bytes."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return render(await reception.answer(headers=headers, body=request.body))


def render(answer: Answer) -> JsonResponse:
    """The answer's status, body and Retry-After."""
    body: dict[str, Any] = {"status": answer.status}
    if answer.code:
        body["reason"] = answer.code
    if answer.trade_uuid:
        body["trade_uuid"] = answer.trade_uuid
    if answer.code == "duplicate_signal":
        body["state"] = answer.state
    if answer.details:
        body["details"] = answer.details
    response = JsonResponse(body, status=answer.http_status)
    if answer.retry_after_seconds is not None:
        response["Retry-After"] = str(answer.retry_after_seconds)
    return response
