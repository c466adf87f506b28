"""A run reads, judges and places; twice is as good as once, and what dies in the middle is taken up."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from scout import judging
from scout.archive import Swap
from scout.chain import ChainReader
from scout.knowledge import Moments
from scout.models import RosterMerge, RunState, ScoreState, ScoutRun, WalletScore
from scout.roster_file import read_roster
from scout.services import runs
from tests import factories
from tests.cluster import Sandbox
from tests.scout.histories import begun, make_swaps, read_all
from tests.scout.rosters import NOW, address
from trading.domain.policy import Policy
from trading.models import PriceTick
from wallets.models import Chooser, Leader, LeaderStatus

pytestmark = pytest.mark.usefixtures("database")
GOOD = [0.12, 0.2, -0.03, 0.15, 0.1, 0.18, 0.05, -0.02] * 6
BAD = [-0.1, 0.02, -0.12, -0.05] * 12


@pytest.fixture
def good(database: Any) -> str:
    factories.make_policy_revision()
    who = address()
    make_swaps(who, gains=GOOD)
    return who


@pytest.fixture
def bad(database: Any) -> str:
    who = address()
    make_swaps(who, gains=BAD)
    return who


def finished(run: ScoutRun) -> ScoutRun:
    read_all(run)
    assert runs.finish(run.pk, now=NOW)
    run.refresh_from_db()
    return run


@pytest.mark.both_databases
def test_who_earned_for_a_follower_is_placed_and_who_lost_is_not(
    database: Any, good: str, bad: str
) -> None:
    factories.make_leader(bad, chosen_by=Chooser.SCOUT)
    run = finished(begun(good, bad))
    assert run.state == RunState.FINISHED, run.text
    better, worse = (run.scores.get(address=who) for who in (good, bad))
    assert better.skill > 0 > worse.skill
    assert (better.status, better.verdict) == ("ACTIVE", "PASSED"), better.reasons
    assert worse.status == "REJECTED"
    assert better.backtest["curve"]
    assert better.backtest["copies"]
    assert {each.address: each.status for each in Leader.objects.all()} == {
        good: LeaderStatus.ACTIVE,
        bad: LeaderStatus.REJECTED,
    }
    assert run.summary["statuses"] == {"ACTIVE": 1, "REJECTED": 1}


def test_a_wallet_without_a_swap_has_no_score_and_no_place(good: str) -> None:
    nobody = address()
    run = finished(begun(good, nobody))
    score = run.scores.get(address=nobody)
    assert (score.wqs, score.skill, score.p_positive) == (None, None, None)
    assert score.status == "REJECTED"
    assert not Leader.objects.filter(address=nobody).exists()


def test_a_run_of_nobody_known_changes_nothing(database: Any) -> None:
    factories.make_leader(chosen_by=Chooser.SCOUT)
    run = begun(factories.LEADER)
    run.scores.update(state=ScoreState.FAILED)
    assert runs.finish(run.pk, now=NOW)
    run.refresh_from_db()
    assert run.text == "nobody could be judged; the roster stays as it is"
    assert Leader.objects.get().status == LeaderStatus.ACTIVE


def test_a_dry_run_judges_and_changes_no_place(good: str) -> None:
    run = finished(begun(good, dry_run=True))
    assert run.scores.get().status == "ACTIVE"
    assert not Leader.objects.exists()
    assert not RosterMerge.objects.exists()


def test_a_run_with_an_output_writes_the_file_and_leaves_the_roster(
    good: str, tmp_path: Path
) -> None:
    output = tmp_path / "roster_new.db"
    run = finished(begun(good, output=str(output)))
    assert not Leader.objects.exists()
    roster = read_roster(output, mode="sandbox")
    assert [(each.address, each.status) for each in roster.entries] == [(good, "ACTIVE")]
    assert roster.run == str(run.pk)


def test_without_a_backtest_nobody_becomes_active(good: str) -> None:
    run = finished(begun(good, skip_backtest=True))
    assert (run.scores.get().status, run.scores.get().verdict) == ("CANDIDATE", "")


def test_limits_of_wqs_have_wallets_judged_by_it(good: str) -> None:
    run = finished(begun(good, min_wqs_active=101, min_wqs_candidate=0))
    assert run.scores.get().status == "CANDIDATE"
    assert "WQS" in run.scores.get().reasons[0]


def test_a_pool_too_shallow_for_the_asked_floor_is_refused(good: str) -> None:
    run = finished(begun(good, min_liquidity_shield=10**7, min_liquidity_spear=10**7))
    assert run.scores.get().verdict == "LIQUIDITY"
    assert run.scores.get().status == "CANDIDATE"


def test_our_own_losses_outweigh_the_best_score(good: str) -> None:
    for _ in range(5):
        factories.make_closed_position(leader_address=good, pnl_lamports=-factories.sol("0.05"))
    run = finished(begun(good))
    assert run.scores.get().status == "CANDIDATE"
    assert "our 5 copies" in run.scores.get().reasons[0]


def test_what_the_platform_saw_between_two_swaps_is_part_of_the_backtest(good: str) -> None:
    def pnl() -> int:
        return finished(begun(good)).scores.get(address=good).backtest["pnl_lamports"]

    unseen = pnl()
    assert unseen > 0
    half = Decimal("0.00025")
    PriceTick.objects.bulk_create(
        PriceTick(mint=swap.mint, at=swap.at + timedelta(hours=1), price_sol=half, source="tests")
        for swap in Swap.objects.filter(side="BUY")
    )
    assert pnl() < -unseen  # our stops would have fired


def test_a_few_wallets_were_picked_and_a_crowd_tells_what_the_market_gave() -> None:
    question = judging.Question(
        addresses=(), as_of=NOW, known=Moments(), copies={}, policy=Policy()
    )  # fmt: skip
    assert judging.settings_of(question, wallets=judging.CROWD - 1).is_chosen
    assert not judging.settings_of(question, wallets=judging.CROWD).is_chosen


def test_the_same_rows_give_the_same_judgement(good: str, bad: str) -> None:
    first = finished(begun(good, bad, dry_run=True))
    second = finished(begun(good, bad, dry_run=True))
    names = ("address", "skill", "wqs", "status", "reasons", "backtest", "evidence")
    assert list(first.scores.values(*names)) == list(second.scores.values(*names))


def test_of_a_wallet_only_the_newest_backtest_is_kept_and_every_score(good: str) -> None:
    first = finished(begun(good, dry_run=True))
    ScoutRun.objects.update(as_of=NOW - timedelta(seconds=1))
    second = finished(begun(good, dry_run=True))
    old, new = first.scores.get(), second.scores.get()
    assert (old.backtest, old.skill) == ({}, new.skill)
    assert new.backtest["copies"]


def test_only_one_run_at_a_time_and_none_of_nobody(good: str) -> None:
    begun(good)
    with pytest.raises(runs.UnableToRun, match="under way"):
        begun(good)
    ScoutRun.objects.update(state=RunState.FINISHED)
    with pytest.raises(runs.UnableToRun, match="nobody"):
        begun()


def test_a_run_is_judged_once_and_not_before_everybody_is_read(good: str) -> None:
    run = begun(good)
    assert not runs.finish(run.pk, now=NOW)
    finished(run)
    assert not runs.finish(run.pk, now=NOW)


def test_one_wallet_that_cannot_be_read_fails_alone(
    good: str, chain: ChainReader, sandbox: Sandbox
) -> None:
    sandbox.fault(plane="rpc", kind="http_error", method="getSignaturesForAddress")
    run = begun(good)
    runs.read(run.pk, good, chain=chain, now=NOW)
    score = run.scores.get()
    assert (score.state, score.attempts) == (ScoreState.FAILED, 1)
    assert "503" in score.text
    assert runs.finish(run.pk, now=NOW)


def test_reading_twice_is_as_good_as_once(good: str, chain: ChainReader) -> None:
    run = begun(good)
    runs.read(run.pk, good, chain=chain, now=NOW)
    runs.read(run.pk, good, chain=chain, now=NOW)
    assert (run.scores.get().state, run.scores.get().attempts) == (ScoreState.READ, 1)


def test_what_a_killed_worker_left_is_taken_up_and_in_the_end_given_up(good: str) -> None:
    run = begun(good)
    assert runs.tend(now=NOW + timedelta(minutes=4)) == []
    later = NOW + timedelta(minutes=6)
    assert runs.tend(now=later) == [run.pk]
    assert runs.tend(now=later) == []
    WalletScore.objects.update(attempts=runs.MOST_ATTEMPTS)
    assert runs.tend(now=later + timedelta(minutes=6)) == [run.pk]
    assert run.scores.get().state == ScoreState.FAILED
    assert runs.finish(run.pk, now=later)


def test_a_judging_that_was_killed_is_done_again(good: str) -> None:
    run = begun(good)
    read_all(run)
    ScoutRun.objects.update(state=RunState.JUDGING)
    assert not runs.finish(run.pk, now=NOW)
    assert runs.tend(now=NOW + timedelta(minutes=6)) == [run.pk]
    assert runs.finish(run.pk, now=NOW)
    assert run.scores.get().state == ScoreState.JUDGED


def test_a_run_without_end_is_ended_with_its_reason(good: str) -> None:
    run = begun(good)
    assert runs.tend(now=NOW + timedelta(days=1)) == []
    run.refresh_from_db()
    assert (run.state, "12 hours" in run.text) == (RunState.FAILED, True)
    assert not runs.end(run.pk, reason="again", now=NOW)


def test_a_run_whose_roster_is_older_than_the_one_in_use_says_so(good: str) -> None:
    RosterMerge.objects.create(
        run="another",
        created_at=NOW + timedelta(hours=1),
        merged_at=NOW,
        actor="ada",
        origin="a file",
        wallets=1,
        changed=0,
        kept=0,
    )
    run = finished(begun(good))
    assert (run.state, "is in use" in run.text) == (RunState.FAILED, True)
    assert run.scores.get().status == "ACTIVE"


def test_wallets_that_move_together_count_once(good: str) -> None:
    twin = address()
    rows = list(Swap.objects.filter(address=good))
    for row in rows:
        row.pk, row.address = None, twin
        row.signature = factories.signature()
        row.at += timedelta(seconds=3)
    Swap.objects.bulk_create(rows)
    run = finished(begun(good, twin))
    found = {score.address: score for score in run.scores.all()}
    assert sorted(score.status for score in found.values()) == ["ACTIVE", "CANDIDATE"]
    assert found[good].owner == found[twin].owner != ""
    assert found[good].owner_evidence


def test_swaps_with_an_unknown_price_of_sol_are_a_clear_verdict_and_no_neutral_score(
    good: str,
) -> None:
    run = begun(good)
    run.parameters = {"sol_price_usd": None}
    run.save()
    finished(run)
    assert run.scores.get().verdict == "NO_LIQUIDITY_DATA"
    assert run.scores.get().status != "ACTIVE"


def test_a_run_without_a_node_is_not_begun_and_says_what_to_do(settings: Any) -> None:
    settings.RPC_URLS = ["http://127.0.0.1:9/"]
    with pytest.raises(CommandError, match=r"no node answers .* RPC_URLS"):
        call_command("scout", "run")
    assert not ScoutRun.objects.exists()
