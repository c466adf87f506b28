"""What landed, as money: fills, the lots they open, what becomes of the lots, and the equity curve. Rows only."""

from django.db import models

from trading.domain.lots import DisposalKind
from trading.domain.values import Action
from trading.fields import RawAmountField, choices


class Fill(models.Model):
    """What one landed transaction changed for us, read from its own balance changes."""

    submission = models.OneToOneField(
        "trading.Submission", on_delete=models.PROTECT, related_name="fill"
    )
    position = models.ForeignKey("trading.Position", on_delete=models.PROTECT, related_name="fills")
    action = models.CharField(max_length=4, choices=choices(Action))
    sol_lamports = models.BigIntegerField(help_text="SOL paid (BUY) or received (SELL) for tokens.")
    token_raw = RawAmountField()
    network_fee_lamports = models.BigIntegerField()
    tip_lamports = models.BigIntegerField()
    rent_lamports = models.BigIntegerField(help_text="Rent paid (+) or returned (-).")
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    slot = models.PositiveBigIntegerField()
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.action} {self.token_raw}"


class Lot(models.Model):
    """What one buy brought: first in, first out. Its cost of what is left follows from `left_raw` alone."""

    position = models.ForeignKey("trading.Position", on_delete=models.PROTECT, related_name="lots")
    fill = models.OneToOneField(Fill, on_delete=models.PROTECT, related_name="lot")
    bought_raw = RawAmountField()
    left_raw = RawAmountField()
    cost_lamports = models.BigIntegerField(help_text="SOL paid for the tokens, without fees.")
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.left_raw} of {self.bought_raw}"


class Disposal(models.Model):
    """A part of a lot that left the books: sold by a fill, lost, or abandoned (then without a fill of its own)."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="disposals")
    fill = models.ForeignKey(Fill, null=True, on_delete=models.PROTECT, related_name="disposals")
    kind = models.CharField(max_length=10, choices=choices(DisposalKind))
    token_raw = RawAmountField()
    cost_lamports = models.BigIntegerField(help_text="Part of the lot's cost.")
    proceeds_lamports = models.BigIntegerField(help_text="Part of the SOL received.")
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    disposed_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.token_raw}"

    @property
    def gain_lamports(self) -> int:
        """Before fees and tips, which belong to the position."""
        return self.proceeds_lamports - self.cost_lamports


class EquityPoint(models.Model):
    """Net asset value at one moment, for the curve."""

    at = models.DateTimeField(db_index=True)
    balance_lamports = models.BigIntegerField()
    positions_lamports = models.BigIntegerField()
    outside_lamports = models.BigIntegerField(
        null=True, help_text="What came in other than by our trades, so that it counts as no gain."
    )
    realised_pnl_lamports = models.BigIntegerField()
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.balance_lamports + self.positions_lamports}"
