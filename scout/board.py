"""What the pages of roster and runs show, read from the rows; nothing is changed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from scout.models import Candidate, Pending, Reading, RosterMerge, ScoreState, ScoutRun, WalletScore
from scout.pictures import Picture, Whisker, equity, sparkline, whisker
from scout.promotion import Copies
from scout.services.copies import WINDOW, own_copies
from wallets.models import Episode, Leader

SORTS: Mapping[str, str] = {
    "place": "Place",
    "skill": "Skill",
    "wqs": "WQS",
    "copies": "Our copies",
    "name": "Name",
}
PLACES = {"ACTIVE": 0, "CANDIDATE": 1, "REJECTED": 2}
HISTORY_SHOWN = 30
COPIES_SHOWN = 60
RUNS_SHOWN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """One leader with the newest word of Scout, and what copying it has earned us lately."""

    leader: Leader
    score: WalletScore | None
    copies: Copies | None
    whisker: Whisker | None
    curve: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of the roster is asked for, and in which order."""

    status: str = ""
    strategy: str = ""
    archetype: str = ""
    words: str = ""
    sort: str = "place"


def roster(choice: Choice, *, now: datetime) -> dict[str, Any]:
    """The rows of the roster page, and what its filters offer."""
    leaders = list(_asked_for(choice))
    addresses = [leader.address for leader in leaders]
    scores = newest_scores(addresses)
    copies = own_copies(addresses, since=now - WINDOW)
    rows = [_row(leader, scores.get(leader.address), copies) for leader in leaders]
    return {
        "rows": sorted(rows, key=lambda row: _rank(row, choice.sort)),
        "choice": choice,
        "sorts": SORTS,
        "counts": dict(Leader.objects.values_list("status").annotate(n=Count("pk")).order_by()),
        "archetypes": sorted(
            set(Leader.objects.exclude(label="").values_list("label", flat=True).distinct())
        ),
        "last_merge": RosterMerge.objects.first(),
        "open_run": open_run(),
    }


def _asked_for(choice: Choice) -> QuerySet[Leader]:
    found = Leader.objects.all()
    if choice.status:
        found = found.filter(status=choice.status)
    if choice.strategy:
        found = found.filter(strategy=choice.strategy)
    if choice.archetype:
        found = found.filter(label=choice.archetype)
    if choice.words:
        words = Q(name__icontains=choice.words) | Q(address__icontains=choice.words)
        found = found.filter(words | Q(note__icontains=choice.words))
    return found


def newest_scores(addresses: Sequence[str]) -> dict[str, WalletScore]:
    """The last judgement of each of them, by whichever run."""
    judged = WalletScore.objects.filter(address__in=addresses, state=ScoreState.JUDGED)
    newest = judged.values("address").annotate(last=Max("id")).order_by().values("last")
    found = WalletScore.objects.filter(id__in=newest).select_related("run")
    return {score.address: score for score in found}


def _row(leader: Leader, score: WalletScore | None, copies: Mapping[str, Copies]) -> RosterRow:
    return RosterRow(
        leader=leader,
        score=score,
        copies=copies.get(leader.address),
        whisker=None if score is None else whisker(score),
        curve=None if score is None else sparkline(score.backtest),
    )


def _rank(row: RosterRow, sort: str) -> tuple[Any, ...]:
    score = row.score
    skill = -(score.skill if score and score.skill is not None else float("-inf"))
    wqs = -(score.wqs if score and score.wqs is not None else float("-inf"))
    name = (str(row.leader), row.leader.address)
    own = -(row.copies.return_ratio if row.copies else float("-inf"))
    orders: dict[str, tuple[Any, ...]] = {
        "skill": (skill, wqs, name),
        "wqs": (wqs, skill, name),
        "copies": (own, name),
        "name": (name,),
    }
    return orders.get(sort, (PLACES.get(row.leader.status, 9), skill, wqs, name))


def wallet(address: str, *, now: datetime) -> dict[str, Any]:
    """Everything that is known about one wallet; Leader.DoesNotExist for one that nobody has met."""
    leader = Leader.objects.filter(pk=address).first()
    scores = list(
        WalletScore.objects.filter(address=address)
        .exclude(state=ScoreState.WAITING)
        .select_related("run")
        .order_by("-id")[:HISTORY_SHOWN]
    )
    if leader is None and not scores and not Candidate.objects.filter(pk=address).exists():
        raise Leader.DoesNotExist(address)
    judged = [score for score in scores if score.state == ScoreState.JUDGED]
    newest = judged[0] if judged else None
    backtest = newest.backtest if newest else {}
    return {
        "address": address,
        "leader": leader,
        "candidate": Candidate.objects.filter(pk=address).first(),
        "scores": scores,
        "newest": newest,
        "whisker": whisker(newest) if newest else None,
        "equity": equity(backtest),
        "copies": backtest.get("copies", [])[::-1][:COPIES_SHOWN],
        "copies_left_out": max(0, len(backtest.get("copies", [])) - COPIES_SHOWN),
        "own": own_copies([address], since=now - WINDOW).get(address),
        "episodes": Episode.objects.filter(leader_address=address)[:HISTORY_SHOWN],
        "family": _family(newest),
        "reading": Reading.objects.filter(pk=address).first(),
        "pending": Pending.objects.filter(address=address).count(),
    }


def _family(score: WalletScore | None) -> list[WalletScore]:
    """The wallets of the same owner, by the run that says so."""
    if score is None or not score.owner:
        return []
    same = WalletScore.objects.filter(run=score.run, owner=score.owner).exclude(pk=score.pk)
    return list(same.defer("backtest").order_by("address"))


def open_run() -> ScoutRun | None:
    """The run under way."""
    return ScoutRun.objects.filter(state__in=("RUNNING", "JUDGING")).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run and how far it is."""

    run: ScoutRun
    waiting: int
    read: int
    judged: int
    failed: int

    @property
    def percent(self) -> int:
        """Reading is nine tenths of the way, judging the last one; only a finished run has all of it."""
        if not self.run.is_open:
            return 100
        done = self.run.wallets - self.waiting
        return 90 * done // self.run.wallets if self.run.wallets else 0


def progress_of(runs: Sequence[ScoutRun]) -> list[Progress]:
    """The same runs with their counts."""
    counted: dict[Any, dict[str, int]] = {run.pk: {} for run in runs}
    states = WalletScore.objects.filter(run__in=[run.pk for run in runs])
    for run, state, count in states.values_list("run", "state").annotate(n=Count("id")).order_by():
        counted[run][state] = count
    return [
        Progress(
            run=run,
            waiting=counted[run.pk].get(ScoreState.WAITING, 0),
            read=counted[run.pk].get(ScoreState.READ, 0),
            judged=counted[run.pk].get(ScoreState.JUDGED, 0),
            failed=counted[run.pk].get(ScoreState.FAILED, 0),
        )
        for run in runs
    ]


def runs() -> dict[str, Any]:
    """The page of all runs."""
    return {
        "runs": progress_of(list(ScoutRun.objects.all()[:RUNS_SHOWN])),
        "open_run": open_run(),
        "waiting_candidates": Candidate.objects.filter(is_set_aside=False).count(),
        "leaders": Leader.objects.count(),
    }


def run(found: ScoutRun) -> dict[str, Any]:
    """The page of one run: its progress, its results, its failures."""
    scores = found.scores.defer("backtest").order_by("-skill", "-wqs", "address")
    rows = list(scores)
    return {
        "progress": progress_of([found])[0],
        "judged": [(row, whisker(row)) for row in rows if row.state == ScoreState.JUDGED],
        "failed": [row for row in rows if row.state == ScoreState.FAILED],
        "names": dict(Leader.objects.exclude(name="").values_list("address", "name")),
        "merge": RosterMerge.objects.filter(run=str(found.pk)).first(),
    }
