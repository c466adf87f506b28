"""Moves a signal from one state to the next: one conditional UPDATE and one event, together."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from trading import live
from trading.domain.denials import DenialCode
from trading.domain.lifecycle import ENDS, SignalStatus, sources
from trading.models import Signal, SignalEvent
from trading.rows import insert, update


class NotOurs(Exception):
    """The signal is no longer in the state, or in the hands, that this step needs. Nothing was changed."""


class AlreadyHeld(NotOurs):
    """The token is held or being bought by now."""


class EntriesHalted(NotOurs):
    """Entries, or SPEAR's alone, were halted after the order had been decided; `code` says which."""

    def __init__(self, code: DenialCode) -> None:
        super().__init__(code)
        self.code = code


class PositionBusy(NotOurs):
    """Another sell has changed the position since it was read."""


def step(
    uuid: UUID,
    *,
    to: SignalStatus,
    now: datetime,
    claim: str | None = None,
    code: str = "",
    text: str = "",
    **columns: Any,
) -> None:
    """Move a signal to a state that the table allows; NotOurs when it is not in a state that leads there.

    With `claim` only the executor that holds it may move the signal. Call inside a transaction.
    """
    where: dict[str, Any] = {"uuid": uuid, "status": tuple(sources(to))}
    if claim is not None:
        where["claim"] = claim
    changes: dict[str, Any] = {"status": to, "code": code, "text": text[:300], **columns}
    if to in ENDS:
        changes |= {"finished_at": now, "reserved_lamports": 0}
    if update(Signal, where, **changes) != 1:
        raise NotOurs(f"signal {uuid} cannot become {to}")
    note(uuid, status=to, now=now, code=code, text=text)


def note(uuid: UUID, *, status: str, now: datetime, code: str = "", text: str = "") -> None:
    """Write one line into a signal's story and tell the pages."""
    insert(SignalEvent, signal=uuid, at=now, status=str(status), code=code, text=text[:300])
    transaction.on_commit(partial(live.publish, "signals"))
