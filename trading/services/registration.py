"""What Helius is to be registered for, and the row that remembers how that went; nothing here asks Helius."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from audit import services as audit
from trading.domain.hearing import HELIUS
from trading.domain.registrations import (
    Difference,
    Moments,
    Pace,
    Registered,
    difference,
    is_lasting,
)
from trading.models import Door, ProviderSecret, Registration
from trading.services.cursors import watched_leaders
from trading.services.incidents import close_incidents

BUSY = timedelta(minutes=5)
SHOWN = 20
"""Of a list of wallets, for people; more would only be longer."""
INCIDENT = "helius_registration"


def wanted_wallets(*, now: datetime) -> list[str]:
    """Everybody whose transactions we want told: who is copied, and after whom something is held."""
    return sorted(each.address for each in watched_leaders(scores={}, now=now))


def helius_secret(*, now: datetime) -> str:
    """The newest secret that is valid now; empty while there is none."""
    valid = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    row = ProviderSecret.objects.filter(
        valid, provider__door=Door.HELIUS, provider__is_enabled=True
    ).order_by("valid_until", "-created_at")
    newest = row.filter(valid_until__isnull=True).first() or row.first()
    return newest.secret if newest else ""


@transaction.atomic
def notice_wanted(wanted: Sequence[str], *, now: datetime) -> Moments:
    """Remember from when on the roster wants something else than it did; what happened so far."""
    row, _ = Registration.objects.select_for_update().get_or_create(name=HELIUS)
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    if row.wanted_digest != digest:
        row.wanted_digest, row.wanted = digest, len(wanted)
        row.differs_since = row.differs_since or now
        row.save(update_fields=["wanted_digest", "wanted", "differs_since"])
    return moments_of(row)


def moments_of(row: Registration) -> Moments:
    """Its moments as the rules want them."""
    return Moments(
        looked_at=row.looked_at, differs_since=row.differs_since, edited_at=row.edited_at
    )


def take_turn(*, now: datetime) -> bool:
    """Whether this process may look and edit now; nobody else does until `end_turn`, or some minutes later."""
    free = Q(busy_until__isnull=True) | Q(busy_until__lt=now)
    mine = Registration.objects.filter(free, name=HELIUS)
    return mine.update(busy_until=now + BUSY) == 1


def end_turn() -> None:
    """Let others have their turn."""
    Registration.objects.filter(name=HELIUS).update(busy_until=None)


@transaction.atomic
def note_look(
    registered: Sequence[Registered], wanted: Sequence[str], *, is_edited: bool, now: datetime
) -> Difference:
    """Keep what was found, after edits where there were any."""
    found = difference(registered, wanted)
    row = Registration.objects.select_for_update().get(name=HELIUS)
    row.looked_at, row.trouble = now, ""
    row.webhooks, row.registered = len(registered), _count(registered)
    row.difference = _shown(found)
    row.differs_since = (row.differs_since or now) if found else None
    if is_edited:
        row.edited_at = now
    row.save()
    if not found:
        close_incidents(INCIDENT, now=now)
    return found


@transaction.atomic
def note_trouble(text: str, *, is_edited: bool, now: datetime) -> None:
    """Keep why Helius could not be asked; what it did of an edit nobody knows."""
    row = Registration.objects.select_for_update().get(name=HELIUS)
    row.trouble = text[:300]
    row.differs_since = row.differs_since or now
    if is_edited:
        row.edited_at = now
    row.save()


def tell_if_lasting(pace: Pace, *, now: datetime) -> bool:
    """Raise an incident when what is registered has differed for long."""
    row = Registration.objects.filter(name=HELIUS).first()
    if row is None or not is_lasting(moments_of(row), pace, now=now):
        return False
    since = row.differs_since or row.looked_at
    audit.open_incident(
        key=INCIDENT,
        title="Helius is not registered for the wallets we want",
        detail=f"since {since:%Y-%m-%d %H:%M}: {row.trouble or _sentence(row.difference)}",
        now=now,
    )
    return True


def _count(registered: Sequence[Registered]) -> int:
    return len({address for each in registered for address in each.addresses})


def _shown(found: Difference) -> dict[str, Any]:
    if not found:
        return {}
    lists = {
        "missing": found.missing,
        "surplus": found.surplus,
        "unsound": found.unsound,
        "doubled": found.doubled,
    }
    return {
        name: {"count": len(values), "first": list(values[:SHOWN])}
        for name, values in lists.items()
        if values
    }


def _sentence(shown: dict[str, Any]) -> str:
    return ", ".join(f"{each['count']} {name}" for name, each in shown.items())
