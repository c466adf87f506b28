"""Taking signals in: the one door for webhooks, the watcher's exits and people's own orders."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from audit import services as audit
from trading import live
from trading.domain.lifecycle import SignalStatus
from trading.domain.policy import Policy
from trading.domain.safety import refusal_by_name
from trading.domain.signals import SignalInvalid, SignalRequest, identity_keys, signal_uuid
from trading.domain.values import Action, Strategy
from trading.hmac_auth import Caller
from trading.models import Delivery, Provider, Signal, SignalEvent, SignalKey, Token
from trading.rows import first, insert, parameter
from trading.services.policy import active_policy
from trading.services.state import trading_state

RETRY_LATER = {429: 1, 503: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider is told (specification §3). `code` is empty when accepted."""

    http_status: int
    code: str = ""
    trade_uuid: str = ""
    state: str = ""
    details: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The word in the body."""
        return "rejected" if self.code else "accepted"

    @property
    def retry_after_seconds(self) -> int | None:
        """When the same request may be sent again, where that makes sense."""
        return RETRY_LATER.get(self.http_status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An accepted signal: its name, its state, and whether this call created it."""

    uuid: UUID
    is_new: bool
    state: str


def receive_delivery(
    *, caller: Caller, body: bytes, parsed: SignalRequest | SignalInvalid, now: datetime
) -> Answer:
    """Answer one authenticated request and store it with its answer, in one transaction.

    Replay, rate, validity, identity, token cache, halt and shedding are checked in that order; only an
    accepted request creates a signal. 429 and 503 leave the request free to be sent again as it is.
    """
    try:
        with transaction.atomic():
            answer = _answer(caller, parsed, now)
            _store_delivery(caller, body, answer, now)
    except IntegrityError:
        # Another process accepted the same signature between our look and our insert.
        answer = Answer(http_status=401, code="replayed_request")
        _store_delivery(caller, body, answer, now)
    transaction.on_commit(partial(live.publish, "signals"))
    return answer


def receive_signal(
    request: SignalRequest,
    *,
    source: str,
    now: datetime,
    key: str = "",
    position: UUID | None = None,
    exit_reason: str = "",
    exit_tiers_taken: int = 0,
) -> Receipt:
    """Store a signal unless its identity is taken, in the current transaction, and wake the executor.

    `key` replaces the identity of §4 for exits of our own making. SignalInvalid when only a symbol was
    given and it is unknown or ambiguous.
    """
    request = _with_mint(request)
    keys = (key,) if key else identity_keys(request, source=source, received_at=now)
    taken = _owner_of(keys)
    if taken is None:
        try:
            with transaction.atomic():
                uuid = _insert_signal(
                    request, keys, source, now, position, exit_reason, exit_tiers_taken
                )
        except IntegrityError:
            taken = _owner_of(keys)
            if taken is not None:
                return Receipt(uuid=taken[0], is_new=False, state=taken[1])
            # The name belongs to a dead letter whose identity is free again: it takes another one.
            uuid = _insert_signal(
                request, keys, source, now, position, exit_reason, exit_tiers_taken, is_again=True
            )
        transaction.on_commit(live.wake)
        return Receipt(uuid=uuid, is_new=True, state=SignalStatus.QUEUED)
    return Receipt(uuid=taken[0], is_new=False, state=taken[1])


def _answer(caller: Caller, parsed: SignalRequest | SignalInvalid, now: datetime) -> Answer:
    if first("SELECT 1 FROM trading_delivery WHERE replay_key = %s", caller.replay_key):
        return Answer(http_status=401, code="replayed_request")
    if not _take_token(caller.provider_id, now.timestamp()):
        return Answer(http_status=429, code="rate_limited")
    if isinstance(parsed, SignalInvalid):
        return _invalid(parsed)
    try:
        request = _with_mint(parsed)
    except SignalInvalid as error:
        return _invalid(error)
    return _admit(caller, request, now)


def _invalid(error: SignalInvalid) -> Answer:
    return Answer(http_status=422, code="validation_failed", details=error.details)


def _admit(caller: Caller, request: SignalRequest, now: datetime) -> Answer:
    keys = identity_keys(request, source=caller.provider_name, received_at=now)
    taken = _owner_of(keys)
    if taken is None:
        refusal = _refusal(request, now) if request.action is Action.BUY else None
        if refusal is not None:
            return refusal
        receipt = receive_signal(request, source=caller.provider_name, now=now)
        if receipt.is_new:
            return Answer(http_status=202, trade_uuid=str(receipt.uuid), state=receipt.state)
        taken = (receipt.uuid, receipt.state)
    return Answer(
        http_status=200, code="duplicate_signal", trade_uuid=str(taken[0]), state=taken[1]
    )


def _refusal(request: SignalRequest, now: datetime) -> Answer | None:
    """Why a buy is not even queued: a mint known to be bad, halted entries or SPEAR, a full queue."""
    refused = first(
        "SELECT refusal_code FROM trading_token WHERE mint = %s AND refused_until > %s",
        request.mint,
        parameter(Token, "refused_until", now),
    )
    if refused is not None:
        return Answer(http_status=200, code=refused[0])
    policy, _ = active_policy()
    unwanted = refusal_by_name(request.mint, policy)
    if unwanted is not None:
        return Answer(http_status=200, code=unwanted)
    state = trading_state()
    is_paused = state.is_spear_paused and request.strategy is Strategy.SPEAR
    if state.are_entries_halted or is_paused:
        return Answer(http_status=503, code="circuit_breaker_triggered")
    if _is_shed(request, policy):
        audit.set_aside(
            source="webhook",
            code="LOAD_SHED",
            text=f"the queue is too full for {request.strategy}; it may be sent again",
            payload={"symbol": request.symbol, "mint": request.mint, "strategy": request.strategy},
            is_retryable=False,
            now=now,
        )
        return Answer(http_status=503, code="queue_full")
    return None


def _is_shed(request: SignalRequest, policy: Policy) -> bool:
    counted = first(
        "SELECT count(*) FROM trading_signal WHERE status IN ('QUEUED', 'RETRY') AND priority > 0"
    )
    waiting = counted[0] if counted else 0
    limit = policy.queue_capacity
    if request.strategy is Strategy.SPEAR:
        limit = limit * policy.shed_spear_bps // 10_000
    return waiting >= limit


def _take_token(provider_id: int, now: float) -> bool:
    """Take one request out of the provider's bucket; one statement, so all processes share it."""
    least = "LEAST" if connection.vendor == "postgresql" else "MIN"
    greatest = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    refill = f"{least}(burst, bucket_tokens + {greatest}(0, %s - bucket_filled_at) * requests_per_second)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Provider._meta.db_table} SET bucket_tokens = {refill} - 1, bucket_filled_at = %s"  # noqa: S608
            f" WHERE id = %s AND is_enabled AND {refill} >= 1",
            [now, now, provider_id, now],
        )
        return bool(cursor.rowcount == 1)


def _with_mint(request: SignalRequest) -> SignalRequest:
    """The request with its mint, looked up by symbol where only that was given; never guessed."""
    if request.mint:
        return request
    # min and max differ exactly when there are several.
    found = first(
        "SELECT min(mint), max(mint) FROM trading_token WHERE symbol = %s", request.symbol
    )
    match found:
        case (str(lowest), highest) if lowest == highest:
            return replace(request, mint=lowest)
        case None | (None, _):
            text = "is not a known symbol; give token_address"
        case _:
            text = "is the symbol of several tokens; give token_address"
    raise SignalInvalid({"token": text})


def _owner_of(keys: tuple[str, ...]) -> tuple[UUID, str] | None:
    marks = ", ".join(["%s"] * len(keys))
    row = first(
        "SELECT s.uuid, s.status FROM trading_signalkey k JOIN trading_signal s"  # noqa: S608
        f" ON s.uuid = k.signal_id WHERE k.key IN ({marks}) LIMIT 1",
        *keys,
    )
    return None if row is None else (UUID(str(row[0])), row[1])


def _insert_signal(
    request: SignalRequest,
    keys: tuple[str, ...],
    source: str,
    now: datetime,
    position: UUID | None,
    exit_reason: str,
    exit_tiers_taken: int,
    *,
    is_again: bool = False,
) -> UUID:
    uuid = signal_uuid(f"{keys[0]}@{now.isoformat()}" if is_again else keys[0])
    insert(
        Signal,
        uuid=uuid,
        source=source,
        strategy=request.strategy.value,
        action=request.action.value,
        mint=request.mint,
        symbol=request.symbol,
        amount_lamports=request.amount_lamports,
        leader_address=request.leader_address,
        exit_fraction=request.exit_fraction,
        source_signature=request.source_signature,
        provider_trade_uuid=request.trade_uuid,
        exit_reason=exit_reason,
        exit_tiers_taken=exit_tiers_taken,
        position=position,
        priority=request.priority,
        status=SignalStatus.QUEUED.value,
        received_at=now,
        next_attempt_at=now,
    )
    for key in keys:
        insert(SignalKey, key=key, signal=uuid)
    insert(SignalEvent, signal=uuid, at=now, status=SignalStatus.QUEUED.value)
    return uuid


def _store_delivery(caller: Caller, body: bytes, answer: Answer, now: datetime) -> Any:
    may_come_again = answer.retry_after_seconds is not None or answer.code == "replayed_request"
    accepted = answer.trade_uuid or None
    return insert(
        Delivery,
        provider=caller.provider_id,
        received_at=now,
        replay_key=None if may_come_again else caller.replay_key,
        body=body.decode("utf-8", "replace").replace("\x00", "�"),
        http_status=answer.http_status,
        answer=answer.status,
        code=answer.code,
        details=answer.details,
        signal=accepted,
    )
