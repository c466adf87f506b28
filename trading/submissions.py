"""Signed transactions: what was sent, which way, and what became of it; those nobody can tell of. Rows only."""

from typing import ClassVar

from django.db import models

from trading.domain.lifecycle import SubmissionStatus
from trading.domain.values import Action, Route
from trading.fields import RawAmountField, choices

UNKNOWN = "UNKNOWN"


class Submission(models.Model):
    """One signed transaction, committed before its first byte leaves; the chain decides what became of it."""

    # Without an index of its own: that of `one_submission_an_attempt` begins with it.
    signal = models.ForeignKey(
        "trading.Signal", on_delete=models.PROTECT, related_name="submissions", db_index=False
    )
    position = models.ForeignKey(
        "trading.Position", null=True, on_delete=models.PROTECT, related_name="submissions"
    )
    attempt = models.PositiveIntegerField()
    action = models.CharField(max_length=4, choices=choices(Action))
    mint = models.CharField(max_length=44)
    route = models.CharField(max_length=8, choices=choices(Route))
    signature = models.CharField(max_length=88, unique=True)
    bundle_id = models.CharField(max_length=64, blank=True)
    wire = models.BinaryField()
    last_valid_block_height = models.PositiveBigIntegerField()
    tip_lamports = models.BigIntegerField()
    in_amount_raw = RawAmountField(help_text="Lamports of a buy, raw tokens of a sell.")
    quoted_out_raw = RawAmountField()
    minimum_out_raw = RawAmountField(
        null=True, help_text="With less it fails on chain; empty: not known."
    )
    status = models.CharField(max_length=10, choices=choices(SubmissionStatus))
    error = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, help_text="When the first byte left.")
    is_offered_again = models.BooleanField(
        default=False,
        help_text="Its bytes go out once more: a refusal of the first offer proves nothing now.",
    )
    waited_microseconds = models.PositiveIntegerField(
        default=0, help_text="Spent waiting for other machines before the first byte left."
    )
    resolved_at = models.DateTimeField(null=True)
    unknown_since = models.DateTimeField(
        null=True, help_text="Since when nobody can tell what became of it; a person has to look."
    )
    unknown_text = models.CharField(max_length=300, blank=True)
    slot = models.PositiveBigIntegerField(null=True)
    network_fee_lamports = models.BigIntegerField(default=0)
    balance_change_lamports = models.BigIntegerField(
        default=0, help_text="Our wallet's lamports after less before, all included."
    )

    class Meta:
        ordering = ["-recorded_at"]
        constraints = [
            models.UniqueConstraint(fields=["signal", "attempt"], name="one_submission_an_attempt"),
            models.UniqueConstraint(
                fields=["signal"],
                condition=models.Q(status__in=["IN_FLIGHT", "LANDED"]),
                name="one_live_submission_a_signal",
            ),
            models.UniqueConstraint(
                fields=["mint"],
                condition=models.Q(status="IN_FLIGHT", action="BUY"),
                name="one_buy_in_flight_a_mint",
            ),
            models.UniqueConstraint(
                fields=["position"],
                condition=models.Q(status="IN_FLIGHT"),
                name="one_sell_in_flight_a_position",
            ),
        ]
        indexes = [
            models.Index(
                fields=["recorded_at"],
                condition=models.Q(status="IN_FLIGHT"),
                name="submission_in_flight",
            ),
            models.Index(fields=["status", "balance_change_lamports"], name="submission_cash"),
            models.Index(fields=["resolved_at"], name="submission_resolved"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.signature[:8]} {self.told_status}"

    @property
    def told_status(self) -> str:
        """The status for people: UNKNOWN is in flight with nobody able to tell the outcome.

        For the rows it stays IN_FLIGHT, so every reservation and constraint holds on by itself.
        """
        return UNKNOWN if self.unknown_since else self.status


class UnknownOutcomes(models.Manager["UnknownOutcome"]):
    """Submissions marked unknown and not resolved, the longest first."""

    def get_queryset(self) -> "models.QuerySet[UnknownOutcome]":
        rows = super().get_queryset().filter(status=SubmissionStatus.IN_FLIGHT)
        return rows.filter(unknown_since__isnull=False).order_by("unknown_since")


class UnknownOutcome(Submission):
    """A submission whose outcome nobody can tell: what people have to rule upon."""

    objects: ClassVar[UnknownOutcomes] = UnknownOutcomes()

    class Meta:
        proxy = True
        ordering = ["unknown_since"]
        verbose_name = "unknown outcome"
