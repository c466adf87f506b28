"""The signal door of one process: knows the valid secrets, authenticates, and has the writer store and answer."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from django.db.models import Q

from trading import metrics
from trading.domain.signals import SignalInvalid, SignalRequest, parse_signal
from trading.hmac_auth import KnownSecret, NotAuthentic, authenticate
from trading.metrics import Stage
from trading.models import ProviderSecret
from trading.services.deliveries import Answer, Request, receive_deliveries
from trading.services.policy import PolicyMissing
from trading.writer import Collected, GroupWriter, StorageUnavailable

T = TypeVar("T")
log = logging.getLogger("reception")
BODY_LIMIT_BYTES = 64 * 1024
SECRETS_SECONDS = 1.0

UNAUTHENTICATED = Answer(http_status=401, code="authentication_failed")
STORAGE_UNAVAILABLE = Answer(http_status=503, code="storage_unavailable")
TOO_LARGE = Answer(
    http_status=413, code="body_too_large", details={"body": f"at most {BODY_LIMIT_BYTES} bytes"}
)


class Reception:
    """Answers webhook requests. Open it once in the process's event loop and close it at the end."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._writer = GroupWriter()
        self._store = Collected(self._writer, receive_deliveries)
        self._secrets: list[KnownSecret] = []
        self._refreshing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the writer and learn the secrets; they are read again every second (rotation)."""
        metrics.bind(Stage.COMMITTED)
        self._writer.start()
        await self._read_secrets()
        self._refreshing = asyncio.create_task(self._keep_reading_secrets())

    async def close(self) -> None:
        """Commit what was promised, then stop."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await asyncio.to_thread(self._writer.stop)

    async def is_storing(self) -> bool:
        """Whether the database takes writes at this moment."""
        try:
            await self._writer.run(lambda: None)
        except StorageUnavailable:
            return False
        return True

    async def answer(self, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request, durable when it says accepted. Never raises."""
        answer = await self._answer(headers, body)
        metrics.count_answer(status=answer.http_status, code=answer.code)
        return answer

    async def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > BODY_LIMIT_BYTES:
            return TOO_LARGE
        now = self._clock()
        try:
            caller = authenticate(
                headers=headers, body=body, secrets=self._secrets, now=now.timestamp()
            )
        except NotAuthentic:
            return UNAUTHENTICATED
        return await self.deliver(
            Request(caller=caller, body=body, parsed=_parse(body), received_at=now)
        )

    async def run(self, verb: Callable[[], T]) -> T:
        """A verb's result once it is committed; StorageUnavailable."""
        return await self._writer.run(verb)

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads; StorageUnavailable."""
        return await self._writer.read(verb)

    async def deliver(self, request: Request) -> Answer:
        """The answer to an authenticated request, stored with it. Never raises."""
        try:
            answer = await self._store(request)
            self._measure(request, answer)
            return answer
        except (StorageUnavailable, PolicyMissing) as error:
            log.error("a signal could not be stored: %s", error)
            return STORAGE_UNAVAILABLE
        except Exception:
            log.exception("a signal could not be answered")
            return STORAGE_UNAVAILABLE

    def _measure(self, request: Request, answer: Answer) -> None:
        if answer.http_status == 202 and isinstance(request.parsed, SignalRequest):
            seconds = (self._clock() - request.received_at).total_seconds()
            metrics.observe_stage(Stage.COMMITTED, request.parsed.action, seconds=seconds)

    async def _keep_reading_secrets(self) -> None:
        while True:
            await asyncio.sleep(SECRETS_SECONDS)
            try:
                await self._read_secrets()
            except Exception as error:
                # The loop must live: it is what makes a revoked secret invalid.
                log.warning("secrets: %s", error)

    async def _read_secrets(self) -> None:
        now = self._clock()
        self._secrets = await self._writer.read(lambda: _valid_secrets(now))


def _parse(body: bytes) -> SignalRequest | SignalInvalid:
    try:
        return parse_signal(body)
    except SignalInvalid as error:
        return error


def _valid_secrets(now: datetime) -> list[KnownSecret]:
    rows = ProviderSecret.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now), provider__is_enabled=True
    ).select_related("provider")
    return [
        KnownSecret(provider_id=row.provider_id, provider_name=row.provider.name, secret=row.secret)
        for row in rows
    ]
