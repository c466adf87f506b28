"""Taking signals in: what every door shares, from a symbol's mint to the rows of a new signal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from trading import live
from trading.domain.lifecycle import SignalStatus
from trading.domain.signals import SignalInvalid, SignalRequest, identity_keys, signal_uuid
from trading.domain.values import Action
from trading.models import Signal, SignalEvent, SignalKey
from trading.rows import every, insert_many, marks, parameter

TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An accepted signal: its name, its state, and whether this call created it."""

    uuid: UUID
    is_new: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A signal about to be stored; its first key names it."""

    uuid: UUID
    request: SignalRequest
    keys: tuple[str, ...]
    source: str
    received_at: datetime
    position: UUID | None = None
    exit_reason: str = ""
    exit_tiers_taken: int = 0


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
    request = with_mint(request, known_mints([request]))
    keys = (key,) if key else identity_keys(request, source=source, received_at=now)
    for _ in range(TRIES):
        owner = owner_of(keys, owners_of(keys))
        if owner is not None:
            return Receipt(uuid=owner[0], is_new=False, state=owner[1])
        arrival = Arrival(
            uuid=free_name(keys, taken=taken_names([keys]), now=now),
            request=request,
            keys=keys,
            source=source,
            received_at=now,
            position=position,
            exit_reason=exit_reason,
            exit_tiers_taken=exit_tiers_taken,
        )
        try:
            with transaction.atomic():
                store_signals([arrival])
        except IntegrityError:
            # Another process stored it between our look and our insert: the next look sees it.
            continue
        return Receipt(uuid=arrival.uuid, is_new=True, state=SignalStatus.QUEUED)
    raise IntegrityError(f"the identity of {request.symbol} stays contested")


def known_mints(requests: Iterable[SignalRequest]) -> dict[str, tuple[str, str]]:
    """Lowest and highest mint of every symbol that came without one; they differ where it is ambiguous."""
    symbols = {request.symbol for request in requests if not request.mint}
    if not symbols:
        return {}
    found = every(
        "SELECT symbol, min(mint), max(mint) FROM trading_token"  # noqa: S608
        f" WHERE symbol IN ({marks(symbols)}) GROUP BY symbol",
        *symbols,
    )
    return {symbol: (lowest, highest) for symbol, lowest, highest in found}


def with_mint(request: SignalRequest, mints: dict[str, tuple[str, str]]) -> SignalRequest:
    """The request with its mint, looked up by symbol where only that was given; never guessed."""
    if request.mint:
        return request
    match mints.get(request.symbol):
        case None:
            text = "is not a known symbol; give token_address"
        case (lowest, highest) if lowest == highest:
            return replace(request, mint=lowest)
        case _:
            text = "is the symbol of several tokens; give token_address"
    raise SignalInvalid({"token": text})


Owners = dict[str, tuple[UUID, str]]


def owners_of(keys: Sequence[str]) -> Owners:
    """Name and state of the signal that owns each of these identities."""
    if not keys:
        return {}
    found = every(
        "SELECT k.key, s.uuid, s.status FROM trading_signalkey k JOIN trading_signal s"  # noqa: S608
        f" ON s.uuid = k.signal_id WHERE k.key IN ({marks(keys)})",
        *keys,
    )
    return {key: (UUID(str(uuid)), state) for key, uuid, state in found}


def owner_of(keys: Iterable[str], owners: Owners) -> tuple[UUID, str] | None:
    """The signal that owns any of a request's identities."""
    return next((owners[key] for key in keys if key in owners), None)


def taken_names(identities: Iterable[Sequence[str]]) -> set[UUID]:
    """Which of the names that these identities would give belong to a signal: a dead letter's, when its
    identity is free again.
    """
    names = [parameter(Signal, "uuid", signal_uuid(keys[0])) for keys in identities]
    if not names:
        return set()
    found = every(f"SELECT uuid FROM trading_signal WHERE uuid IN ({marks(names)})", *names)  # noqa: S608
    return {UUID(str(row[0])) for row in found}


def free_name(keys: Sequence[str], *, taken: set[UUID], now: datetime) -> UUID:
    """The deterministic name of an identity, or another one when a dead letter has it."""
    name = signal_uuid(keys[0])
    return signal_uuid(f"{keys[0]}@{now.isoformat()}") if name in taken else name


def store_signals(arrivals: Sequence[Arrival]) -> None:
    """Queue new signals with their identities and wake the executor; IntegrityError when one is taken."""
    if not arrivals:
        return
    # In one order everywhere: two doors that tell of the same trades would else wait for each other.
    arrivals = sorted(arrivals, key=lambda each: each.uuid)
    owners = sorted((key, each.uuid) for each in arrivals for key in each.keys)
    insert_many(Signal, [_row(arrival) for arrival in arrivals])
    insert_many(SignalKey, [{"key": key, "signal": uuid} for key, uuid in owners])
    queued = SignalStatus.QUEUED.value
    insert_many(
        SignalEvent,
        [{"signal": each.uuid, "at": each.received_at, "status": queued} for each in arrivals],
    )
    actions = {arrival.request.action for arrival in arrivals}
    what = b"".join(live.EXIT if action is Action.SELL else live.ENTRY for action in actions)
    transaction.on_commit(partial(live.wake, what=what))


def add_identities(keys: Mapping[str, UUID]) -> None:
    """Let signals answer to these identities too; IntegrityError when one is taken."""
    insert_many(SignalKey, [{"key": key, "signal": uuid} for key, uuid in keys.items()])


def _row(arrival: Arrival) -> dict[str, Any]:
    request = arrival.request
    return {
        "uuid": arrival.uuid,
        "source": arrival.source,
        "strategy": request.strategy.value,
        "action": request.action.value,
        "mint": request.mint,
        "symbol": request.symbol,
        "amount_lamports": request.amount_lamports,
        "leader_address": request.leader_address,
        "exit_fraction": request.exit_fraction,
        "source_signature": request.source_signature,
        "provider_trade_uuid": request.trade_uuid,
        "exit_reason": arrival.exit_reason,
        "exit_tiers_taken": arrival.exit_tiers_taken,
        "position": arrival.position,
        "priority": request.priority,
        "status": SignalStatus.QUEUED.value,
        "received_at": arrival.received_at,
        "next_attempt_at": arrival.received_at,
    }
