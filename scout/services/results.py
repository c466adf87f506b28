"""What a run comes to: scores, backtests and places of all its wallets, and what becomes of the roster."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from scout.judging import Judgement, Question, judge
from scout.knowledge import moments
from scout.models import Candidate, ScoreState, ScoutRun, WalletScore
from scout.roster_file import write_roster
from scout.services.copies import WINDOW, own_copies
from scout.services.roster import apply, roster_of
from trading.domain.scouting import ScoutPolicy
from trading.services.policy import policy_for_exits

JUDGED = (
    "state", "text", "trades", "wqs", "skill", "p_positive", "copy_return", "copy_return_error",
    "archetype", "status", "reasons", "evidence", "verdict", "backtest", "owner", "owner_evidence",
    "finished_at",
)  # fmt: skip
STORED_AT_ONCE = 25


def conclude(run: ScoutRun, *, now: datetime) -> str:
    """Judge every wallet that could be read, store it, use it; how it ended, in words. May be done again.

    RosterRefused when a newer roster is in use, OSError when the file that was asked for cannot be written.
    """
    question = _question(run, now=now)
    found = judge(question, progress=lambda: _tell_progress(run))
    addresses = sorted(found.wallets)
    for start in range(0, len(addresses), STORED_AT_ONCE):
        some = addresses[start : start + STORED_AT_ONCE]
        _store(run, {each: found.wallets[each] for each in some}, now=now)
        _tell_progress(run)
    ScoutRun.objects.filter(pk=run.pk).update(summary=found.summary)
    return _use(run, now=now)


def policy_of(run: ScoutRun) -> ScoutPolicy:
    """The policy, with what the run was asked for instead."""
    asked = {
        "active_score": run.parameters.get("min_wqs_active"),
        "candidate_score": run.parameters.get("min_wqs_candidate"),
    }
    given = {name: value for name, value in asked.items() if value is not None}
    policy = policy_for_exits().scout
    # Whoever names limits of WQS wants wallets judged by it.
    return replace(policy, score="wqs", **given) if given else policy


def _question(run: ScoutRun, *, now: datetime) -> Question:
    readable = run.scores.filter(state__in=(ScoreState.READ, ScoreState.JUDGED))
    addresses = tuple(readable.order_by("address").values_list("address", flat=True))
    asked = run.parameters
    price = asked.get("sol_price_usd")
    policy = policy_for_exits()
    floors = {
        "shield": asked.get("min_liquidity_shield"),
        "spear": asked.get("min_liquidity_spear"),
    }
    given = {
        name: replace(getattr(policy, name), minimum_liquidity_usd=floor)
        for name, floor in floors.items()
        if floor is not None
    }
    return Question(
        addresses=addresses,
        as_of=run.as_of,
        known=moments(sol_price_usd=None if price is None else Decimal(price)),
        copies=own_copies(addresses, since=now - WINDOW),
        policy=replace(policy, **given, scout=policy_of(run)),
        has_backtest=not asked.get("skip_backtest"),
    )


def _tell_progress(run: ScoutRun) -> None:
    ScoutRun.objects.filter(pk=run.pk).update(progressed_at=timezone.now())


def _store(run: ScoutRun, judged: Mapping[str, Judgement], *, now: datetime) -> None:
    """Of some wallets at a time, for trading writes to the same database and must not wait."""
    rows = list(run.scores.filter(address__in=judged))
    for row in rows:
        for name, value in judged[row.address].columns().items():
            setattr(row, name, value)
        row.state, row.finished_at = ScoreState.JUDGED, now
    with transaction.atomic():
        WalletScore.objects.bulk_update(rows, JUDGED)
        # A backtest is by far the largest thing that a run keeps; the newest one is shown, older scores stay.
        older = WalletScore.objects.filter(address__in=list(judged), run__as_of__lt=run.as_of)
        older.exclude(backtest={}).update(backtest={})
        Candidate.objects.filter(address__in=list(judged)).update(scored_at=now)


def _use(run: ScoutRun, *, now: datetime) -> str:
    """The roster as a file, or taken over here, or neither for a dry run."""
    roster = roster_of(run)
    if not roster.entries:
        return "nobody could be judged; the roster stays as it is"
    active = sum(entry.status == "ACTIVE" for entry in roster.entries)
    told = f"{active} of {len(roster.entries)} wallets are proposed as ACTIVE"
    if run.parameters.get("dry_run"):
        return f"{told}; a dry run changes nothing"
    if output := run.parameters.get("output"):
        write_roster(Path(output), roster)
        return f"{told}; written to {Path(output).name}"
    merged = apply(roster, actor=run.actor, origin="this platform's own run", now=now)
    return f"{told}; {merged.changed} places changed, {merged.kept} left as a person chose"
