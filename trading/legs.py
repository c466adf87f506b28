"""What leaders traded in their transactions, and what became of it, as rows."""

from django.db import models

from trading.domain.values import Action
from trading.fields import RawAmountField, choices
from trading.hearings import LeaderTrade


class LeaderLeg(models.Model):
    """One token that a leader bought or sold in one transaction; either a signal came of it, or a code says why not.

    The signal may be older: another source had told of the same trade.
    """

    trade = models.ForeignKey(LeaderTrade, on_delete=models.CASCADE, related_name="legs")
    action = models.CharField(max_length=4, choices=choices(Action))
    mint = models.CharField(max_length=44)
    amount_raw = RawAmountField()
    decimals = models.PositiveSmallIntegerField()
    value_lamports = models.BigIntegerField(
        null=True, help_text="What was paid or got for it; empty where nobody can tell."
    )
    exit_fraction = models.DecimalField(
        max_digits=10, decimal_places=9, default=1, help_text="Of the leader's holding."
    )
    signal = models.ForeignKey(
        "Signal", null=True, on_delete=models.PROTECT, related_name="leader_legs"
    )
    code = models.CharField(max_length=40, blank=True, help_text="Why it became no signal.")
    text = models.CharField(max_length=300, blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "action", "mint"], name="one_leg_a_token")
        ]

    def __str__(self) -> str:
        return f"{self.action.lower()} {self.mint[:8]}"
