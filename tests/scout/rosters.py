"""Rosters for tests; no tests here."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils import timezone
from solders.keypair import Keypair

from scout.models import RunState, ScoreState, ScoutRun, WalletScore
from scout.roster_file import Entry, Roster, write_roster

NOW = timezone.now()


def address() -> str:
    """A wallet that nobody knows."""
    return str(Keypair().pubkey())


def entry(who: str | None = None, **fields: Any) -> Entry:
    """A wallet that Scout would follow."""
    values: dict[str, Any] = {
        "address": who or address(),
        "status": "ACTIVE",
        "strategy": "SHIELD",
        "archetype": "swing",
        "verdict": "PASSED",
        "trades": 120,
        "wqs": 77.5,
        "skill": 1.25,
        "p_positive": 0.97,
        "copy_return": 0.03,
        "reasons": ("steady",),
        "details": {"backtest": {"pnl_lamports": 5}},
    }
    return Entry(**(values | fields))


def roster(*entries: Entry, **fields: Any) -> Roster:
    """A new roster of the sandbox."""
    values: dict[str, Any] = {
        "run": str(uuid4()),
        "created_at": NOW - timedelta(minutes=5),
        "mode": "sandbox",
        "code_version": "abc",
        "entries": entries or (entry(),),
    }
    return Roster(**(values | fields))


def make_run(*scores: dict[str, Any], **fields: Any) -> ScoutRun:
    """A finished run with these judged wallets."""
    values: dict[str, Any] = {
        "state": RunState.FINISHED,
        "actor": "tests",
        "code_version": "abc",
        "as_of": NOW,
        "started_at": NOW,
        "progressed_at": NOW,
        "finished_at": NOW,
        "wallets": len(scores),
    }
    run = ScoutRun.objects.create(**(values | fields))
    for score in scores:
        WalletScore.objects.create(run=run, **({"state": ScoreState.JUDGED} | score))
    return run


def written(path: Path, *entries: Entry, **fields: Any) -> Path:
    """Its file."""
    write_roster(path, roster(*entries, **fields))
    return path
