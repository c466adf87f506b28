"""What the chain answered becomes the books: once, to the lamport, whatever is repeated."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import DeadLetter, Incident
from tests import factories
from tests.factories import RENT_LAMPORTS, TOKEN_ACCOUNT
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.swaps import BalanceChange
from trading.domain.values import Action, Strategy
from trading.models import Disposal, Fill, Lot, Position, Signal, Submission
from trading.services.booking import book_dead, book_landed

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
SOL = 10**9
NOW = timezone.now()
PRICE = Decimal(150)
BOUGHT = BalanceChange(
    native_lamports=-(SOL // 4) - 8_000 - 1_000_000 - RENT_LAMPORTS,
    sol_lamports=-(SOL // 4),
    token_raw=1_000_000,
    token_account=TOKEN_ACCOUNT,
    decimals=6,
    network_fee_lamports=8_000,
    tip_lamports=1_000_000,
    rent_lamports=RENT_LAMPORTS,
    error="",
    slot=77,
    block_time=NOW - timedelta(seconds=2),
)
FAILED = replace(
    BOUGHT,
    native_lamports=-8_000,
    sol_lamports=0,
    token_raw=0,
    tip_lamports=0,
    rent_lamports=0,
    error='{"InstructionError": [4, {"Custom": 6001}]}',
)


@pytest.fixture(autouse=True)
def policy(database: Any) -> None:
    factories.make_policy_revision()


def sold(*, lamports: int, raw: int, rent: int = 0) -> BalanceChange:
    return replace(
        BOUGHT,
        native_lamports=lamports - 8_000 - 1_000_000 - rent,
        sol_lamports=lamports,
        token_raw=-raw,
        rent_lamports=rent,
    )


def in_flight(signal: Signal, **fields: Any) -> Submission:
    return factories.make_submission(
        signal, status=SubmissionStatus.IN_FLIGHT, slot=None, resolved_at=None, **fields
    )


def buying(**fields: Any) -> Submission:
    """A claimed buy with its transaction in flight."""
    values = {"status": SignalStatus.EXECUTING, "attempts": 1, "reserved_lamports": SOL // 4}
    return in_flight(factories.make_signal(**{**values, **fields}))


def selling(position: Position, **fields: Any) -> Submission:
    """A claimed sell with its transaction in flight and its position EXITING."""
    Position.objects.filter(pk=position.pk).update(status=PositionStatus.EXITING, exiting_since=NOW)
    values = {
        "strategy": Strategy.EXIT,
        "action": Action.SELL,
        "priority": 0,
        "status": SignalStatus.EXECUTING,
        "attempts": 1,
    }
    return in_flight(factories.make_signal(**{**values, **fields}), position=position)


def book(submission: Submission, change: BalanceChange) -> bool:
    return book_landed(submission.pk, change=change, sol_price_usd=PRICE, now=NOW)


def bury(submission: Submission) -> bool:
    return book_dead(
        submission.pk, status=SubmissionStatus.EXPIRED, code="EXPIRED", text="late", now=NOW
    )


def opened() -> Position:
    submission = buying()
    assert book(submission, BOUGHT)
    return Position.objects.get(signal=submission.signal)


def fresh(position: Position) -> Position:
    return Position.objects.get(pk=position.pk)


def test_a_landed_buy_opens_a_position_from_its_own_balances() -> None:
    submission = buying()
    assert book(submission, BOUGHT)
    position = Position.objects.get(signal=submission.signal)
    assert (position.status, position.token_account, position.decimals) == (
        PositionStatus.ACTIVE,
        TOKEN_ACCOUNT,
        6,
    )
    assert (position.bought_raw, position.held_raw, position.cost_lamports) == (
        1_000_000,
        1_000_000,
        SOL // 4,
    )
    assert position.entry_price_sol == position.peak_price_sol == Decimal("0.25")
    assert position.opened_at == BOUGHT.block_time
    assert position.realised_pnl_lamports == -1_008_000
    fill = Fill.objects.get()
    assert (fill.sol_lamports, fill.rent_lamports, fill.sol_price_usd) == (
        SOL // 4,
        RENT_LAMPORTS,
        PRICE,
    )
    resolved = Submission.objects.get()
    assert (resolved.status, resolved.slot, resolved.position_id) == ("LANDED", 77, position.pk)
    assert resolved.balance_change_lamports == BOUGHT.native_lamports
    signal = Signal.objects.get()
    assert (signal.status, signal.code, signal.reserved_lamports) == ("COMPLETED", "BOUGHT", 0)


@pytest.mark.parametrize("change", [BOUGHT, FAILED], ids=["landed", "failed"])
def test_booking_twice_is_harmless(change: BalanceChange) -> None:
    submission = buying()
    assert book(submission, change)
    before = [list(model.objects.values()) for model in (Position, Fill, Submission, Signal)]
    assert not book(submission, change)
    assert not bury(submission)
    assert before == [
        list(model.objects.values()) for model in (Position, Fill, Submission, Signal)
    ]


def test_a_dead_transaction_does_not_come_alive() -> None:
    submission = buying()
    assert bury(submission)
    assert not bury(submission)
    assert not book(submission, BOUGHT)
    assert not Position.objects.exists()
    assert Signal.objects.get().status == SignalStatus.RETRY


def test_a_full_sale_closes_with_everything_counted_once() -> None:
    position = opened()
    assert book(selling(position), sold(lamports=SOL // 2, raw=1_000_000, rent=-RENT_LAMPORTS))
    closed = fresh(position)
    assert (closed.status, closed.held_raw, closed.closed_at) == (
        PositionStatus.CLOSED,
        0,
        BOUGHT.block_time,
    )
    assert closed.exiting_since is None
    assert closed.exit_generation == 1
    assert closed.realised_pnl_lamports == SOL // 2 - SOL // 4 - 2 * 1_008_000
    booked = sum(Submission.objects.values_list("balance_change_lamports", flat=True))
    assert closed.realised_pnl_lamports == booked


def test_rent_that_does_not_come_back_is_a_loss_once_closed() -> None:
    position = opened()
    book(selling(position), sold(lamports=SOL // 4, raw=1_000_000))
    assert fresh(position).realised_pnl_lamports == -2 * 1_008_000 - RENT_LAMPORTS


def test_a_partial_sale_takes_its_share_of_the_cost_and_leaves_the_rest() -> None:
    position = opened()
    book(selling(position), sold(lamports=SOL // 8, raw=250_000))
    left = fresh(position)
    assert (left.status, left.held_raw, left.closed_at) == (PositionStatus.ACTIVE, 750_000, None)
    assert left.realised_pnl_lamports == SOL // 8 - SOL // 16 - 2 * 1_008_000


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.tuples(st.integers(1, 400_000), st.integers(0, SOL)), max_size=5))
def test_sold_in_parts_or_at_once_the_profit_is_the_same(parts: list[tuple[int, int]]) -> None:
    """Apart from the fees of each sale, which are really paid each time."""
    position, left, received = opened(), 1_000_000, 0
    for wanted, lamports in [*parts, (1_000_000, SOL // 3)]:
        raw = min(wanted, left)
        if raw == 0:
            break
        rent = -RENT_LAMPORTS if raw == left else 0
        book(selling(position), sold(lamports=lamports, raw=raw, rent=rent))
        left, received = left - raw, received + lamports
    closed = fresh(position)
    fills = position.fills.count()
    if left:
        book(selling(position), sold(lamports=0, raw=left, rent=-RENT_LAMPORTS))
        closed, fills = fresh(position), fills + 1
    assert closed.status == PositionStatus.CLOSED
    assert closed.realised_pnl_lamports == received - SOL // 4 - fills * 1_008_000
    assert closed.exit_generation == fills - 1


def test_a_part_sold_of_what_shrank_leaves_what_is_there_and_the_rest_is_lost() -> None:
    position = opened()
    change = replace(sold(lamports=SOL // 10, raw=300_000), token_left_raw=500_000)
    book(selling(position), change)
    left = fresh(position)
    assert (left.status, left.held_raw) == (PositionStatus.ACTIVE, 500_000)
    parts = list(Disposal.objects.values_list("kind", "token_raw", "cost_lamports"))
    assert parts == [("SOLD", 300_000, 75_000_000), ("LOST", 200_000, 50_000_000)]
    assert Lot.objects.get().left_raw == 500_000
    assert left.realised_pnl_lamports == SOL // 10 - 125_000_000 - 2 * 1_008_000
    assert Incident.objects.get().key == f"shortfall:{position.pk}"


def test_selling_all_that_is_there_closes_a_position_that_shrank() -> None:
    position = opened()
    change = replace(sold(lamports=SOL // 10, raw=1, rent=-RENT_LAMPORTS), token_left_raw=0)
    book(selling(position), change)
    closed = fresh(position)
    assert (closed.status, closed.held_raw) == (PositionStatus.CLOSED, 0)
    assert closed.realised_pnl_lamports == SOL // 10 - SOL // 4 - 2 * 1_008_000
    book(selling(opened()), replace(change, token_raw=-1_000_000))
    assert Incident.objects.count() == 1, "nothing was missing there"


@pytest.mark.parametrize("left_raw", [None, 700_000, 700_009])
def test_what_is_not_known_or_only_more_is_no_shortfall(left_raw: int | None) -> None:
    """Dust of others lies in our account beside what we bought."""
    position = opened()
    change = replace(sold(lamports=SOL // 10, raw=300_000), token_left_raw=left_raw)
    book(selling(position), change)
    assert fresh(position).held_raw == 700_000
    assert not Incident.objects.exists()


def test_a_failed_buy_frees_its_signal_and_its_fee_is_part_of_the_price() -> None:
    submission = buying()
    assert book(submission, FAILED)
    signal = Signal.objects.get()
    assert (signal.status, signal.code, signal.reserved_lamports) == ("RETRY", "FAILED_ON_CHAIN", 0)
    assert signal.next_attempt_at == NOW + timedelta(seconds=1)
    Signal.objects.update(status=SignalStatus.EXECUTING, attempts=2)
    assert book(in_flight(signal), BOUGHT)
    assert Position.objects.get().realised_pnl_lamports == -1_008_000 - 8_000


def test_a_failed_sale_frees_its_position_and_costs_its_fee() -> None:
    position = opened()
    submission = selling(position)
    assert book(submission, FAILED)
    freed = fresh(position)
    assert (freed.status, freed.exiting_since) == (PositionStatus.ACTIVE, None)
    assert freed.realised_pnl_lamports == -1_008_000 - 8_000
    assert freed.held_raw == 1_000_000


@pytest.mark.parametrize(("dead", "seconds"), [(0, 1), (1, 3)])
def test_every_try_of_a_buy_waits_longer_and_the_third_is_the_last(dead: int, seconds: int) -> None:
    assert bury(buying(attempts=dead + 1, dead_submissions=dead))
    signal = Signal.objects.get()
    assert signal.next_attempt_at == NOW + timedelta(seconds=seconds)
    assert signal.dead_submissions == dead + 1
    assert not DeadLetter.objects.exists()
    Signal.objects.all().update(status=SignalStatus.EXECUTING, attempts=3)
    assert bury(in_flight(signal))
    assert Signal.objects.get().status == SignalStatus.DEAD_LETTER
    assert DeadLetter.objects.get().code == "EXPIRED"


def test_a_sale_is_tried_for_ever_and_a_person_is_told() -> None:
    position = opened()
    submission = selling(position, attempts=50, dead_submissions=49)
    assert bury(submission)
    signal = submission.signal
    signal.refresh_from_db()
    assert signal.status == SignalStatus.RETRY
    assert signal.next_attempt_at == NOW + timedelta(seconds=3), "waiting is a gate too"
    assert not DeadLetter.objects.exists()
    assert Incident.objects.get().key == f"exit:{position.pk}"
    assert fresh(position).status == PositionStatus.ACTIVE


def test_a_leaders_sell_and_our_own_exit_are_told_apart() -> None:
    position = opened()
    book(selling(position), sold(lamports=1, raw=1))
    assert fresh(position).exit_reason == "LEADER_SOLD"
    book(selling(position, exit_reason="TAKE_PROFIT", exit_tiers_taken=2), sold(lamports=1, raw=1))
    after = fresh(position)
    assert (after.exit_reason, after.tiers_taken) == ("TAKE_PROFIT", 2)
    book(selling(position, exit_reason="TAKE_PROFIT", exit_tiers_taken=1), sold(lamports=1, raw=1))
    assert fresh(position).tiers_taken == 2, "a tier that is taken stays taken"


def test_amounts_of_64_bits_are_booked_exactly() -> None:
    huge = 2**64 - 1
    book(buying(), replace(BOUGHT, token_raw=huge, decimals=0))
    position = Position.objects.get()
    assert (position.bought_raw, position.held_raw) == (huge, huge)
    book(selling(position), sold(lamports=5, raw=huge - 1))
    assert fresh(position).held_raw == 1
