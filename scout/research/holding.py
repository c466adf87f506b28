"""Which attempts a wallet that may already hold the token takes: the gates that rest on its own past."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from scout.research.entries import ENTERED, HOLDING_CODES, NUMBER
from scout.research.ticks import Whole
from trading.domain.denials import DenialCode
from trading.domain.policy import Policy

FIRST_HOLDING_CODE = NUMBER[HOLDING_CODES[0]]


def taken(
    *, wallet: Whole, token: Whole, at: Whole, closed_at: Whole, code: Whole, policy: Policy
) -> Whole:
    """Codes of attempts once what is held counts too; `closed_at` is when each would have been sold out.

    One position a token, a cooldown after it, and so many positions at once for each leader: what we hold
    from other leaders is not this leader's history. Attempts that an earlier gate refused stay refused by it.
    """
    final = code.copy()
    order = np.lexsort((np.arange(len(at)), at, wallet))
    columns = (order, wallet[order], token[order], at[order], closed_at[order], code[order])
    held, owner = _Held(policy=policy), -1
    for place, who, what, now, end, number in zip(*(c.tolist() for c in columns), strict=True):
        if who != owner:
            held, owner = _Held(policy=policy), who
        if 0 < number < FIRST_HOLDING_CODE:
            continue
        refusal = held.refusal(what, now)
        if refusal:
            final[place] = NUMBER[refusal]
        elif number == NUMBER[ENTERED]:
            held.add(what, end)
    return final


@dataclass(slots=True)
class _Held:
    """What is held from one leader."""

    policy: Policy
    until: dict[int, int] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)

    def refusal(self, token: int, now: int) -> str:
        """Why nothing more is bought of this token now, or nothing."""
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        end = self.until.get(token)
        if end is not None and end > now:
            return DenialCode.ALREADY_HELD
        if end is not None and now - end < self.policy.reentry_cooldown_seconds:
            return DenialCode.REENTRY_COOLDOWN
        is_full = len(self.ends) >= self.policy.maximum_positions
        return DenialCode.TOO_MANY_POSITIONS if is_full else ""

    def add(self, token: int, end: int) -> None:
        self.until[token] = end
        heapq.heappush(self.ends, end)
