"""Why a buy is not even queued, by what the rows say at the moment it comes."""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from audit import services as audit
from trading.domain.policy import Policy, PolicyInvalid
from trading.domain.safety import refusal_by_name
from trading.domain.signals import SignalRequest
from trading.domain.values import Strategy
from trading.models import Token
from trading.rows import every, first, firsts, marks, parameter
from trading.services.answers import Answer
from trading.services.policy import ACTIVE_POLICY, PolicyMissing, policy_in
from trading.services.state import TRADING_STATE, TradingNow, state_in

log = logging.getLogger("deliveries")
LAST_STEP = "SELECT coalesce(max(id), 0) FROM trading_signalevent"


class EntryQueue:
    """How many entries wait, counted anew only when that could change an answer.

    Walking a queue of thousands would take longer than storing what comes. Whatever joins it, new or come
    back from the executor, tells a step of its story in the same transaction, and the numbers of the steps
    only grow: no more wait than did at the last count, and steps were told since. What others are about to
    commit at that moment, on PostgreSQL, is missed as by any count.
    """

    def __init__(self) -> None:
        self._counted: tuple[int, int] | None = None

    def waiting(self, *, step: int, enough: int, capacity: int) -> int:
        """How many wait, `capacity` where they are more; a larger number only when it is at most `enough`.

        `step` is what LAST_STEP found before: one told between that and a count counts twice rather than
        never.
        """
        if self._counted is not None:
            waited, step_then = self._counted
            at_most = waited + step - step_then
            if at_most <= enough:
                return at_most
        counted = first(
            "SELECT count(*) FROM (SELECT 1 FROM trading_signal"
            " WHERE status IN ('QUEUED', 'RETRY') AND priority > 0 LIMIT %s) AS waiting",
            capacity,
        )
        waiting = int(counted[0]) if counted else 0
        if waiting < capacity:
            # Only what is committed: the numbers of steps that are undone come again.
            transaction.on_commit(partial(self._remember, waiting, step))
        return waiting

    def _remember(self, waiting: int, step: int) -> None:
        self._counted = (waiting, step)


class Measures:
    """Why a buy is not even queued: a mint known to be bad, halted entries or SPEAR, a full queue."""

    def __init__(
        self, buys: Sequence[SignalRequest], *, now: datetime, queue: EntryQueue | None = None
    ) -> None:
        self._shed: list[SignalRequest] = []
        self._now = now
        self.unreadable: Exception | None = None
        if not buys:
            return
        active, state, last_step = firsts(ACTIVE_POLICY, TRADING_STATE, LAST_STEP)
        try:
            self._policy: Policy = policy_in(active)[0]
        except (PolicyMissing, PolicyInvalid, ValueError) as error:
            # The exits that came along must not be refused for it.
            log.error("buys cannot be judged: %s", error)
            self.unreadable = error
            return
        self._state: TradingNow = state_in(state)
        capacity = self._policy.queue_capacity
        enough = capacity * self._policy.shed_spear_bps // 10_000 - len(buys)
        step = int(last_step[0]) if last_step else 0
        self._waiting = (queue or EntryQueue()).waiting(step=step, enough=enough, capacity=capacity)
        self._refused = _refused({each.mint for each in buys}, now)

    def refusal(self, signal: SignalRequest) -> Answer | None:
        """None when the buy may be queued, and then it counts as waiting."""
        if self.unreadable:
            return Answer(http_status=503, code="storage_unavailable")
        unwanted = self._refused.get(signal.mint) or refusal_by_name(signal.mint, self._policy)
        if unwanted:
            return Answer(http_status=200, code=unwanted)
        is_paused = self._state.is_spear_paused and signal.strategy is Strategy.SPEAR
        if self._state.are_entries_halted or is_paused:
            return Answer(http_status=503, code="circuit_breaker_triggered")
        if self._waiting >= self._limit(signal):
            self._shed.append(signal)
            return Answer(http_status=503, code="queue_full")
        self._waiting += 1
        return None

    def store(self) -> None:
        if self._shed:
            audit.set_aside_all(
                source="webhook",
                code="LOAD_SHED",
                letters=[_letter(signal) for signal in self._shed],
                now=self._now,
            )

    def _limit(self, signal: SignalRequest) -> int:
        capacity = self._policy.queue_capacity
        if signal.strategy is Strategy.SPEAR:
            return capacity * self._policy.shed_spear_bps // 10_000
        return capacity


def refusal_of_buy(signal: SignalRequest, *, now: datetime) -> str:
    """Why this door would not even queue a buy that is known from elsewhere; empty when it would.

    PolicyMissing or PolicyInvalid when there is nothing to judge it by.
    """
    measures = Measures([signal], now=now)
    if measures.unreadable:
        raise measures.unreadable
    refusal = measures.refusal(signal)
    return refusal.code if refusal else ""


def _letter(signal: SignalRequest) -> tuple[str, dict[str, str]]:
    text = f"the queue is too full for {signal.strategy}; it may be sent again"
    return text, {"symbol": signal.symbol, "mint": signal.mint, "strategy": signal.strategy}


def _refused(mints: set[str], now: datetime) -> dict[str, str]:
    found = every(
        "SELECT mint, refusal_code FROM trading_token"  # noqa: S608
        f" WHERE mint IN ({marks(mints)}) AND refused_until > %s",
        *mints,
        parameter(Token, "refused_until", now),
    )
    return dict(found)
