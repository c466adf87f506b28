"""Who works on which signal: one at a time, exits first, and never one that somebody still holds."""

import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction
from django.utils import timezone

from audit.models import DeadLetter
from tests import factories
from tests.databases import Database
from trading import live
from trading.domain.lifecycle import ENDS, SignalStatus, SubmissionStatus
from trading.domain.values import Action, Strategy
from trading.models import Signal, SignalEvent
from trading.services.claims import (
    HOPELESS_ATTEMPTS,
    LEASE,
    Claim,
    claim_due,
    give_up,
    hurry,
    retry_later,
    skip,
    take_over_abandoned,
    try_exits_now,
    wait_for,
)
from trading.services.steps import NotOurs, step

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
SECOND = timedelta(seconds=1)


def queued(**fields) -> Signal:
    return factories.make_signal(**{"received_at": NOW, **fields})


def exiting(**fields) -> Signal:
    return queued(strategy=Strategy.EXIT, action=Action.SELL, priority=0, **fields)


def claimed(*, is_exit: bool = False, worker: str = "me", now=NOW) -> Claim:
    claim = factories.claim_one(token=worker, is_exit=is_exit, now=now)
    assert claim is not None
    return claim


def row(uuid: UUID) -> Signal:
    return Signal.objects.get(pk=uuid)


def story(uuid: UUID) -> list[str]:
    return [str(event) for event in SignalEvent.objects.filter(signal=uuid)]


def test_a_claim_carries_the_whole_signal() -> None:
    signal = exiting(
        exit_fraction="0.333333333", exit_reason="TAKE_PROFIT", exit_tiers_taken=2, symbol="WIF"
    )
    claim = claimed(is_exit=True)
    assert (claim.uuid, claim.token, claim.attempt) == (signal.pk, "me", 1)
    assert (claim.exit_reason, claim.exit_tiers_taken) == ("TAKE_PROFIT", 2)
    assert claim.received_at == NOW
    request = claim.request
    assert (request.symbol, request.mint, request.leader_address) == (
        "WIF",
        signal.mint,
        signal.leader_address,
    )
    assert (str(request.exit_fraction), request.amount_lamports) == (
        "0.333333333",
        signal.amount_lamports,
    )
    stored = row(signal.pk)
    assert (stored.status, stored.claim, stored.claimed_at) == ("EXECUTING", "me", NOW)
    assert story(signal.pk) == ["QUEUED ", "EXECUTING "]


def test_shield_goes_before_spear_and_the_oldest_first() -> None:
    late = queued(received_at=NOW - SECOND)
    spear = queued(received_at=NOW - 9 * SECOND, priority=2, strategy=Strategy.SPEAR)
    early = queued(received_at=NOW - 3 * SECOND)
    order = [claimed(now=NOW).uuid for _ in range(3)]
    assert order == [early.pk, late.pk, spear.pk]
    assert factories.claim_one(token="me", is_exit=False, now=NOW) is None


def test_seats_of_exits_take_only_exits_and_seats_of_entries_only_entries() -> None:
    queued()
    assert factories.claim_one(token="me", is_exit=True, now=NOW) is None
    sell = exiting()
    assert claimed(is_exit=True).uuid == sell.pk
    assert factories.claim_one(token="me", is_exit=True, now=NOW) is None
    assert claimed().request.action is Action.BUY


@pytest.mark.parametrize("status", sorted(ENDS | {SignalStatus.EXECUTING}))
def test_what_is_not_waiting_is_not_claimed(status: SignalStatus) -> None:
    queued(status=status)
    assert factories.claim_one(token="me", is_exit=False, now=NOW) is None


def test_a_signal_rests_until_its_next_try() -> None:
    queued(status=SignalStatus.RETRY, next_attempt_at=NOW + SECOND)
    assert factories.claim_one(token="me", is_exit=False, now=NOW) is None
    assert claimed(now=NOW + SECOND).attempt == 1


def test_many_workers_never_share_a_signal(database: Database) -> None:
    uuids = {queued(received_at=NOW - number * SECOND).pk for number in range(40)}
    taken: list[UUID] = []
    gate = threading.Barrier(8)

    def work(token: str) -> None:
        gate.wait()
        try:
            while claim := factories.claim_one(token=token, is_exit=False, now=NOW):
                taken.append(claim.uuid)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert set(taken) == uuids
    assert set(Signal.objects.values_list("attempts", flat=True)) == {1}


def test_a_retry_waits_and_frees_the_capital() -> None:
    signal = queued()
    claim = claimed()
    Signal.objects.update(reserved_lamports=5)
    retry_later(claim, code="X", text="why", delay=3 * SECOND, maximum_attempts=3, now=NOW)
    stored = row(signal.pk)
    assert (stored.status, stored.code, stored.text) == ("RETRY", "X", "why")
    assert (stored.next_attempt_at, stored.reserved_lamports) == (NOW + 3 * SECOND, 0)
    assert claimed(now=NOW + 3 * SECOND).attempt == 2


def test_a_buy_has_a_last_try_and_a_sell_has_none() -> None:
    buy, sell = queued(), exiting()
    for signal, is_exit in ((buy, False), (sell, True)):
        Signal.objects.filter(pk=signal.pk).update(attempts=2)
        claim = claimed(is_exit=is_exit)
        retry_later(claim, code="X", text="why", delay=SECOND, maximum_attempts=3, now=NOW)
    assert row(buy.pk).status == SignalStatus.DEAD_LETTER
    assert row(buy.pk).finished_at == NOW
    assert row(sell.pk).status == SignalStatus.RETRY
    letter = DeadLetter.objects.get()
    assert letter.payload == {"signal": str(buy.pk)}
    assert (letter.code, letter.source) == ("X", "executor")


def test_an_exit_that_fails_for_days_fills_no_pages() -> None:
    signal = exiting()
    for number in range(HOPELESS_ATTEMPTS + 20):
        now = NOW + number * SECOND
        claim = claimed(is_exit=True, now=now)
        code = "B" if number == HOPELESS_ATTEMPTS + 10 else "A"
        retry_later(claim, code=code, text="why", delay=SECOND, maximum_attempts=3, now=now)
    told = ["EXECUTING ", "RETRY A"] * HOPELESS_ATTEMPTS
    assert story(signal.pk) == ["QUEUED ", *told, "EXECUTING ", "RETRY B", "EXECUTING ", "RETRY A"]
    assert row(signal.pk).attempts == HOPELESS_ATTEMPTS + 20
    latest = SignalEvent.objects.filter(signal=signal.pk).latest("pk")
    assert latest.at == NOW + (HOPELESS_ATTEMPTS + 19) * SECOND


def test_waiting_does_not_count_as_a_try_and_fills_no_pages() -> None:
    signal = exiting()
    for number in range(5):
        now = NOW + number * SECOND
        wait_for(claimed(is_exit=True, now=now), code="BUY_PENDING", text="", delay=SECOND, now=now)
    stored = row(signal.pk)
    assert (stored.status, stored.attempts, stored.code) == ("QUEUED", 0, "BUY_PENDING")
    assert story(signal.pk) == ["QUEUED ", "QUEUED BUY_PENDING"]
    claimed(is_exit=True, now=NOW + 9 * SECOND)
    assert story(signal.pk) == ["QUEUED ", "QUEUED BUY_PENDING", "EXECUTING "]


def test_an_exit_that_waits_for_a_trade_goes_on_when_that_has_ended() -> None:
    waiting, other, failed = (
        exiting(received_at=NOW - number * SECOND, mint=mint)
        for number, mint in ((3, factories.MINT), (2, "another"), (1, factories.MINT))
    )
    for signal in (waiting, other):
        claim = claimed(is_exit=True)
        wait_for(claim, code="BUY_PENDING", text="", delay=9 * SECOND, now=NOW)
        assert claim.uuid == signal.pk
    later = claimed(is_exit=True)
    retry_later(later, code="BUILD_FAILED", text="", delay=9 * SECOND, maximum_attempts=3, now=NOW)
    assert hurry(leader_address=waiting.leader_address, mint=waiting.mint, now=NOW + SECOND) == 1
    assert row(waiting.pk).next_attempt_at == NOW + SECOND
    assert row(other.pk).next_attempt_at == NOW + 9 * SECOND
    assert row(failed.pk).next_attempt_at == NOW + 9 * SECOND


def test_exits_that_may_be_tried_now_wake_the_executors(tmp_path: Path, settings: Any) -> None:
    settings.RUNTIME_DIR = tmp_path
    waiting = exiting()
    claim = claimed(is_exit=True)
    retry_later(claim, code="BUILD_FAILED", text="", delay=9 * SECOND, maximum_attempts=3, now=NOW)
    after = {"leader_address": waiting.leader_address, "mint": waiting.mint}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(live.ear()))
        ear.setblocking(False)
        assert try_exits_now(**after, now=NOW + SECOND) == 1
        assert ear.recv(8) == live.EXIT
        assert try_exits_now(**after, now=NOW + SECOND) == 0
        with pytest.raises(BlockingIOError):
            ear.recv(8)
    assert row(waiting.pk).next_attempt_at == NOW + SECOND


def test_whoever_lost_a_signal_changes_nothing() -> None:
    signal = queued()
    stale = claimed(worker="first")
    Signal.objects.update(status=SignalStatus.QUEUED)
    claimed(worker="second")
    for verb in (
        lambda: retry_later(stale, code="X", text="", delay=SECOND, maximum_attempts=3, now=NOW),
        lambda: retry_later(stale, code="X", text="", delay=SECOND, maximum_attempts=1, now=NOW),
        lambda: skip(stale, code="X", text="", now=NOW),
        lambda: give_up(stale.uuid, code="X", text="", now=NOW, token=stale.token),
    ):
        with pytest.raises(NotOurs):
            verb()
    wait_for(stale, code="X", text="", delay=SECOND, now=NOW)
    stored = row(signal.pk)
    assert (stored.status, stored.claim, stored.code) == ("EXECUTING", "second", "")
    assert not DeadLetter.objects.exists()


def test_an_abandoned_signal_is_put_back_after_its_lease() -> None:
    signal = queued()
    claimed()
    Signal.objects.update(reserved_lamports=7)
    assert take_over_abandoned(now=NOW + LEASE) == 0
    assert take_over_abandoned(now=NOW + LEASE + timedelta(microseconds=1)) == 1
    stored = row(signal.pk)
    assert (stored.status, stored.code, stored.reserved_lamports) == ("QUEUED", "TAKEN_OVER", 0)
    assert claimed(worker="next").attempt == 2


@pytest.mark.parametrize("status", [SubmissionStatus.IN_FLIGHT, SubmissionStatus.LANDED])
def test_a_signal_with_a_live_submission_is_not_abandoned(status: SubmissionStatus) -> None:
    signal = queued()
    claimed()
    factories.make_submission(signal, status=status)
    assert take_over_abandoned(now=NOW + timedelta(hours=1)) == 0


@pytest.mark.parametrize(
    "status", [SubmissionStatus.EXPIRED, SubmissionStatus.REFUSED, SubmissionStatus.FAILED]
)
def test_a_signal_whose_submissions_are_all_dead_is_abandoned(status: SubmissionStatus) -> None:
    signal = queued()
    claimed()
    factories.make_submission(signal, status=status)
    assert take_over_abandoned(now=NOW + timedelta(hours=1)) == 1


@pytest.mark.parametrize("end", sorted(ENDS))
def test_an_ended_signal_never_moves_again(end: SignalStatus) -> None:
    signal = queued(status=end)
    for target in SignalStatus:
        with pytest.raises(NotOurs), transaction.atomic():
            step(signal.pk, to=target, now=NOW)
    assert story(signal.pk) == ["QUEUED "]


def test_an_end_frees_capital_and_is_dated() -> None:
    signal = queued()
    claim = claimed()
    Signal.objects.update(reserved_lamports=7)
    skip(claim, code="NO_POSITION", text="t" * 999, now=NOW)
    stored = row(signal.pk)
    assert (stored.finished_at, stored.reserved_lamports) == (NOW, 0)
    assert len(stored.text) == 300


@pytest.mark.parametrize("is_exit", [True, False])
def test_a_row_that_cannot_be_read_is_set_aside_and_the_others_are_claimed(is_exit: bool) -> None:
    make = exiting if is_exit else queued
    broken, sound = make(), make(received_at=NOW + SECOND)
    Signal.objects.filter(pk=broken.pk).update(strategy="SWORD")
    claims = claim_due(token="me", is_exit=is_exit, at_most=8, now=NOW + SECOND)
    assert [claim.uuid for claim in claims] == [sound.pk]
    assert (row(broken.pk).status, row(broken.pk).code) == ("DEAD_LETTER", "UNREADABLE")
    assert "SWORD" in DeadLetter.objects.get().text
