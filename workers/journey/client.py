"""A signal provider: signs and posts as specification §3 says, and tries again when nobody answers."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ATTEMPTS = 60
PAUSE_SECONDS = 0.5
# Longer than a platform whose storage is locked takes to say so.
TIMEOUT = aiohttp.ClientTimeout(total=15)


class NobodyAnswers(Exception):
    """The webhook could not be reached for a whole minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the webhook answered; `attempts` above 1 means that earlier ones got no answer."""

    http_status: int
    status: str
    reason: str = ""
    trade_uuid: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    retry_after: str = ""
    attempts: int = 1
    milliseconds: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Accepted now, or by an attempt whose answer was lost."""
        is_known = self.reason == "duplicate_signal" and self.attempts > 1
        return self.http_status == 202 or is_known

    def __str__(self) -> str:
        return f"{self.http_status} {self.reason or self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One request as it goes over the wire."""

    body: bytes
    headers: Mapping[str, str]


Signer = Callable[..., Signed]
"""(body, *, secret, timestamp) -> Signed: one of the two ways to sign."""


def sign(body: bytes, *, secret: str, timestamp: int) -> Signed:
    """X-Signature: lower-case hex HMAC-SHA256 over the timestamp's text followed by the raw body."""
    message = str(timestamp).encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": str(timestamp),
        "X-Signature": digest,
    }
    return Signed(body=body, headers=headers)


def sign_standard(body: bytes, *, secret: str, timestamp: int) -> Signed:
    """The Standard Webhooks headers: base64 HMAC-SHA256 over id, timestamp and body, joined by dots."""
    name = f"msg_{hashlib.sha256(body).hexdigest()[:20]}"
    message = f"{name}.{timestamp}.".encode() + body
    digest = hmac.new(_standard_key(secret), message, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return Signed(body=body, headers=headers)


def _standard_key(secret: str) -> bytes:
    """Such secrets are shown as `whsec_` and the base64 of the key."""
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


class Client:
    """One provider, speaking to one webhook over plain HTTP."""

    def __init__(
        self, session: aiohttp.ClientSession, *, url: str, secret: str, signer: Signer = sign
    ) -> None:
        self._session, self._url, self._secret, self._sign = session, url, secret, signer
        self.replies: list[Reply] = []
        self._last: dict[bytes, int] = {}

    def another(self, *, secret: str, signer: Signer) -> "Client":
        """Another provider at the same door."""
        return Client(self._session, url=self._url, secret=secret, signer=signer)

    async def send(self, body: Mapping[str, Any] | bytes, *, age_seconds: int = 0) -> Reply:
        """The reply to a signal whose timestamp lies `age_seconds` back (negative: ahead).

        Without an answer it is sent again, signed anew as a real provider does. No timestamp is used twice
        for the same body: it would make an equal signature, which is a replay.
        """
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        for attempt in range(1, ATTEMPTS + 1):
            timestamp = max(int(time.time()) - age_seconds, self._last.get(raw, 0) + 1)
            self._last[raw] = timestamp
            signed = self._sign(raw, secret=self._secret, timestamp=timestamp)
            reply = await self._post(signed, attempt=attempt)
            if reply is not None and reply.reason != "storage_unavailable":
                self.replies.append(reply)
                return reply
            await asyncio.sleep(PAUSE_SECONDS)
        raise NobodyAnswers(self._url)

    async def send_signed(self, signed: Signed) -> Reply:
        """The reply to exactly these bytes and headers, sent again unchanged without an answer."""
        for attempt in range(1, ATTEMPTS + 1):
            reply = await self._post(signed, attempt=attempt)
            if reply is not None:
                self.replies.append(reply)
                return reply
            await asyncio.sleep(PAUSE_SECONDS)
        raise NobodyAnswers(self._url)

    def signed(self, body: Mapping[str, Any], *, secret: str | None = None) -> Signed:
        """A request signed now, with our secret or another one."""
        raw = json.dumps(body).encode()
        return self._sign(raw, secret=secret or self._secret, timestamp=int(time.time()))

    async def _post(self, signed: Signed, *, attempt: int) -> Reply | None:
        begun = time.perf_counter()
        try:
            async with self._session.post(
                self._url, data=signed.body, headers=signed.headers, timeout=TIMEOUT
            ) as response:
                answer = await response.json(content_type=None)
                retry_after = response.headers.get("Retry-After", "")
                http_status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
        return Reply(
            http_status=http_status,
            status=str(answer.get("status", "")),
            reason=str(answer.get("reason", "")),
            trade_uuid=str(answer.get("trade_uuid", "")),
            details=answer.get("details", {}),
            retry_after=retry_after,
            attempts=attempt,
            milliseconds=(time.perf_counter() - begun) * 1_000,
        )
