"""What the judge looks at: our rows as they are once all is quiet, and the chain's own ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.models import Heartbeat
from trading.models import Position, Signal, Submission
from trading.reconciliation.findings import Report
from workers.chaos.ledger import ChainLedger, Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the signal provider knows: who was told 202, and the names it got for its own."""

    accepted: frozenset[str]
    named: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Rows, chain and provider at one moment `now` at which nothing moves; of each kind of daemon the
    newest beat: those that were killed have left theirs behind.
    """

    now: datetime
    signals: Mapping[UUID, Signal]
    submissions: Sequence[Submission]
    positions: Sequence[Position]
    heartbeats: Mapping[str, datetime]
    ledger: ChainLedger
    books: Report
    sent: Sent

    def on_chain(self) -> dict[str, Entry]:
        """The chain's entries by signature."""
        return {entry.signature: entry for entry in self.ledger.entries}


def read_rows() -> dict[str, Any]:
    """The rows of an `Evidence`."""
    return {
        "signals": {row.pk: row for row in Signal.objects.all()},
        "submissions": list(Submission.objects.defer("wire").order_by("id")),
        "positions": list(Position.objects.all()),
        "heartbeats": dict(Heartbeat.objects.order_by("beat_at").values_list("name", "beat_at")),
    }
