"""The wallets we follow (leaders) and the wallet we sign with (public part only)."""

from django.db import models


class LeaderStatus(models.TextChoices):
    """Place on the roster; only ACTIVE leaders are copied."""

    ACTIVE = "ACTIVE"
    CANDIDATE = "CANDIDATE"
    REJECTED = "REJECTED"


class LeaderStrategy(models.TextChoices):
    """The strategy under which a leader's buys are copied."""

    SHIELD = "SHIELD"
    SPEAR = "SPEAR"


class Leader(models.Model):
    """A followed wallet and its place on the roster."""

    address = models.CharField(max_length=44, primary_key=True)
    name = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=10, choices=LeaderStatus, default=LeaderStatus.CANDIDATE)
    strategy = models.CharField(max_length=6, choices=LeaderStrategy, default=LeaderStrategy.SHIELD)
    is_muted = models.BooleanField(default=False, help_text="No new entries; exits go on.")
    active_until = models.DateTimeField(null=True, blank=True, help_text="Empty: no time limit.")
    label = models.CharField(max_length=40, blank=True, help_text="Archetype, where known.")
    note = models.CharField(max_length=500, blank=True)
    status_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    status_changed_at = models.DateTimeField()

    class Meta:
        ordering = ["status", "name", "address"]

    def __str__(self) -> str:
        return self.name or f"{self.address[:4]}…{self.address[-4:]}"


class TradingWallet(models.Model):
    """A wallet whose key this platform opens at start; the key itself is never in the database."""

    address = models.CharField(max_length=44, primary_key=True)
    label = models.CharField(max_length=80)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return f"{self.label} {self.address[:4]}…{self.address[-4:]}"
