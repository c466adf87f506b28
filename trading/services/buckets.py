"""How fast providers may call: token buckets that all processes share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from django.db import connection

from trading.hmac_auth import Caller, KnownSecret
from trading.rows import change, every, marks

UNBELIEVABLE_SECONDS = 60
"""A refill so far ahead was made by a clock that has been put back since; no request waits so long."""


class Knock(Protocol):
    """Somebody authenticated at any door."""

    @property
    def caller(self) -> Caller | KnownSecret: ...

    @property
    def received_at(self) -> datetime: ...


class Buckets:
    """The token buckets of the providers that called; one row each, so all processes share them."""

    def __init__(self, requests: Sequence[Knock]) -> None:
        ids = sorted({each.caller.provider_id for each in requests})
        now = max(each.received_at for each in requests).timestamp()
        lock = "ORDER BY id FOR UPDATE" if connection.vendor == "postgresql" else ""
        rows = every(
            "SELECT id, requests_per_second, burst, bucket_tokens, bucket_filled_at"  # noqa: S608
            f" FROM trading_provider WHERE is_enabled AND id IN ({marks(ids)}) {lock}",
            *ids,
        )
        self._tokens, self._filled_at = {}, {}
        for id_, per_second, burst, tokens, filled_at in rows:
            is_believable = filled_at <= now + UNBELIEVABLE_SECONDS
            refill = max(0.0, now - filled_at) * per_second if is_believable else burst
            self._tokens[id_] = min(burst, tokens + refill)
            self._filled_at[id_] = max(now, filled_at) if is_believable else now
        self._used: set[int] = set()

    def take(self, provider_id: int) -> bool:
        """Take one request out of the provider's bucket; False when it is empty or switched off."""
        if self._tokens.get(provider_id, 0.0) < 1:
            return False
        self._tokens[provider_id] -= 1
        self._used.add(provider_id)
        return True

    def store(self) -> None:
        for provider_id in sorted(self._used):
            change(
                "UPDATE trading_provider SET bucket_tokens = %s, bucket_filled_at = %s WHERE id = %s",
                self._tokens[provider_id],
                self._filled_at[provider_id],
                provider_id,
            )
