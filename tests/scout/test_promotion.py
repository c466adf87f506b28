"""The place a wallet has earned: the chosen score, then the backtest, our own copies, and one vote an owner."""

from dataclasses import replace

import pytest

from scout.promotion import Case, Copies, Proposal, Status, one_owner_one_vote, propose
from trading.domain.scouting import ScoutPolicy

SKILL, WQS = ScoutPolicy(), ScoutPolicy(score="wqs")
GOOD = Case(
    address="a",
    wqs=90.0,
    skill=2.0,
    skill_status=Status.ACTIVE,
    verdict="PASSED",
    positions=30,
    idle_days=5.0,
)


@pytest.mark.parametrize(
    ("wqs", "status"),
    [
        (100.0, Status.ACTIVE),
        (70.0, Status.ACTIVE),
        (69.99, Status.CANDIDATE),
        (40.0, Status.CANDIDATE),
        (39.99, Status.REJECTED),
        (None, Status.REJECTED),
    ],
)
def test_by_wqs_the_limits_themselves_admit_and_nothing_known_rejects(wqs, status) -> None:
    assert propose(replace(GOOD, wqs=wqs, skill_status=Status.REJECTED), WQS).status is status


@pytest.mark.parametrize("status", list(Status))
def test_by_skill_its_own_admission_counts_whatever_wqs_says(status) -> None:
    assert propose(replace(GOOD, wqs=0.0, skill_status=status), SKILL).status is status


@pytest.mark.parametrize("verdict", ["", "NEGATIVE_PNL", "NO_LIQUIDITY_DATA"])
@pytest.mark.parametrize("policy", [SKILL, WQS])
def test_nobody_is_active_without_a_passed_backtest_however_high_the_score(policy, verdict) -> None:
    found = propose(replace(GOOD, verdict=verdict), policy)
    assert found.status is Status.CANDIDATE
    assert "backtest" in found.reasons[0]


@pytest.mark.parametrize(
    ("copies", "status"),
    [
        (Copies(count=5, return_ratio=-0.0501), Status.CANDIDATE),
        (Copies(count=5, return_ratio=-0.05), Status.ACTIVE),
        (Copies(count=4, return_ratio=-0.5), Status.ACTIVE),
    ],
)
def test_our_own_losses_hold_a_leader_back(copies, status) -> None:
    assert propose(replace(GOOD, copies=copies), SKILL).status is status


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"positions": 29}, "a record of 29 positions"),
        ({"idle_days": 5.1}, "not traded for 5.1 days"),
    ],
)
@pytest.mark.parametrize("policy", [SKILL, WQS])
def test_a_short_record_and_a_silent_wallet_are_candidates_at_most(policy, change, reason) -> None:
    found = propose(replace(GOOD, **change), policy)
    assert found.status is Status.CANDIDATE
    assert reason in found.reasons[0]


def test_a_failed_backtest_lifts_nobody() -> None:
    low = replace(GOOD, skill_status=Status.REJECTED, verdict="NEGATIVE_PNL")
    assert propose(low, SKILL).status is Status.REJECTED


def test_of_one_owners_wallets_the_best_alone_is_active() -> None:
    active = Proposal(status=Status.ACTIVE, reasons=("good",))
    rejected = Proposal(status=Status.REJECTED, reasons=("bad",))
    found = one_owner_one_vote(
        {"a": active, "b": active, "c": rejected, "d": active},
        owners={"a": "a", "b": "a", "c": "a"},
        ranks={"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.1},
    )
    assert {name: each.status for name, each in found.items()} == {
        "a": Status.CANDIDATE,
        "b": Status.ACTIVE,
        "c": Status.REJECTED,
        "d": Status.ACTIVE,
    }
    assert found["a"].reasons[0] == "has the same owner as b, which counts"
