"""One endpoint asked by plain HTTP, each question with its own deadline; what it answers is judged elsewhere."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from trading.gateways.base import GatewayError, InvalidReply, Refused, Unavailable
from trading.gateways.http import Host
from trading.probe.findings import Finding, Judgement, Verdict, broken
from trading.probe.judges import Judge

REPLY_LIMIT_BYTES = 16 * 1024 * 1024
HALF_A_SECOND = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A parsed reply. `drift_seconds` is our clock less theirs, where they told their time."""

    value: Any
    milliseconds: float
    status: int
    headers: Mapping[str, str]
    drift_seconds: float | None

    @property
    def limits(self) -> str:
        """What its headers say of the allowance, in its own words; empty where they say nothing."""
        told = {
            name.lower(): value
            for name, value in self.headers.items()
            if "ratelimit" in name.lower().replace("-", "")
        }
        return ", ".join(f"{name} {value}"[:60] for name, value in sorted(told.items()))


class Endpoint:
    """A host under its role. Its texts name role and host, and never a key."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        role: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        seconds: float,
    ) -> None:
        self._session, self._url, self._seconds = session, url, seconds
        self._headers = {name: value for name, value in (headers or {}).items() if value}
        self._host = Host(session, url, reply_limit_bytes=REPLY_LIMIT_BYTES, headers=self._headers)
        self.name = f"{role} {self._host.name}"

    async def rpc(self, method: str, *params: Any, path: str = "") -> Answer:
        """The result of a JSON-RPC call as the answer's value; Refused for its error."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = await self.ask("POST", path, body=call)
        if not isinstance(answer.value, dict):
            raise InvalidReply("no JSON-RPC reply")
        if answer.value.get("error") is not None:
            raise self._refusal(answer.value["error"])
        if "result" not in answer.value:
            raise InvalidReply("neither result nor error")
        return Answer(
            value=answer.value["result"],
            milliseconds=answer.milliseconds,
            status=answer.status,
            headers=answer.headers,
            drift_seconds=answer.drift_seconds,
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        """The reply, by the deadline; every way it can fail is a GatewayError."""
        url = self._url if not path else self._url.rstrip("/") + path
        data = None if body is None else orjson.dumps(body)
        headers = {**self._headers, **({"Content-Type": "application/json"} if data else {})}
        begun, sent_at = time.monotonic(), datetime.now(UTC)
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._session.request(
                    method, url, params=params, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                raw = await _whole(response)
        except TimeoutError:
            raise Unavailable(f"no answer within {self._seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The library's own text can hold the whole URL, key included.
            raise Unavailable(type(error).__name__) from None
        seconds = time.monotonic() - begun
        return Answer(
            value=self._parsed(response.status, raw),
            milliseconds=seconds * 1_000,
            status=response.status,
            headers=response.headers,
            drift_seconds=_drift(response.headers.get("Date"), sent_at, seconds),
        )

    def _parsed(self, status: int, raw: bytes) -> Any:
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            value = None
        if 200 <= status < 300 and value is not None:
            return value
        if 200 <= status < 300 and raw.strip() != b"null":
            raise InvalidReply("the reply is not JSON")
        if status in (401, 403):
            raise Unavailable(f"HTTP {status}: the key or address is refused", status=status)
        said = self._host.clean(_message(value)) if isinstance(value, dict) else ""
        raise Unavailable(f"HTTP {status} {said}".rstrip(), status=status)

    def _refusal(self, error: Any) -> Refused:
        code = error.get("code") if isinstance(error, dict) else None
        message = self._host.clean(error.get("message") if isinstance(error, dict) else error)
        return Refused(f"{code}: {message}", code=code or 0, message=message)


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > REPLY_LIMIT_BYTES:
            raise InvalidReply(f"a reply larger than {REPLY_LIMIT_BYTES} bytes")
    return b"".join(parts)


def _message(value: Mapping[str, Any]) -> object:
    error = value.get("error")
    if isinstance(error, dict):
        return error.get("message")
    return error if isinstance(error, str) else value.get("message", "")


def _drift(date: str | None, sent_at: datetime, seconds: float) -> float | None:
    """Our clock less theirs at the middle of the exchange; their header counts whole seconds."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    ours = sent_at.timestamp() + seconds / 2
    return ours - (theirs.timestamp() + HALF_A_SECOND)


async def checked(
    endpoint: str,
    check: str,
    ask: Callable[[], Awaitable[Answer]],
    judge: Judge,
) -> tuple[Finding, Answer | None]:
    """The row of one question, whatever happens, and the answer where there is a good one."""
    try:
        answer = await ask()
        judgement = judge(answer.value)
    except GatewayError as error:
        return row(endpoint, check, broken(str(error), expected="an answer")), None
    took = round(answer.milliseconds)
    finding = row(endpoint, check, judgement, milliseconds=took)
    return finding, answer if judgement.verdict is not Verdict.BROKEN else None


def row(
    endpoint: str, check: str, judgement: Judgement, *, milliseconds: int | None = None
) -> Finding:
    """A judgement as a row."""
    return Finding(
        endpoint=endpoint,
        check=check,
        verdict=judgement.verdict,
        measured=judgement.measured,
        expected=judgement.expected,
        milliseconds=milliseconds,
    )
