"""The verbs of the roster: what a run proposes as a file, and taking a roster over in one transaction."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from scout.models import RosterMerge, RunState, ScoreState, ScoutRun, WalletScore
from scout.roster_file import Entry, Refusal, Roster, RosterRefused, read_roster
from trading.rows import serialise
from wallets import services as wallets
from wallets.models import Chooser, Leader, LeaderStatus, LeaderStrategy

ACTOR = "scout"


def roster_of(run: ScoutRun) -> Roster:
    """What the run proposes about every wallet that it could judge."""
    scores = run.scores.filter(state=ScoreState.JUDGED).order_by("address")
    return Roster(
        run=str(run.uuid),
        created_at=run.as_of,
        mode=settings.MODE,
        code_version=run.code_version,
        entries=tuple(_entry(score) for score in scores),
    )


def _entry(score: WalletScore) -> Entry:
    return Entry(
        address=score.address,
        status=score.status,
        strategy=score.evidence.get("strategy", LeaderStrategy.SPEAR),
        archetype=score.archetype,
        verdict=score.verdict,
        trades=score.trades,
        wqs=score.wqs,
        skill=score.skill,
        p_positive=score.p_positive,
        copy_return=score.copy_return,
        owner=score.owner,
        reasons=tuple(score.reasons),
        details={
            "evidence": score.evidence,
            "backtest": score.backtest,
            "owner_evidence": score.owner_evidence,
            "copy_return_error": score.copy_return_error,
        },
    )


def validate(path: Path) -> Roster:
    """The roster in the file, if `merge` would take it over now; RosterRefused says why it would not."""
    roster = read_roster(path, mode=settings.MODE)
    _refuse_old(roster, origin=path.name)
    return roster


def merge(path: Path, *, actor: str, now: datetime) -> RosterMerge:
    """Take over the roster of a file, all of it or nothing; RosterRefused."""
    roster = read_roster(path, mode=settings.MODE)
    with transaction.atomic():
        merged = apply(roster, actor=actor, origin=path.name, now=now)
        _keep_scores(roster, actor=actor, now=now)
    return merged


@transaction.atomic
def apply(roster: Roster, *, actor: str, origin: str, now: datetime) -> RosterMerge:
    """Change every leader's place as the roster says, except where a person has chosen; RosterRefused for
    a roster that is not newer than the last one.
    """
    serialise("roster")
    _refuse_old(roster, origin=origin)
    leaders = Leader.objects.in_bulk([entry.address for entry in roster.entries])
    choice = wallets.Choice(actor=actor, reason="", now=now, by=Chooser.SCOUT, run=roster.run)
    changed = sum(_place(entry, leaders.get(entry.address), choice) for entry in roster.entries)
    wallets.rate({entry.address: _quality_bps(entry.wqs) for entry in roster.entries})
    return RosterMerge.objects.create(
        run=roster.run,
        created_at=roster.created_at,
        merged_at=now,
        actor=actor[:150],
        origin=origin[:200],
        wallets=len(roster.entries),
        changed=changed,
        kept=sum(leader.chosen_by == Chooser.PERSON for leader in leaders.values()),
    )


def _quality_bps(wqs: float | None) -> int | None:
    return None if wqs is None else round(wqs * 100)


def _refuse_old(roster: Roster, *, origin: str) -> None:
    if RosterMerge.objects.filter(run=roster.run).exists():
        raise RosterRefused(Refusal.MERGED_BEFORE, f"{origin} was taken over before.")
    last = RosterMerge.objects.order_by("-created_at").first()
    if last is not None and roster.created_at <= last.created_at:
        raise RosterRefused(
            Refusal.OLDER,
            f"{origin} is of {roster.created_at:%Y-%m-%d %H:%M:%S}, and the roster of "
            f"{last.created_at:%Y-%m-%d %H:%M:%S} is in use; have a new one written.",
        )


def _place(entry: Entry, leader: Leader | None, choice: wallets.Choice) -> bool:
    """Whether the entry changed anything. Strangers join only as ACTIVE or CANDIDATE."""
    status = LeaderStatus(entry.status)
    reason = "; ".join(entry.reasons)[:500] or f"Scout proposes {status}"
    if leader is None:
        return status != LeaderStatus.REJECTED and wallets.follow(
            address=entry.address,
            name="",
            status=status,
            strategy=LeaderStrategy(entry.strategy),
            label=entry.archetype,
            actor=choice.actor,
            reason=reason,
            now=choice.now,
            by=Chooser.SCOUT,
            run=choice.run,
        )
    if leader.chosen_by == Chooser.PERSON:
        return False
    wallets.describe(entry.address, label=entry.archetype, strategy=LeaderStrategy(entry.strategy))
    return wallets.place(entry.address, status, replace(choice, reason=reason))


def _keep_scores(roster: Roster, *, actor: str, now: datetime) -> None:
    """The scores of a run made elsewhere, for the pages here; one made here has its own."""
    if ScoutRun.objects.filter(uuid=roster.run).exists():
        return
    run = ScoutRun.objects.create(
        uuid=roster.run,
        state=RunState.FINISHED,
        actor=actor[:150],
        parameters={"made": "elsewhere"},
        code_version=roster.code_version,
        as_of=roster.created_at,
        started_at=roster.created_at,
        progressed_at=roster.created_at,
        finished_at=now,
        wallets=len(roster.entries),
        text="taken over from a file",
    )
    WalletScore.objects.bulk_create(
        [_score(run, entry, now) for entry in roster.entries], batch_size=1_000
    )


def _score(run: ScoutRun, entry: Entry, now: datetime) -> WalletScore:
    details = entry.details
    return WalletScore(
        run=run,
        address=entry.address,
        state=ScoreState.JUDGED,
        trades=entry.trades,
        wqs=entry.wqs,
        skill=entry.skill,
        p_positive=entry.p_positive,
        copy_return=entry.copy_return,
        copy_return_error=details.get("copy_return_error"),
        archetype=entry.archetype,
        status=entry.status,
        reasons=list(entry.reasons),
        evidence=details.get("evidence", {}),
        verdict=entry.verdict,
        backtest=details.get("backtest", {}),
        owner=entry.owner,
        owner_evidence=details.get("owner_evidence", []),
        finished_at=now,
    )
