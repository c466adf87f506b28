"""Requests at the webhook, answered and stored many at a time; one is only a short list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from trading import live
from trading.domain.lifecycle import SignalStatus
from trading.domain.signals import SignalInvalid, SignalRequest, identity_keys
from trading.domain.values import Action
from trading.hmac_auth import Caller
from trading.models import Delivery
from trading.providers import TURNED_AWAY
from trading.rows import every, insert_many, marks
from trading.services.answers import Answer
from trading.services.buckets import Buckets
from trading.services.intake import (
    TRIES,
    Arrival,
    add_identities,
    free_name,
    known_mints,
    owner_of,
    owners_of,
    store_signals,
    taken_names,
    with_mint,
)
from trading.services.measures import EntryQueue, Measures
from trading.services.pairing import TradesTold

REPLAYED = "replayed_request"
REFUSED_BODY_CHARACTERS = 4_096
"""How much of a refused request is kept: enough to see what was meant, too little to fill a disk with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One authenticated request and what its body says."""

    caller: Caller
    body: bytes
    parsed: SignalRequest | SignalInvalid
    received_at: datetime


def receive_deliveries(
    requests: Sequence[Request], *, queue: EntryQueue | None = None
) -> list[Answer]:
    """Answer requests in their order and store each with its answer, in one transaction.

    Replay, rate, validity, identity, token cache, halt and shedding are checked in that order, and a
    request counts for those behind it; only an accepted one creates a signal. 429 and 503 leave the
    request free to be sent again as it is. A `queue` that is kept from call to call is counted less often.
    """
    for number in range(TRIES):
        try:
            with transaction.atomic():
                answers = _receive(requests, queue, is_first_try=number == 0)
            break
        except IntegrityError:
            # Another process stored one of these between our look and our insert, or a dead letter has
            # the name of one: the next look sees it.
            if number == TRIES - 1:
                raise
    transaction.on_commit(partial(live.publish, "signals"))
    return answers


def _receive(
    requests: Sequence[Request], queue: EntryQueue | None, *, is_first_try: bool
) -> list[Answer]:
    cases = _cases(requests)
    door = _Door(cases, queue, is_first_try=is_first_try)
    answers = [door.answer(case) for case in cases]
    door.store()
    insert_many(
        Delivery,
        [_delivery(request, answer) for request, answer in zip(requests, answers, strict=True)],
    )
    return answers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A request with its mint and its identities, or with what is wrong about it."""

    request: Request
    signal: SignalRequest | None = None
    keys: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict)


def _cases(requests: Sequence[Request]) -> list[_Case]:
    mints = known_mints(each.parsed for each in requests if isinstance(each.parsed, SignalRequest))
    return [_case(request, mints) for request in requests]


def _case(request: Request, mints: dict[str, tuple[str, str]]) -> _Case:
    try:
        if isinstance(request.parsed, SignalInvalid):
            raise request.parsed
        signal = with_mint(request.parsed, mints)
    except SignalInvalid as error:
        return _Case(request=request, details=error.details)
    source, received_at = request.caller.provider_name, request.received_at
    keys = identity_keys(signal, source=source, received_at=received_at)
    return _Case(request=request, signal=signal, keys=keys)


class _Door:
    """What the rows know about a list of requests, looked up once and kept up to date from one to the next."""

    def __init__(
        self, cases: Sequence[_Case], queue: EntryQueue | None, *, is_first_try: bool
    ) -> None:
        requests = [case.request for case in cases]
        self._replayed = _replayed({each.caller.replay_key for each in requests})
        self._buckets = Buckets(requests)
        identities = [case.keys for case in cases if case.keys]
        self._owners = owners_of([key for keys in identities for key in keys])
        # Hardly ever one is, and then the first try fails.
        self._taken = set() if is_first_try else taken_names(identities)
        self._measures = Measures(
            [case.signal for case in cases if case.signal and case.signal.action is Action.BUY],
            now=min(each.received_at for each in requests),
            queue=queue,
        )
        self._told = TradesTold(
            [case.signal for case in cases if case.signal],
            now=max(each.received_at for each in requests),
        )
        self._arrivals: list[Arrival] = []
        self._aliases: dict[str, UUID] = {}

    def answer(self, case: _Case) -> Answer:
        caller = case.request.caller
        if caller.replay_key in self._replayed:
            return Answer(http_status=401, code=REPLAYED)
        if not self._buckets.take(caller.provider_id):
            return Answer(http_status=429, code="rate_limited")
        answer = self._admit(case)
        if answer.retry_after_seconds is None:
            self._replayed.add(caller.replay_key)
        return answer

    def store(self) -> None:
        self._buckets.store()
        self._measures.store()
        store_signals(self._arrivals)
        add_identities(self._aliases)

    def _admit(self, case: _Case) -> Answer:
        if case.signal is None:
            return Answer(http_status=422, code="validation_failed", details=case.details)
        owner = owner_of(case.keys, self._owners)
        if owner is None:
            owner = self._told.owner(case.signal, provider=case.request.caller.provider_id)
            if owner is not None:
                # From now on it is that signal's, also when it is told again later.
                self._aliases |= dict.fromkeys(case.keys, owner[0])
                self._owners |= dict.fromkeys(case.keys, owner)
        if owner is not None:
            return _duplicate(*owner)
        if case.signal.action is Action.BUY:
            refusal = self._measures.refusal(case.signal)
            if refusal is not None:
                return refusal
        return self._accept(case.request, case.signal, case.keys)

    def _accept(self, request: Request, signal: SignalRequest, keys: tuple[str, ...]) -> Answer:
        uuid = free_name(keys, taken=self._taken, now=request.received_at)
        arrival = Arrival(
            uuid=uuid,
            request=signal,
            keys=keys,
            source=request.caller.provider_name,
            received_at=request.received_at,
        )
        self._arrivals.append(arrival)
        state = SignalStatus.QUEUED.value
        self._owners.update(dict.fromkeys(keys, (uuid, state)))
        return Answer(http_status=202, trade_uuid=str(uuid), state=state)


def _duplicate(uuid: UUID, state: str) -> Answer:
    return Answer(http_status=200, code="duplicate_signal", trade_uuid=str(uuid), state=state)


def _replayed(keys: set[str]) -> set[str]:
    found = every(
        f"SELECT replay_key FROM trading_delivery WHERE replay_key IN ({marks(keys)})",  # noqa: S608
        *keys,
    )
    return {row[0] for row in found}


def _delivery(request: Request, answer: Answer) -> dict[str, Any]:
    may_come_again = answer.retry_after_seconds is not None or answer.code == REPLAYED
    return {
        "provider": request.caller.provider_id,
        "received_at": request.received_at,
        "replay_key": None if may_come_again else request.caller.replay_key,
        "body": _kept(request.body, answer),
        "http_status": answer.http_status,
        "answer": answer.status,
        "code": answer.code,
        "details": answer.details,
        "signal": answer.trade_uuid or None,
    }


def _kept(body: bytes, answer: Answer) -> str:
    """An accepted body whole, the beginning of a refused one, nothing of what nobody looked at."""
    if answer.code in TURNED_AWAY:
        return ""
    text = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    return text[:REFUSED_BODY_CHARACTERS] if answer.code else text
