"""Whose request is this: checks a signature or a secret in constant time. Nothing here reads the body's meaning."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WINDOW_SECONDS = 60


class NotAuthentic(Exception):
    """No valid secret made this signature, or it is outside the window. Deliberately without detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecret:
    """One secret that is valid now, and whose it is."""

    provider_id: int
    provider_name: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated provider and the key under which this very request may be accepted once."""

    provider_id: int
    provider_name: str
    replay_key: str


def authenticate(
    *, headers: Mapping[str, str], body: bytes, secrets: Iterable[KnownSecret], now: float
) -> Caller:
    """The caller, by X-Signature or by the Standard Webhooks headers; NotAuthentic otherwise.

    `headers` has lower-case names. Every secret is tried, whichever matches, so the time taken tells
    nothing. The window is 60 s to either side, inclusive (specification §3).
    """
    if "x-signature" in headers:
        return _by_timestamp(headers, body, secrets, now)
    if "webhook-signature" in headers:
        return _by_standard_webhooks(headers, body, secrets, now)
    raise NotAuthentic


def recognise(*, headers: Mapping[str, str], secrets: Iterable[KnownSecret]) -> KnownSecret:
    """Whose secret the Authorization header is, word for word; NotAuthentic when nobody's.

    Every secret is compared in constant time, whichever matches. Nothing binds it to a body or a moment:
    that is all that Helius can send.
    """
    given, found = headers.get("authorization", "").encode(), None
    for known in secrets:
        if hmac.compare_digest(known.secret.encode(), given):
            found = known
    if found is None or not given:
        raise NotAuthentic
    return found


def sign(*, secret: str, timestamp: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over the timestamp's text immediately followed by the raw body."""
    return hmac.digest(secret.encode(), timestamp.encode() + body, "sha256").hex()


def sign_standard(*, secret: str, identifier: str, timestamp: str, body: bytes) -> str:
    """Base64 HMAC-SHA256 of Standard Webhooks, without its `v1,`; ValueError for a `whsec_` that is not base64."""
    key = _standard_key(secret)
    if key is None:
        raise ValueError("a whsec_ secret is base64 after its prefix")
    return _standard_signature(key, _standard_content(identifier, timestamp, body)).decode()


def _standard_content(identifier: str, timestamp: str, body: bytes) -> bytes:
    return f"{identifier}.{timestamp}.".encode() + body


def _standard_signature(key: bytes, content: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, content, "sha256"))


def _by_timestamp(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[KnownSecret], now: float
) -> Caller:
    timestamp = headers.get("x-timestamp", "")
    _check_window(timestamp, now)
    given = headers["x-signature"].encode()
    found = None
    for known in secrets:
        expected = sign(secret=known.secret, timestamp=timestamp, body=body).encode()
        if hmac.compare_digest(expected, given):
            found = known
    # The moment adds nothing that the signature does not say: digits that the body could lend to it or take
    # from it would move it out of the window. In front, it has the index grow at its end alone.
    return _caller(found, f"hmac:{int(timestamp)}:{headers['x-signature']}")


def _by_standard_webhooks(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[KnownSecret], now: float
) -> Caller:
    timestamp, identifier = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    _check_window(timestamp, now)
    given = [
        part.removeprefix("v1,").encode()
        for part in headers["webhook-signature"].split(" ")
        if part.startswith("v1,")
    ]
    content = _standard_content(identifier, timestamp, body)
    found = None
    for known in secrets:
        key = _standard_key(known.secret)
        if key is None:
            continue
        expected = _standard_signature(key, content)
        for candidate in given:
            if hmac.compare_digest(expected, candidate):
                found = known
    # By what was signed: of several signatures each one alone would carry the same message again.
    owner = 0 if found is None else found.provider_id
    return _caller(found, f"v1:{owner}:{hashlib.sha256(content).hexdigest()}")


def _standard_key(secret: str) -> bytes | None:
    """`whsec_` secrets are base64 of the key, None when it is not; any other is the key's own text."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return None


def _check_window(timestamp: str, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotAuthentic
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise NotAuthentic


def _caller(found: KnownSecret | None, replay_key: str) -> Caller:
    if found is None:
        raise NotAuthentic
    return Caller(
        provider_id=found.provider_id, provider_name=found.provider_name, replay_key=replay_key
    )
