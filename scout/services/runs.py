"""The verbs of a run: begin it, read its wallets one by one, judge them all together, end it. Each may be
done twice: what is done stays done, and what a killed process left undone is found by `waiting`.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from scout.chain import ChainReader
from scout.history import Depth, UnableToRead, read_history
from scout.models import RunState, ScoreState, ScoutRun, WalletScore
from scout.roster_file import RosterRefused
from scout.services.results import conclude
from trading.domain.scouting import ScoutPolicy
from trading.gateways.base import GatewayError
from trading.rows import serialise
from trading.services.policy import policy_for_exits
from trading.version import CODE_VERSION

log = logging.getLogger("scout")
MOST_ATTEMPTS = 3
SILENCE = timedelta(minutes=5)
LONGEST_RUN = timedelta(hours=12)


class UnableToRun(Exception):
    """There is nobody to look at, or another run is under way."""


@transaction.atomic
def begin(
    addresses: Iterable[str], *, actor: str, parameters: Mapping[str, Any], now: datetime
) -> ScoutRun:
    """A run over these wallets, none of them read yet; UnableToRun without any."""
    serialise("scout run")
    wallets = sorted(set(addresses))
    if not wallets:
        raise UnableToRun("nobody to look at: follow a leader, import wallets, or name some")
    if ScoutRun.objects.filter(state__in=(RunState.RUNNING, RunState.JUDGING)).exists():
        raise UnableToRun("another run is under way; wait for it or end it")
    run = ScoutRun.objects.create(
        actor=actor[:150],
        parameters=dict(parameters),
        code_version=CODE_VERSION,
        as_of=now,
        started_at=now,
        progressed_at=now,
        wallets=len(wallets),
    )
    WalletScore.objects.bulk_create(
        [WalletScore(run=run, address=address) for address in wallets], batch_size=1_000
    )
    return run


def waiting(run: UUID) -> list[str]:
    """The wallets of the run that are still to be read."""
    rows = WalletScore.objects.filter(run=run, state=ScoreState.WAITING)
    return list(rows.order_by("address").values_list("address", flat=True))


def read(run: UUID, address: str, *, chain: ChainReader, now: datetime) -> None:
    """Read one wallet's history for the run; a failure is the wallet's, with its reason, not the run's."""
    score = WalletScore.objects.filter(run=run, address=address, state=ScoreState.WAITING)
    if score.update(attempts=F("attempts") + 1) != 1 or not _is_running(run):
        return
    state, text = ScoreState.READ, ""
    try:
        read_history(address, chain=chain, depth=_depth(policy_for_exits().scout, now), now=now)
    except (UnableToRead, GatewayError) as error:
        state, text = ScoreState.FAILED, str(error)
    except Exception as error:
        # One wallet's strange history must not end the run of all others.
        log.exception("%s could not be read", address)
        state, text = ScoreState.FAILED, f"our own mistake: {type(error).__name__}"
    score.update(state=state, text=text[:500])
    _tell_progress(run, now)


def _is_running(run: UUID) -> bool:
    return ScoutRun.objects.filter(pk=run, state=RunState.RUNNING).exists()


def _depth(policy: ScoutPolicy, now: datetime) -> Depth:
    return Depth(
        since=now - timedelta(days=policy.history_days),
        most=policy.transactions_per_wallet,
        per_day=policy.transactions_per_day,
    )


def _tell_progress(run: UUID, now: datetime) -> None:
    ScoutRun.objects.filter(pk=run, progressed_at__lt=now).update(progressed_at=now)


def finish(run: UUID, *, now: datetime) -> bool:
    """Judge all wallets of the run against each other and use the result; False when somebody else does,
    or wallets still wait. A judging that was killed is begun again by `tend`.
    """
    if waiting(run):
        return False
    mine = ScoutRun.objects.filter(pk=run, state=RunState.RUNNING)
    if mine.update(state=RunState.JUDGING, progressed_at=now) != 1:
        return False
    complete(run, now=now)
    return True


def complete(run: UUID, *, now: datetime) -> None:
    """The judging itself, of a run that is JUDGING; a mistake of ours ends the run and says so."""
    try:
        text = conclude(ScoutRun.objects.get(pk=run), now=now)
    except RosterRefused as error:
        end(run, reason=str(error), now=now)
    except Exception as error:
        log.exception("run %s could not be judged", run)
        end(run, reason=f"our own mistake while judging: {type(error).__name__}", now=now)
    else:
        open_runs = ScoutRun.objects.filter(pk=run, state=RunState.JUDGING)
        open_runs.update(state=RunState.FINISHED, text=text, finished_at=now, progressed_at=now)


def end(run: UUID, *, reason: str, now: datetime) -> bool:
    """End an open run for a reason; its wallets keep what was read. False when it was not open."""
    open_runs = ScoutRun.objects.filter(pk=run, state__in=(RunState.RUNNING, RunState.JUDGING))
    return open_runs.update(state=RunState.FAILED, text=reason[:500], finished_at=now) == 1


def tend(*, now: datetime) -> list[UUID]:
    """Runs that a killed process left, to be dispatched again. Wallets that were tried often enough fail, and
    so does a run without end.
    """
    silent = ScoutRun.objects.filter(
        state__in=(RunState.RUNNING, RunState.JUDGING), progressed_at__lt=now - SILENCE
    )
    found = []
    for run in silent:
        if now - run.started_at > LONGEST_RUN:
            end(run.pk, reason=f"not finished after {LONGEST_RUN.seconds // 3600} hours", now=now)
        elif _take_up(run, now):
            found.append(run.pk)
    return found


@transaction.atomic
def _take_up(run: ScoutRun, now: datetime) -> bool:
    """False when somebody else takes it up at this moment, or it goes on after all."""
    mine = ScoutRun.objects.filter(pk=run.pk, progressed_at=run.progressed_at, state=run.state)
    if mine.update(progressed_at=now, state=RunState.RUNNING) != 1:
        return False
    run.scores.filter(state=ScoreState.WAITING, attempts__gte=MOST_ATTEMPTS).update(
        state=ScoreState.FAILED, text=f"tried {MOST_ATTEMPTS} times without an end"
    )
    return True
