"""The active policy as a value, parsed once per revision."""

from datetime import datetime
from functools import lru_cache

from audit.models import PolicyRevision
from trading.domain.policy import Policy, from_json


class PolicyMissing(Exception):
    """No revision is active: entries cannot be judged, so none are made."""


@lru_cache(maxsize=8)
def _parse(number: int, created_at: datetime) -> Policy:
    return from_json(PolicyRevision.objects.get(number=number, created_at=created_at).policy)


def active_policy() -> tuple[Policy, int]:
    """The active policy and its revision number; PolicyMissing when there is none.

    A revision never changes once stored, so its value is kept; which one is active is asked every time.
    """
    active = (
        PolicyRevision.objects.filter(is_active=True).values_list("number", "created_at").first()
    )
    if active is None:
        raise PolicyMissing("no policy revision is active")
    return _parse(*active), active[0]
