"""Connections to the doors of providers: who sends too much, or too slowly, is hung up on.

Otherwise one head of 30 MB keeps everybody else waiting for a second, and halves of requests stay for ever.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trading.api import JSON, body_of
from trading.reception import NOTICE_LIMIT_BYTES, too_large
from trading.services.answers import Answer

HEAD_LIMIT_BYTES = 64 * 1024
REQUEST_LIMIT_BYTES = 2 * NOTICE_LIMIT_BYTES
"""With what stands between and behind the pieces of a body, which nobody asked for.

Both are counted from a request's second read on: what comes in one piece is read already.
"""
REQUEST_SECONDS = 10.0

HEAD_TOO_LARGE = Answer(
    http_status=431,
    code="head_too_large",
    details={"head": f"at most {HEAD_LIMIT_BYTES} bytes"},
)
REQUEST_TOO_LARGE = too_large(REQUEST_LIMIT_BYTES)
TOO_SLOW = Answer(
    http_status=408,
    code="request_timeout",
    details={"request": f"send all of it within {REQUEST_SECONDS:g} seconds"},
)
UNREADABLE = Answer(
    http_status=400, code="invalid_http", details={"request": "is not HTTP/1.1 as RFC 9112 has it"}
)


class Connection(HttpToolsProtocol):
    """One connection, with limits to the size of a head and of a request, and to the time that it may take to come."""

    _timer: asyncio.TimerHandle | None = None
    _begun = _bytes = 0
    _is_coming = _is_in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has called; he has said nothing yet."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The next piece, whatever it is of."""
        before = self._begun
        super().data_received(data)
        # Not what a request began in: that may have the end of the one before in it.
        if self._is_coming and self._begun == before:
            self._bytes += len(data)
            if self._is_in_head and self._bytes > HEAD_LIMIT_BYTES:
                self._hang_up(HEAD_TOO_LARGE)
            elif self._bytes > REQUEST_LIMIT_BYTES:
                self._hang_up(REQUEST_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._is_coming = self._is_in_head = True
        self._begun, self._bytes = self._begun + 1, 0
        if self._timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """The end of its head."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of its body: what it takes from now on is our time, not its sender's."""
        self._stop_timer()
        self._is_coming = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as HTTP, in the one envelope."""
        self._hang_up(UNREADABLE)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._hang_up, TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self, answer: Answer) -> None:
        """Tell why, unless an answer is on its way already, and close."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        is_in_body = self._is_coming and not self._is_in_head
        if not (is_in_body and self.cycle.response_started):
            self.transport.write(_as_bytes(answer))
        self.transport.close()


def _as_bytes(answer: Answer) -> bytes:
    body = body_of(answer)
    status = HTTPStatus(answer.http_status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
