"""The journey is measured against every code there is, so that a new one without a scene fails it."""

from uuid import UUID

import pytest

from tests.factories import make_delivery, make_signal, make_submission
from trading.domain.denials import DenialCode
from trading.domain.exits import ExitReason
from trading.domain.safety import SafetyCode
from trading.domain.values import Route
from trading.models import Signal
from workers.journey.client import Reply
from workers.journey.coverage import ANSWERS, Coverage, Failover, measure

pytestmark = pytest.mark.django_db


def shown(coverage: Coverage, key: str) -> dict:
    return coverage.as_json()[key]


def denied(code: str) -> Signal:
    return make_signal(status="REJECTED", code=code)


def sold(reason: str, *, status: str = "LANDED") -> UUID:
    signal = make_signal(action="SELL", exit_reason=reason)
    make_submission(signal, action="SELL", status=status, route=Route.STANDARD)
    return signal.pk


def test_without_a_row_every_code_of_every_list_is_missing() -> None:
    wanted = {f"denial codes: {code}" for code in (*DenialCode, *SafetyCode)}
    wanted |= {f"exit reasons: {reason}" for reason in ExitReason}
    wanted |= {f"answers: {answer}" for answer in ANSWERS}
    wanted |= {"routes: JITO", "routes: STANDARD", "failover: over and back"}
    wanted |= {"signature schemes: X-Signature", "signature schemes: Standard Webhooks"}
    assert set(measure([], failover=None).missing()) == wanted


def test_a_denial_names_the_first_signal_that_showed_it() -> None:
    first = denied("NO_ROUTE")
    denied("NO_ROUTE")
    codes = shown(measure([], failover=None), "denial_codes")
    assert codes == {"NO_ROUTE": {"count": 2, "signal": str(first.pk)}}


def test_what_only_the_door_refused_names_its_delivery() -> None:
    first = make_delivery(http_status=200, answer="rejected", code="BLOCKED_MINT")
    make_delivery(http_status=200, answer="rejected", code="BLOCKED_MINT")
    make_delivery(http_status=200, answer="rejected", code="duplicate_signal")
    codes = shown(measure([], failover=None), "denial_codes")
    assert codes == {"BLOCKED_MINT": {"count": 2, "delivery": first.pk}}


def test_a_code_that_nobody_knows_shows_nothing() -> None:
    denied("NO_SUCH_CODE")
    assert shown(measure([], failover=None), "denial_codes") == {}


def test_only_a_sale_that_landed_shows_its_reason() -> None:
    stopped, followed = sold("HARD_STOP"), sold("")
    sold("TIME_LIMIT", status="FAILED")
    coverage = measure([], failover=None)
    assert shown(coverage, "exit_reasons") == {
        "HARD_STOP": {"count": 1, "signal": str(stopped)},
        "LEADER_SOLD": {"count": 1, "signal": str(followed)},
    }
    assert shown(coverage, "routes") == {"STANDARD": {"count": 2, "signal": str(stopped)}}


def test_answers_are_counted_and_all_safety_codes_are_one_row_of_the_table() -> None:
    replies = [
        Reply(http_status=202, status="accepted"),
        Reply(http_status=200, status="rejected", reason="FREEZE_AUTHORITY"),
        Reply(http_status=200, status="rejected", reason="BLOCKED_MINT"),
        Reply(http_status=503, status="rejected", reason="queue_full"),
    ]
    assert shown(measure(replies, failover=None), "answers") == {
        "200 safety code": {"count": 2},
        "202 accepted": {"count": 1},
        "503 queue_full": {"count": 1},
    }


def test_both_ways_to_sign_are_told_apart_by_what_was_accepted() -> None:
    old, new = make_signal(), make_signal()
    make_delivery(old, replay_key="hmac:00")
    make_delivery(new, replay_key="v1:AA==")
    make_delivery(http_status=422, answer="rejected", code="x", replay_key="v1:BB==")
    assert shown(measure([], failover=None), "signature_schemes") == {
        "Standard Webhooks": {"count": 1, "signal": str(new.pk)},
        "X-Signature": {"count": 1, "signal": str(old.pk)},
    }


@pytest.mark.parametrize(("over", "back"), [(None, None), (2.0, None), (None, 3.0)])
def test_a_failover_counts_only_when_it_came_back(over: float | None, back: float | None) -> None:
    half = Failover(over_after_seconds=over, calls_to_second=4, back_after_seconds=back)
    assert "failover: over and back" in set(measure([], failover=half).missing())
    whole = Failover(over_after_seconds=2.0, calls_to_second=4, back_after_seconds=9.0)
    assert "failover: over and back" not in set(measure([], failover=whole).missing())
