"""What becomes of positions once bought: every sale until they are closed, or until history ends.

`trading.domain.exits.evaluate`, the code that trades, decides at every tick that it could sell at. A screen
over arrays only leaves out ticks where none of its rules can fire; a test holds the two against each other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from scout.research.fills import Floats
from scout.research.ticks import Ticks, Whole
from trading.domain.exits import ExitReason, OpenPosition, evaluate
from trading.domain.leaders import Following
from trading.domain.liquidity import FULL_BPS, left_bps
from trading.domain.policy import Policy

STILL_OPEN = "STILL_OPEN"
"""Reason of the sale that only marks what is held when history ends."""
REASONS: tuple[str, ...] = (*ExitReason, STILL_OPEN)
WINDOW = 24
"""Ticks looked at in one go."""
CROWD = 16_384
"""Positions looked at in one go: their arrays fit the processor's cache."""
SLACK = 1e-6
"""The screen errs toward asking, by far more than floats are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Positions to follow, as parallel arrays: the tick of the leader's buy and what ours paid for a token."""

    tick: Whole
    price: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """Every sale of every position, in no particular order.

    `tick` is the one whose price is taken, `at` the moment (later than the tick's where only time ran out),
    `share` the part of what was bought, `reason` a number in `REASONS`. Shares of a position add up to 1.
    """

    position: Whole
    tick: Whole
    at: Whole
    share: Floats
    reason: Whole


def sales_of(
    entries: Entries,
    ticks: Ticks,
    *,
    strategy: str,
    policy: Policy,
    following: Following,
    until: int,
    is_screened: bool = True,
) -> Sales:
    """Every sale, each position for itself; `until` is the last moment (unix seconds) that is history.

    `is_screened` False asks `evaluate` at every tick: the same sales, slowly.
    """
    course = _Course(
        entries, ticks, strategy=strategy, policy=policy, following=following, until=until
    )
    course.is_screened = is_screened
    for start in range(0, len(entries.tick), CROWD):
        course.run(np.arange(start, min(start + CROWD, len(entries.tick))))
    return course.sales()


class _Course:
    """The state of all positions while time goes on."""

    def __init__(
        self,
        entries: Entries,
        ticks: Ticks,
        *,
        strategy: str,
        policy: Policy,
        following: Following,
        until: int,
    ) -> None:
        self._ticks, self._strategy, self._policy = ticks, strategy, policy
        self._rules = policy.for_strategy(strategy)
        self._following, self._until = following, until
        self._is_following = following.sells_with_leader(policy, strategy=strategy)
        self._takes_profit = following.takes_own_profit(policy, strategy=strategy)
        self.is_screened = True
        count = len(entries.tick)
        self._entry, self._wallet = entries.price, ticks.wallet[entries.tick]
        self._cursor, self._end = entries.tick + 1, ticks.end[entries.tick]
        self._opened = ticks.at[entries.tick]
        self._deadline = self._opened + self._rules.time_limit_seconds
        self._liquidity = ticks.liquidity_usd[entries.tick]
        self._peak, self._left = entries.price.copy(), np.ones(count)
        self._tiers, self._is_late = np.zeros(count, np.int64), np.zeros(count, bool)
        self._sold: list[tuple[int, int, int, float, int]] = []
        ladder = np.array([*self._rules.take_profit_bps, np.inf], dtype=np.float64)
        self._ladder = ladder if self._takes_profit else np.full(len(ladder), np.inf)

    def run(self, pending: Whole) -> None:
        """Follow these positions to their end."""
        while len(pending):
            step, is_hit, peak = self._screen(pending)
            self._decide(pending[is_hit], step[is_hit], peak[is_hit])
            waiting = pending[~is_hit]
            self._cursor[waiting] = np.minimum(self._cursor[waiting] + WINDOW, self._end[waiting])
            self._peak[waiting] = peak[~is_hit]
            is_over = self._cursor[pending] >= self._end[pending]
            for position in pending[is_over & (self._left[pending] > 0)].tolist():
                self._finish(position)
            pending = pending[self._left[pending] > 0]

    def sales(self) -> Sales:
        """All that was sold."""
        columns = list(zip(*self._sold, strict=True)) or [(), (), (), (), ()]
        position, tick, at, share, reason = columns
        return Sales(
            position=np.array(position, dtype=np.int64),
            tick=np.array(tick, dtype=np.int64),
            at=np.array(at, dtype=np.int64),
            share=np.array(share, dtype=np.float64),
            reason=np.array(reason, dtype=np.int64),
        )

    def _screen(self, who: Whole) -> tuple[Whole, np.ndarray, Floats]:
        """The next tick in the window at which something may happen, whether there is one, the peak before it.

        Without such a tick the peak is that of the whole window.
        """
        end = self._end[who][:, None]
        steps = self._cursor[who][:, None] + np.arange(WINDOW)
        is_inside, steps = steps < end, np.minimum(steps, end - 1)
        price = self._ticks.price[steps]
        before = np.empty((len(who), WINDOW + 1))
        before[:, 0], before[:, 1:] = self._peak[who], price
        np.fmax.accumulate(before, axis=1, out=before)
        hit = is_inside & (
            self._may_sell(who, steps, price, before[:, 1:]) if self.is_screened else True
        )
        first, is_hit, rows = hit.argmax(axis=1), hit.any(axis=1), np.arange(len(who))
        return steps[rows, first], is_hit, before[rows, np.where(is_hit, first, WINDOW)]

    def _may_sell(self, who: Whole, steps: Whole, price: Floats, peak: Floats) -> np.ndarray:
        """Whether a rule could fire at each step; true too often is only slow."""
        rules, entry = self._rules, self._entry[who][:, None]
        gain = (price / entry - 1) * 10_000
        tier = self._ladder[np.minimum(self._tiers[who], len(self._ladder) - 1)][:, None]
        may: np.ndarray = (gain < 1 - rules.hard_stop_bps + SLACK) | (gain >= tier - SLACK)
        if self._takes_profit:
            has_risen = (peak / entry - 1) * 10_000 >= rules.trailing_activation_bps - SLACK
            kept = 1 - rules.trailing_distance_bps / 10_000
            may |= has_risen & (price <= peak * kept * (1 + SLACK))
        kept = 1 - rules.liquidity_drop_bps / 10_000
        may |= self._ticks.liquidity_usd[steps] <= self._liquidity[who][:, None] * kept + SLACK
        is_late = self._is_late[who][:, None]
        may |= ~is_late & (self._ticks.at[steps] >= self._deadline[who][:, None])
        may |= is_late & (gain < 1 + SLACK)
        if self._is_following:
            may |= self._ticks.is_sale[steps] & (
                self._ticks.wallet[steps] == self._wallet[who][:, None]
            )
        return may

    def _decide(self, who: Whole, step: Whole, peak: Floats) -> None:
        at = self._ticks.at[step]
        is_due = ~self._is_late[who] & (at > self._deadline[who])
        columns = (who, step, at, peak, is_due)
        for position, tick, now, top, is_first in zip(*(c.tolist() for c in columns), strict=True):
            if is_first:
                # Time ran out between two ticks, with the older one's price.
                self._run_out(position, tick - 1, top)
                self._cursor[position], self._peak[position] = tick, top
            else:
                self._meet(position, tick, now, top)

    def _run_out(self, position: int, tick: int, peak: float) -> None:
        self._is_late[position] = True
        self._judge(position, tick, int(self._deadline[position]), peak)

    def _meet(self, position: int, tick: int, now: int, peak: float) -> None:
        """One tick: the leader's own sale first, then our rules for what is left."""
        ticks = self._ticks
        if (
            self._is_following
            and ticks.is_sale[tick]
            and ticks.wallet[tick] == self._wallet[position]
        ):
            share = self._following.share(Decimal(float(ticks.fraction[tick])))
            if share > 0:
                self._sell(position, tick, now, float(share), ExitReason.LEADER_SOLD)
        peak = max(peak, float(ticks.price[tick]))
        if self._left[position] > 0:
            self._judge(position, tick, now, peak)
        self._is_late[position] |= now >= self._deadline[position]
        self._cursor[position], self._peak[position] = tick + 1, peak

    def _judge(self, position: int, tick: int, now: int, peak: float) -> None:
        """Ask the code that trades."""
        due = evaluate(
            OpenPosition(
                strategy=self._strategy,
                entry_price_sol=Decimal(float(self._entry[position])),
                peak_price_sol=Decimal(peak),
                tiers_taken=int(self._tiers[position]),
                opened_at=datetime.fromtimestamp(int(self._opened[position]), UTC),
                has_liquidity_dropped=self._has_dropped(position, tick),
            ),
            price_sol=Decimal(float(self._ticks.price[tick])),
            policy=self._policy,
            now=datetime.fromtimestamp(now, UTC),
            takes_own_profit=self._takes_profit,
        )
        if due is not None:
            self._tiers[position] = due.tiers_taken
            self._sell(position, tick, now, float(due.fraction), due.reason)

    def _has_dropped(self, position: int, tick: int) -> bool:
        """The platform looks every second and believes the second sighting; history shows but one."""
        known = self._ticks.liquidity_usd[tick]
        if not known < self._liquidity[position]:
            return False
        left = left_bps(
            entry_usd=Decimal(float(self._liquidity[position])), now_usd=Decimal(float(known))
        )
        return left is not None and FULL_BPS - left > self._rules.liquidity_drop_bps

    def _sell(self, position: int, tick: int, now: int, fraction: float, reason: str) -> None:
        left = float(self._left[position])
        share = left if fraction >= 1 else left * fraction
        self._left[position] = 0.0 if fraction >= 1 else left - share
        self._sold.append((position, tick, now, share, REASONS.index(reason)))

    def _finish(self, position: int) -> None:
        """No more ticks: time may still run out, and what is held then is marked."""
        last, peak = int(self._end[position]) - 1, float(self._peak[position])
        if not self._is_late[position] and self._deadline[position] <= self._until:
            self._run_out(position, last, peak)
        if self._left[position] > 0:
            self._sell(position, last, self._until, 1.0, STILL_OPEN)
