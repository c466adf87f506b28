"""Whether any buy is admitted at all: gates that turn everything away look like a quiet market otherwise."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from audit import services as audit
from trading.domain.denials import DenialCode
from trading.domain.lifecycle import SignalStatus
from trading.domain.safety import SafetyCode
from trading.domain.values import Action
from trading.models import Signal, Submission
from trading.services.incidents import close_incidents

DROUGHT = timedelta(hours=6)
ENOUGH_DENIED = 10
"""Fewer may all be bad tokens by chance."""
KEY = "admissions"
OURS = frozenset[str]({
    DenialCode.LEADER_UNKNOWN, DenialCode.LEADER_NOT_ACTIVE, DenialCode.LEADER_MUTED,
    DenialCode.LEADER_EXPIRED, DenialCode.OUTSIDE_ACTIVE_HOURS, DenialCode.LEADER_TRADE_SIZE,
    DenialCode.LEADER_TOKEN_LIST, DenialCode.LEADER_DAILY_CAP,
    DenialCode.ENTRIES_HALTED, DenialCode.SPEAR_PAUSED,
    DenialCode.ALREADY_HELD, DenialCode.REENTRY_COOLDOWN, DenialCode.TOO_MANY_POSITIONS,
    DenialCode.MAX_BUYS_PER_TOKEN, DenialCode.ALLOCATION_FULL, DenialCode.PORTFOLIO_HEAT,
    SafetyCode.BLOCKED_MINT, SafetyCode.NOT_SPECULATIVE,
})  # fmt: skip
"""Denials that people's settings, a halt or what is held explain: the pages show those by themselves."""


@transaction.atomic
def look_for_drought(*, now: datetime) -> bool:
    """Raise an incident while followed leaders buy and no gate of facts, price or cost admits any of it.

    True when of the signals of the last six hours ten buys or more were denied for such reasons and
    nothing was signed. It ends with the first buy that is signed, or when the denied have passed.
    """
    recent = Signal.objects.filter(action=Action.BUY, received_at__gte=now - DROUGHT)
    denied = recent.filter(status=SignalStatus.REJECTED).exclude(code__in=OURS)
    counts = denied.values_list("code").annotate(count=Count("*")).order_by("-count", "code")
    reasons = list(counts)
    total = sum(count for _, count in reasons)
    if total < ENOUGH_DENIED or Submission.objects.filter(signal__in=recent).exists():
        close_incidents(KEY, now=now)
        return False
    audit.open_incident(
        key=KEY, title="No buy is admitted", detail=_explained(total, reasons), now=now
    )
    return True


def _explained(total: int, reasons: Iterable[tuple[str, int]]) -> str:
    told = ", ".join(f"{code} {count}" for code, count in reasons)
    return (
        f"In six hours {total} buys of followed leaders were denied and none was signed: {told}."
        " Run manage.py probe to see who does not answer; else the policy's limits ask for too much."
    )
