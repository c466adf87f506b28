"""A signal's POST goes past Django's objects: it reads and answers as the ordinary way does."""

import asyncio
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest

from chimera_site import ingress
from trading.api import _headers, render, signing_headers
from trading.reception import (
    FAILED,
    STORAGE_UNAVAILABLE,
    TOO_LARGE,
    UNAUTHENTICATED,
    Reception,
)
from trading.services.answers import Answer

UUID = "0b7e8d43-0d6c-5b7e-8d43-0d6c68696d65"
ANSWERS = (
    Answer(http_status=202, trade_uuid=UUID, state="QUEUED"),
    Answer(http_status=200, code="duplicate_signal", trade_uuid=UUID, state="COMPLETED"),
    Answer(http_status=422, code="validation_failed", details={"token": "wie heißt es?"}),
    Answer(http_status=429, code="rate_limited"),
    STORAGE_UNAVAILABLE,
    TOO_LARGE,
    UNAUTHENTICATED,
    FAILED,
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: each.code or "accepted")
def test_every_answer_is_sent_as_the_ordinary_way_sends_it(answer: Answer) -> None:
    ordinary, short = asyncio.run(_sent(answer))
    assert short == ordinary


async def _sent(answer: Answer) -> tuple[list[Any], list[Any]]:
    ordinary: list[Any] = []
    short: list[Any] = []

    async def send_ordinary(message: Any) -> None:
        ordinary.append(message)

    async def send_short(message: Any) -> None:
        short.append(message)

    await ingress._send(render(answer), send_ordinary)
    await ingress._send_answer(answer, send_short)
    for start in (ordinary[0], short[0]):
        start["headers"] = sorted(start["headers"])
    return ordinary, short


def test_headers_are_read_as_django_reads_them() -> None:
    raw = [
        (b"host", b"door"),
        (b"x-timestamp", b"1"),
        (b"x-signature", b"a"),
        (b"x-signature", b"b"),
        (b"x_signature", b"forged"),
        (b"webhook-id", "ü".encode("latin-1")),
        (b"cookie", b"x-signature=c"),
    ]
    scope = {"type": "http", "method": "POST", "path": ingress.WEBHOOK, "headers": raw}
    found = signing_headers(raw)
    assert found == _headers(ASGIRequest(scope, BytesIO()))
    assert found["x-signature"] == "a,b"


def test_our_own_mistake_is_told_in_the_one_envelope() -> None:
    def broken() -> datetime:
        raise OverflowError("no time at all")

    door = Reception(clock=broken)
    answer = asyncio.run(door.answer(headers={}, body=b"{}"))
    assert (answer.http_status, answer.status, answer.code) == (500, "rejected", "internal_error")
