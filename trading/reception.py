"""The doors of one process: knows the valid secrets, authenticates, and has the writer store and answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.db.models import Q

from trading import metrics
from trading.collected import Collected
from trading.domain.signals import SignalInvalid, SignalRequest, parse_signal
from trading.hmac_auth import KnownSecret, NotAuthentic, authenticate, recognise
from trading.metrics import Stage
from trading.models import Door, ProviderSecret
from trading.rows import first
from trading.seldom import Seldom
from trading.services.answers import Answer
from trading.services.deliveries import Request, receive_deliveries
from trading.services.measures import EntryQueue
from trading.services.notices import Post, count_transactions, receive_notices
from trading.writer import GroupWriter, StorageUnavailable

T = TypeVar("T")
log = logging.getLogger("reception")
log.addFilter(Seldom())
Item = TypeVar("Item")
BODY_LIMIT_BYTES = 64 * 1024
NOTICE_LIMIT_BYTES = 2 * 1024 * 1024
"""Helius may tell of many transactions at once, some of them large."""
SECRETS_SECONDS = 1.0

UNAUTHENTICATED = Answer(http_status=401, code="authentication_failed")
STORAGE_UNAVAILABLE = Answer(http_status=503, code="storage_unavailable")
FAILED = Answer(http_status=500, code="internal_error")


def too_large(limit_bytes: int) -> Answer:
    """What a body gets that is longer than its door takes."""
    details = {"body": f"at most {limit_bytes} bytes"}
    return Answer(http_status=413, code="body_too_large", details=details)


TOO_LARGE = too_large(BODY_LIMIT_BYTES)


class Reception:
    """Answers who knocks. Open it once in the process's event loop and close it at the end."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._writer = GroupWriter(is_first=True)
        self._store = Collected(self._writer, partial(receive_deliveries, queue=EntryQueue()))
        self._note = Collected(self._writer, receive_notices)
        self._secrets: dict[str, list[KnownSecret]] = {}
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
            # Something must be asked: on PostgreSQL a transaction without a statement asks the server nothing.
            await self._writer.run(lambda: first("SELECT 1"))
        except StorageUnavailable:
            return False
        return True

    async def answer(self, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one signal, durable when it says accepted. Never raises."""
        answer = await _whatever_comes(self._answer(headers, body))
        metrics.count_answer(status=answer.http_status, code=answer.code)
        return answer

    async def answer_helius(self, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one notice of transactions, which are read afterwards. Never raises."""
        answer = await _whatever_comes(self._answer_helius(headers, body))
        metrics.count_answer(status=answer.http_status, code=answer.code)
        return answer

    async def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > BODY_LIMIT_BYTES:
            return TOO_LARGE
        now = self._clock()
        secrets = self._secrets.get(Door.WEBHOOK, [])
        try:
            caller = authenticate(headers=headers, body=body, secrets=secrets, now=now.timestamp())
        except NotAuthentic:
            return UNAUTHENTICATED
        return await self.deliver(
            Request(caller=caller, body=body, parsed=_parse(body), received_at=now)
        )

    async def _answer_helius(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > NOTICE_LIMIT_BYTES:
            return too_large(NOTICE_LIMIT_BYTES)
        try:
            caller = recognise(headers=headers, secrets=self._secrets.get(Door.HELIUS, []))
        except NotAuthentic:
            return UNAUTHENTICATED
        count = count_transactions(body)
        post = Post(caller=caller, body=body, transactions=count, received_at=self._clock())
        return await _stored(self._note, post)

    async def run(self, verb: Callable[[], T]) -> T:
        """A verb's result once it is committed; StorageUnavailable."""
        return await self._writer.run(verb)

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads; StorageUnavailable."""
        return await self._writer.read(verb)

    async def deliver(self, request: Request) -> Answer:
        """The answer to an authenticated request, stored with it. Never raises."""
        answer = await _stored(self._store, request)
        self._measure(request, answer)
        return answer

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


async def _whatever_comes(answering: Awaitable[Answer]) -> Answer:
    """The answer, and one in our own words where our own code breaks."""
    try:
        return await answering
    except Exception:
        log.exception("a request could not be answered")
        return FAILED


async def _stored(store: Collected[Item, Answer], item: Item) -> Answer:
    """What the rows say to it, or that there are none."""
    try:
        return await store(item)
    except StorageUnavailable as error:
        log.error("a request could not be stored: %s", error)
    except Exception:
        log.exception("a request could not be answered")
    return STORAGE_UNAVAILABLE


def _parse(body: bytes) -> SignalRequest | SignalInvalid:
    try:
        return parse_signal(body)
    except SignalInvalid as error:
        return error


def _valid_secrets(now: datetime) -> dict[str, list[KnownSecret]]:
    """By door."""
    rows = ProviderSecret.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now), provider__is_enabled=True
    ).select_related("provider")
    found: dict[str, list[KnownSecret]] = {}
    for row in rows:
        owner = row.provider
        known = KnownSecret(provider_id=owner.pk, provider_name=owner.name, secret=row.secret)
        found.setdefault(owner.door, []).append(known)
    return found
