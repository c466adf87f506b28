"""What was seen of the market, kept for charts and for Scout. Rows only; nothing of our money rests on them."""

from django.db import models


class PriceTick(models.Model):
    """A price that the watcher acted on while we held the token."""

    mint = models.CharField(max_length=44)
    at = models.DateTimeField(db_index=True)
    price_sol = models.DecimalField(max_digits=38, decimal_places=18)
    source = models.CharField(max_length=12)

    class Meta:
        indexes = [models.Index(fields=["mint", "at"], name="tick_of_mint")]

    def __str__(self) -> str:
        return f"{self.mint[:8]} {self.price_sol}"


class SampledToken(models.Model):
    """A token that was seen, and when its market is to be looked at next; none = not any more."""

    mint = models.CharField(max_length=44, primary_key=True)
    seen_at = models.DateTimeField(help_text="By a signal, a leader's trade or a position, last.")
    sampled_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.mint


class LiquiditySample(models.Model):
    """A token's market at one moment, as one source told it. A null is *not told*; zero is zero.

    `liquidity_usd` is that of its deepest trusted pair. A row without it says that the source answered
    and knew no such pair.
    """

    mint = models.CharField(max_length=44)
    at = models.DateTimeField(db_index=True)
    source = models.CharField(max_length=12)
    liquidity_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    price_sol = models.DecimalField(max_digits=38, decimal_places=18, null=True)
    volume_24h_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    token_created_at = models.DateTimeField(null=True, help_text="Of that pair.")
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mint", "at"], name="one_sample_a_moment"),
        ]

    def __str__(self) -> str:
        return f"{self.mint[:8]} ${self.liquidity_usd}"


class PriceAfter(models.Model):
    """What the token of a leader's swap cost a few seconds later, or why nobody knows.

    Exactly one of `price_sol` and `missed` is told.
    """

    signature = models.CharField(max_length=88)
    wallet = models.CharField(max_length=44)
    mint = models.CharField(max_length=44)
    swapped_at = models.DateTimeField(db_index=True)
    price_sol = models.DecimalField(max_digits=38, decimal_places=18, null=True)
    after_milliseconds = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=12, blank=True)
    missed = models.CharField(max_length=12, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["signature", "wallet", "mint"], name="one_price_after_a_swap"
            ),
            models.CheckConstraint(
                condition=models.Q(price_sol__isnull=False, missed="")
                | (models.Q(price_sol__isnull=True) & ~models.Q(missed="")),
                name="price_after_or_missed",
            ),
        ]
        indexes = [models.Index(fields=["wallet", "swapped_at"], name="price_after_of_wallet")]

    def __str__(self) -> str:
        return f"{self.signature[:8]} {self.missed or self.price_sol}"
