"""The queue of wallets that Scout looks at: who joins it, who is read next, within the policy's budget."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from solders.pubkey import Pubkey

from audit import services as audit
from scout.models import Candidate, Source
from trading.services.policy import policy_for_exits
from wallets.models import Leader


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A wallet somebody came upon: how, how promising it looks, and by what evidence."""

    address: str
    source: Source
    rank: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)


def chosen(*, now: datetime) -> list[str]:
    """Whom the next run reads: everybody on the roster, then the queue by rank, at most as many as the
    policy allows."""
    leaders = list(Leader.objects.order_by("address").values_list("address", flat=True))
    room = max(0, policy_for_exits().scout.most_candidates - len(leaders))
    waiting = Candidate.objects.filter(is_set_aside=False).exclude(address__in=leaders)
    return leaders + list(waiting.values_list("address", flat=True)[:room])


@transaction.atomic
def enqueue(finds: Iterable[Find], *, now: datetime) -> int:
    """Add wallets to the queue; how many are new. Of a known one the better rank stays, evidence adds up,
    and what a person has set aside stays aside. The least promising beyond the policy's number are forgotten.
    """
    found = {each.address: each for each in finds if is_wallet(each.address)}
    known = Candidate.objects.in_bulk(list(found))
    Candidate.objects.bulk_create(
        [_row(find, now) for address, find in found.items() if address not in known],
        ignore_conflicts=True,
    )
    for address, row in known.items():
        find, told = found[address], dict(found[address].evidence)
        if find.rank > row.rank:
            row.rank, row.evidence, row.source = find.rank, row.evidence | told, find.source
        else:
            row.evidence = told | row.evidence
        row.save(update_fields=["rank", "evidence", "source"])
    _forget_the_rest()
    return len(found) - len(known)


def set_aside(addresses: Iterable[str], *, actor: str, reason: str, now: datetime) -> int:
    """Have no run read these; how many were not aside yet."""
    rows = Candidate.objects.filter(address__in=list(addresses), is_set_aside=False)
    names = list(rows.values_list("address", flat=True))
    with transaction.atomic():
        count = rows.update(is_set_aside=True, note=reason[:300])
        for name in names:
            audit.record(
                actor=actor, action="candidate.set_aside", target=name, now=now, reason=reason
            )
    return count


def is_wallet(address: str) -> bool:
    """Whether it reads as an address at all."""
    try:
        Pubkey.from_string(address)
    except (ValueError, TypeError):
        return False
    return True


def _row(find: Find, now: datetime) -> Candidate:
    return Candidate(
        address=find.address,
        source=find.source,
        rank=find.rank,
        evidence=dict(find.evidence),
        added_at=now,
    )


def _forget_the_rest() -> None:
    most = policy_for_exits().scout.most_candidates
    waiting = Candidate.objects.filter(
        is_set_aside=False, source__in=(Source.CO_TRADER, Source.WINNER)
    )
    kept = list(waiting.values_list("address", flat=True)[:most])
    waiting.exclude(address__in=kept).delete()
