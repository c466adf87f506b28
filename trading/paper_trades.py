"""The ledger that stands for the chain in paper mode: one row a transaction that was never sent. Rows only."""

from decimal import Decimal

from django.db import models

from trading.domain.paper import PenaltySource
from trading.fields import RawAmountField, choices


class PaperStatus(models.TextChoices):
    """PENDING until it would have landed; then one of the others, for good."""

    PENDING = "PENDING"
    LANDED = "LANDED"
    FAILED = "FAILED"


class PaperTransaction(models.Model):
    """One submission as the paper market took it, or a deposit of paper capital (without a submission).

    What it pays is known when it is taken, what comes of it is written once, when it would have landed.
    """

    submission = models.OneToOneField(
        "trading.Submission", null=True, on_delete=models.PROTECT, related_name="paper"
    )
    signature = models.CharField(max_length=88, unique=True)
    status = models.CharField(max_length=7, choices=PaperStatus.choices)
    accepted_at = models.DateTimeField()
    lands_at = models.DateTimeField()
    mint = models.CharField(max_length=44, blank=True)
    decimals = models.PositiveSmallIntegerField(default=0)
    token_program = models.CharField(max_length=44, blank=True)
    token_account = models.CharField(max_length=44, blank=True, db_index=True)
    closes_account = models.BooleanField(default=False)
    fee_lamports = models.BigIntegerField(default=0, help_text="The network's.")
    tip_lamports = models.BigIntegerField(default=0)
    rent_lamports = models.BigIntegerField(default=0, help_text="Of a token account.")
    number = models.PositiveBigIntegerField(
        null=True, unique=True, help_text="Its place among those that landed or failed."
    )
    slot = models.PositiveBigIntegerField(null=True)
    landed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=20, blank=True)
    balance_before_lamports = models.BigIntegerField(default=0)
    balance_after_lamports = models.BigIntegerField(default=0)
    account_before_lamports = models.BigIntegerField(default=0)
    account_after_lamports = models.BigIntegerField(default=0)
    held_before_raw = RawAmountField(default=0)
    held_after_raw = RawAmountField(default=0)
    penalty_bps = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, help_text="How much worse than quoted."
    )
    penalty_source = models.CharField(max_length=8, blank=True, choices=choices(PenaltySource))
    penalty_samples = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.status} {self.signature[:8]}"

    @property
    def gained(self) -> Decimal | None:
        """How much better (+) or worse (-) than quoted it was filled, as a ratio."""
        return None if self.penalty_bps is None else -self.penalty_bps / 10_000
