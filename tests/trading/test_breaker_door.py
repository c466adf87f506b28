"""What the circuit breaker means at the door and in the decision: buys wait, exits never do."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from tests import factories
from tests.domain.facts import facts, request
from tests.factories import LEADER, MINT
from trading.domain.decision import Denial, DenialCode, decide
from trading.domain.policy import Policy
from trading.domain.signals import parse_signal
from trading.domain.trips import PAUSES_SPEAR_ONLY, Breaker, Phase, Rule, Trip, as_json
from trading.domain.values import Strategy
from trading.hmac_auth import Caller
from trading.models import Provider, TradingState
from trading.services.answers import Answer
from trading.services.deliveries import Request, receive_deliveries
from trading.services.state import TradingNow, trading_state

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
MISSING, UNREADABLE, KILL_SWITCH = "missing", "unreadable", "kill switch"
CAUSES: list[str] = [*Rule, KILL_SWITCH, MISSING, UNREADABLE]
BUY = {
    "strategy": "SHIELD",
    "token": "BONK",
    "token_address": MINT,
    "action": "BUY",
    "amount_sol": "0.5",
    "wallet_address": LEADER,
}


@pytest.fixture(autouse=True)
def _trading(database: Any) -> None:
    factories.make_policy_revision()
    factories.make_trading_state()


def held_back_by(cause: str, phase: Phase = Phase.TRIPPED) -> TradingNow:
    """Store this cause alone."""
    state = TradingState.objects.filter(pk=1)
    if cause == MISSING:
        state.delete()
    elif cause == UNREADABLE:
        state.update(trips=["?"])
    elif cause == KILL_SWITCH:
        state.update(entries_halted=True, reason="a storm")
    else:
        trip = Trip(
            rule=Rule(cause),
            phase=phase,
            tripped_at=NOW,
            measured=Decimal(9),
            limit=Decimal(5),
            clears_at=NOW + timedelta(minutes=30),
            cooling_since=NOW if phase is Phase.COOLDOWN else None,
        )
        state.update(trips=as_json(Breaker(trips=(trip,))))
    return trading_state()


def knock(**changes: Any) -> Answer:
    provider, _ = Provider.objects.get_or_create(
        name="tests", defaults={"bucket_tokens": 100, "bucket_filled_at": NOW.timestamp()}
    )
    body = json.dumps({**BUY, **changes}).encode()
    caller = Caller(
        provider_id=provider.pk, provider_name=provider.name, replay_key=factories.signature()
    )
    request = Request(caller=caller, body=body, parsed=parse_signal(body), received_at=NOW)
    return receive_deliveries([request])[0]


def is_refused(answer: Answer) -> bool:
    assert answer.http_status in (202, 503)
    if answer.http_status == 503:
        assert answer.code == "circuit_breaker_triggered"
        assert answer.retry_after_seconds
    return answer.http_status == 503


@pytest.mark.parametrize("phase", [Phase.TRIPPED, Phase.COOLDOWN])
@pytest.mark.parametrize("cause", CAUSES)
def test_buys_are_refused_at_the_door_and_may_come_again(cause: str, phase: Phase) -> None:
    held_back_by(cause, phase)
    assert is_refused(knock(strategy="SPEAR"))
    assert is_refused(knock()) == (cause not in PAUSES_SPEAR_ONLY)


@pytest.mark.parametrize("cause", CAUSES)
def test_no_cause_keeps_an_exit_out(cause: str) -> None:
    held_back_by(cause)
    assert knock(strategy="EXIT", action="SELL").http_status == 202


@pytest.mark.parametrize("cause", CAUSES)
def test_a_signal_that_was_in_before_is_denied_with_what_holds_it_back(cause: str) -> None:
    state = held_back_by(cause)
    for strategy in (Strategy.SHIELD, Strategy.SPEAR):
        decision = decide(
            facts(
                signal=request(strategy=strategy),
                are_entries_halted=state.are_entries_halted,
                is_spear_paused=state.is_spear_paused,
                held_back_by=state.held_back_by,
            ),
            policy=Policy(),
            now=facts().received_at,
        )
        if cause in PAUSES_SPEAR_ONLY and strategy is Strategy.SHIELD:
            assert not isinstance(decision, Denial) or decision.code not in (
                DenialCode.ENTRIES_HALTED,
                DenialCode.SPEAR_PAUSED,
            )
            continue
        assert isinstance(decision, Denial)
        is_pause = cause in PAUSES_SPEAR_ONLY
        expected = DenialCode.SPEAR_PAUSED if is_pause else DenialCode.ENTRIES_HALTED
        assert decision.code == expected
        assert state.held_back_by in decision.text


def test_nothing_is_refused_while_nothing_is_tripped() -> None:
    assert not is_refused(knock())
    assert not is_refused(knock(strategy="SPEAR", token_address=factories.TOKEN_ACCOUNT))
