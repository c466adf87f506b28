"""Why a buy is not even queued, by what the rows say at the moment it comes."""

import logging
from collections.abc import Sequence
from datetime import datetime

from audit import services as audit
from trading.domain.policy import Policy, PolicyInvalid
from trading.domain.safety import refusal_by_name
from trading.domain.signals import SignalRequest
from trading.domain.values import Strategy
from trading.models import Token
from trading.rows import every, first, marks, parameter
from trading.services.answers import Answer
from trading.services.policy import PolicyMissing, active_policy
from trading.services.state import TradingNow, trading_state

log = logging.getLogger("deliveries")


class Measures:
    """Why a buy is not even queued: a mint known to be bad, halted entries or SPEAR, a full queue."""

    def __init__(self, buys: Sequence[SignalRequest], *, now: datetime) -> None:
        self._shed: list[SignalRequest] = []
        self._now = now
        self.unreadable: Exception | None = None
        if not buys:
            return
        try:
            self._policy: Policy = active_policy()[0]
        except (PolicyMissing, PolicyInvalid, ValueError) as error:
            # The exits that came along must not be refused for it.
            log.error("buys cannot be judged: %s", error)
            self.unreadable = error
            return
        self._state: TradingNow = trading_state()
        self._waiting = _waiting(at_most=self._policy.queue_capacity)
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


def _waiting(*, at_most: int) -> int:
    """How many entries wait; nobody asks how much fuller than full the queue is."""
    counted = first(
        "SELECT count(*) FROM (SELECT 1 FROM trading_signal"
        " WHERE status IN ('QUEUED', 'RETRY') AND priority > 0 LIMIT %s) AS waiting",
        at_most,
    )
    return int(counted[0]) if counted else 0
