"""Rows of what the chain has told about wallets: how far each was read, its swaps, and the transactions behind them."""

from django.db import models

from trading.fields import RawAmountField


class Side(models.TextChoices):
    """A swap as the wallet sees it: SOL for tokens, or tokens for SOL."""

    BUY = "BUY"
    SELL = "SELL"


class Reading(models.Model):
    """How far one wallet's history is read, so that a reader that was killed goes on without a gap.

    Everything from `since`, or from `complete_since` where the limit cut it off, up to the newest signature
    is stored or pending. A sweep walks from the
    top of the chain's list down to that newest signature; until it has arrived, `sweep_before` says where
    it goes on and `sweep_top` what will then be the newest.
    """

    address = models.CharField(max_length=44, primary_key=True)
    newest_signature = models.CharField(max_length=88, blank=True)
    newest_slot = models.PositiveBigIntegerField(default=0)
    since = models.DateTimeField(null=True, help_text="Nothing older was asked for.")
    complete_since = models.DateTimeField(
        null=True,
        help_text="From here on nothing is missing; older transactions are beyond the limit.",
    )
    sweep_top = models.CharField(max_length=88, blank=True)
    sweep_top_slot = models.PositiveBigIntegerField(default=0)
    sweep_before = models.CharField(max_length=88, blank=True)
    sweep_listed = models.PositiveIntegerField(default=0)
    listed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(
        default=0, help_text="Transactions that failed on the chain."
    )
    lost = models.PositiveIntegerField(default=0, help_text="Listed, yet no node knows them.")
    parser = models.PositiveSmallIntegerField(default=0, help_text="The version that read it.")
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return self.address

    @property
    def is_sweeping(self) -> bool:
        """Whether a part of the history is still to be listed."""
        return bool(self.sweep_top)


class Pending(models.Model):
    """A transaction that was listed and has not been fetched yet."""

    address = models.CharField(max_length=44)
    signature = models.CharField(max_length=88)
    slot = models.PositiveBigIntegerField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-slot"]
        constraints = [
            models.UniqueConstraint(
                fields=["address", "signature"], name="one_pending_a_transaction"
            )
        ]

    def __str__(self) -> str:
        return self.signature


class RawTransaction(models.Model):
    """What a node answered, kept for ever: without logs, as compressed JSON of about 1.2 kB.

    Transactions do not change, the parser may: everything can be read again without asking anybody.
    """

    signature = models.CharField(max_length=88, primary_key=True)
    slot = models.PositiveBigIntegerField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return self.signature


class Swap(models.Model):
    """One swap of one wallet. What nobody knows is empty, never zero; an imported one has no slot (0).

    `sol_lamports` is the swap's SOL leg without network fee, tip and rent; empty where it was paid in USDC
    (`usdc_raw`). `pool_lamports` is the SOL side of the pool right after the swap and `pool_price` its
    price, from the same transaction. Prices are SOL and USD per whole token.
    """

    address = models.CharField(max_length=44)
    signature = models.CharField(max_length=88)
    slot = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    mint = models.CharField(max_length=44)
    symbol = models.CharField(max_length=40, blank=True)
    side = models.CharField(max_length=4, choices=Side)
    sol_lamports = models.BigIntegerField(null=True)
    usdc_raw = models.BigIntegerField(null=True)
    token_raw = RawAmountField()
    decimals = models.PositiveSmallIntegerField()
    fee_lamports = models.BigIntegerField(default=0)
    tip_lamports = models.BigIntegerField(default=0)
    dex = models.CharField(max_length=60, blank=True)
    pool_lamports = models.BigIntegerField(null=True)
    pool_price = models.FloatField(
        null=True, help_text="Lamports per raw token, as statistics use it."
    )
    liquidity_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    volume_24h_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    token_created_at = models.DateTimeField(null=True)
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    price_after_sol = models.DecimalField(max_digits=38, decimal_places=18, null=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["address", "signature", "mint"], name="one_swap_a_token_and_transaction"
            )
        ]
        indexes = [
            models.Index(fields=["address", "at"], name="swap_of_wallet"),
            models.Index(fields=["mint", "at"], name="swap_of_token"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol or self.mint[:4]}"


class FetchDay(models.Model):
    """How many transactions were asked for on one day (UTC), against the policy's limit."""

    day = models.DateField(primary_key=True)
    transactions = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: {self.transactions}"
