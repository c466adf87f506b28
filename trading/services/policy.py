"""The active policy as a value, parsed once for as long as it stays the same."""

import json
import logging
from functools import lru_cache
from typing import Any

from trading.domain.policy import Policy, PolicyInvalid, from_json
from trading.rows import first

log = logging.getLogger("policy")
ACTIVE_POLICY = "SELECT CAST(policy AS TEXT), number FROM audit_policyrevision WHERE is_active"


class PolicyMissing(Exception):
    """No revision is active: entries cannot be judged, so none are made."""


@lru_cache(maxsize=8)
def _parse(text: str) -> Policy:
    return from_json(json.loads(text))


def policy_for_exits() -> Policy:
    """The active policy, or the defaults where it is missing or unreadable: nothing may stop an exit."""
    try:
        return active_policy()[0]
    except (PolicyMissing, PolicyInvalid, ValueError) as error:
        log.error("exits go by the default policy: %s", error)
        return Policy()


def active_policy() -> tuple[Policy, int]:
    """The active policy and its revision number; PolicyMissing when there is none.

    Asked for every time, so that a change reaches every process at its next signal.
    """
    return policy_in(first(ACTIVE_POLICY))


def policy_in(active: tuple[Any, ...] | None) -> tuple[Policy, int]:
    """What `active_policy` returns, from the row that ACTIVE_POLICY finds."""
    if active is None:
        raise PolicyMissing("no policy revision is active")
    return _parse(active[0]), active[1]
