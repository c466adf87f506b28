"""HTTP without a detour: what needs no waiting is answered in the very call that read its last byte.

uvicorn's protocol makes a task, an event and two messages of every request, which costs more than most
answers here. Everything unusual (a fault switched on, an upgrade, a slow reader) still goes its way.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workers.sandbox.asgi import MAX_BODY_BYTES, TOO_LARGE, Request, Response, read_query

_PLAIN_METHODS = (b"GET", b"POST")
_STATUS_LINES = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}


class DirectHttp(HttpToolsProtocol):
    """One connection. `config.app` must be the sandbox's App: it says what may be answered at once."""

    _parts: list[bytes] | None = None
    """The body so far of a request that is answered at once; None for any other."""
    _length = 0

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        if self._is_plain():
            self._parts, self._length = [], 0
            return
        self._parts = None
        url, headers = self.url, self.headers
        expects = self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the scope has this very list
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._parts is None:
            super().on_body(body)
            return
        self._length += len(body)
        if self._length <= MAX_BODY_BYTES:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._parts is None:
            super().on_message_complete()
            return
        app: Any = self.config.app
        is_whole = self._length <= MAX_BODY_BYTES
        self._write(app.answer_at_once(self._request()) if is_whole else TOO_LARGE)

    def _is_plain(self) -> bool:
        """Nothing about the request or its connection needs more than an answer."""
        app: Any = self.config.app
        return (
            app.is_prompt
            and self.parser.get_method() in _PLAIN_METHODS
            and self.url.startswith(b"/")
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _request(self) -> Request:
        assert self._parts is not None
        path, _, query = self.url.decode("ascii").partition("?")
        return Request(
            method=self.parser.get_method().decode("ascii"),
            path=unquote(path) if "%" in path else path,
            query=read_query(query),
            body=b"".join(self._parts),
            client_host=self.client[0] if self.client else "",
        )

    def _write(self, response: Response) -> None:
        lines = [
            _STATUS_LINES.get(response.status) or b"HTTP/1.1 %d \r\n" % response.status,
            b"content-type: %b\r\ncontent-length: %d\r\n"
            % (response.content_type.encode(), len(response.body)),
        ]
        # The server's own, as uvicorn adds them: above all the date, by which clocks are compared.
        lines += [b"%b: %b\r\n" % each for each in self.server_state.default_headers]
        lines += [f"{name}: {value}\r\n".encode() for name, value in response.headers.items()]
        is_kept = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        lines.append(b"\r\n" if is_kept else b"connection: close\r\n\r\n")
        lines.append(response.body)
        self.transport.write(b"".join(lines))
        if not is_kept:
            self.transport.close()
        self.on_response_complete()
