"""Runs of Scout, what each said about every wallet, what became of rosters, and whom to look at next."""

import uuid

from django.db import models

from scout.archive import FetchDay, Pending, RawTransaction, Reading, Side, Swap

__all__ = [
    "Candidate",
    "FetchDay",
    "Pending",
    "RawTransaction",
    "Reading",
    "RosterMerge",
    "RunState",
    "ScoreState",
    "ScoutRun",
    "Side",
    "Swap",
    "WalletScore",
]


class RunState(models.TextChoices):
    """RUNNING while wallets are read and measured, JUDGING while all are compared with each other."""

    RUNNING = "RUNNING"
    JUDGING = "JUDGING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class ScoutRun(models.Model):
    """One look at many wallets, as of one moment."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=8, choices=RunState, default=RunState.RUNNING)
    actor = models.CharField(max_length=150)
    parameters = models.JSONField(default=dict)
    code_version = models.CharField(max_length=40)
    as_of = models.DateTimeField(help_text="Nothing later was looked at.")
    started_at = models.DateTimeField()
    progressed_at = models.DateTimeField(help_text="When a wallet was last done.")
    finished_at = models.DateTimeField(null=True)
    wallets = models.PositiveIntegerField(default=0)
    text = models.CharField(max_length=500, blank=True, help_text="How it ended, in words.")
    summary = models.JSONField(default=dict, help_text="Figures of the whole population.")

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["state"], name="run_state")]

    def __str__(self) -> str:
        return f"run of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in (RunState.RUNNING, RunState.JUDGING)


class ScoreState(models.TextChoices):
    """How far one wallet of a run is."""

    WAITING = "WAITING"
    READ = "READ"
    JUDGED = "JUDGED"
    FAILED = "FAILED"


class WalletScore(models.Model):
    """What one run says about one wallet; a score that is empty is not known, never an average one."""

    run = models.ForeignKey(ScoutRun, on_delete=models.CASCADE, related_name="scores")
    address = models.CharField(max_length=44)
    state = models.CharField(max_length=8, choices=ScoreState, default=ScoreState.WAITING)
    text = models.CharField(
        max_length=500, blank=True, help_text="Why it failed, or what is amiss."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    trades = models.PositiveIntegerField(default=0)
    wqs = models.FloatField(null=True)
    skill = models.FloatField(null=True)
    p_positive = models.FloatField(null=True, help_text="Probability that a copy earns anything.")
    copy_return = models.FloatField(null=True, help_text="Expected net return of a copy, a ratio.")
    copy_return_error = models.FloatField(null=True, help_text="One standard deviation of it.")
    archetype = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=10, blank=True, help_text="What the run proposes.")
    reasons = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)
    verdict = models.CharField(max_length=24, blank=True)
    backtest = models.JSONField(default=dict)
    owner = models.CharField(max_length=44, blank=True, help_text="First wallet of the same owner.")
    owner_evidence = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-skill", "-wqs", "address"]
        constraints = [
            models.UniqueConstraint(fields=["run", "address"], name="one_score_a_wallet_and_run")
        ]
        indexes = [models.Index(fields=["address", "-id"], name="score_of_wallet")]

    def __str__(self) -> str:
        return f"{self.address[:4]}…{self.address[-4:]} {self.status}"


class RosterMerge(models.Model):
    """A roster that was taken over: which run's, from where, and what it changed. Older ones are refused."""

    run = models.CharField(max_length=36, unique=True)
    created_at = models.DateTimeField(help_text="When the run wrote it.")
    merged_at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    origin = models.CharField(max_length=200, help_text="The file, or this platform's own run.")
    wallets = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    kept = models.PositiveIntegerField(help_text="Left as a person chose.")

    class Meta:
        ordering = ["-merged_at"]

    def __str__(self) -> str:
        return f"roster of {self.created_at:%Y-%m-%d %H:%M}"


class Source(models.TextChoices):
    """How Scout came upon a wallet."""

    ROSTER = "ROSTER", "On the roster"
    CO_TRADER = "CO_TRADER", "Trades what good leaders trade"
    WINNER = "WINNER", "Won with a recent runner"
    IMPORT = "IMPORT", "Imported"
    PERSON = "PERSON", "Asked for by a person"


class Candidate(models.Model):
    """A wallet that Scout reads and scores; the most promising first, as far as the budgets go."""

    address = models.CharField(max_length=44, primary_key=True)
    source = models.CharField(max_length=9, choices=Source, default=Source.PERSON)
    rank = models.FloatField(default=0, help_text="Higher is read sooner.")
    is_set_aside = models.BooleanField(default=False, help_text="Not read by any run.")
    evidence = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=300, blank=True)
    added_at = models.DateTimeField()
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["is_set_aside", "-rank", "address"]
        indexes = [models.Index(fields=["is_set_aside", "-rank"], name="candidate_queue")]

    def __str__(self) -> str:
        return f"{self.address[:4]}…{self.address[-4:]}"
