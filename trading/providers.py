"""Who may send signals, with which secrets, and every request of theirs with its answer, as rows."""

from django.db import models

TURNED_AWAY = ("rate_limited", "replayed_request")
"""Answers to requests that were one too many or came twice: nobody looked at what they say."""


class Door(models.TextChoices):
    """Where a provider knocks: each door has a way of its own to tell who somebody is."""

    WEBHOOK = "webhook", "Webhook: signed signals"
    HELIUS = "helius", "Helius: leaders' transactions"


class Provider(models.Model):
    """Somebody allowed to send signals; its bucket of requests is refilled as they come."""

    name = models.CharField(max_length=60, unique=True)
    door = models.CharField(max_length=16, choices=Door, default=Door.WEBHOOK)
    is_enabled = models.BooleanField(default=True)
    requests_per_second = models.PositiveIntegerField(default=100)
    burst = models.PositiveIntegerField(default=150)
    bucket_tokens = models.FloatField(default=0)
    bucket_filled_at = models.FloatField(default=0, help_text="Unix time of the last refill.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProviderSecret(models.Model):
    """A webhook secret; during a rotation the old one stays valid for a while."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="secrets")
    secret = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"secret of {self.provider} from {self.created_at:%Y-%m-%d}"


class AlertMapping(models.Model):
    """How alerts in somebody else's shape become signals of a provider; its name is part of their address.

    `template` and `words` are a template (trading/domain/alerts.py), checked when it is saved.
    """

    name = models.SlugField(max_length=60, unique=True)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="alert_mappings")
    is_enabled = models.BooleanField(default=True)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    secret_path = models.CharField(max_length=100, default="secret")
    networks = models.TextField(help_text="Addresses or networks that may send it, one a line.")
    template = models.JSONField(help_text="A text with placeholders for each field of a signal.")
    words = models.JSONField(default=dict, blank=True)
    sample = models.TextField(help_text="An alert as it comes; its secret is not kept.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One authenticated request at the signal door and the answer it got."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="deliveries")
    received_at = models.DateTimeField()
    replay_key = models.CharField(max_length=130, null=True, unique=True)
    body = models.TextField()
    http_status = models.PositiveSmallIntegerField()
    answer = models.CharField(max_length=20)
    code = models.CharField(max_length=40, blank=True)
    details = models.JSONField(default=dict)
    signal = models.ForeignKey(
        "Signal", null=True, on_delete=models.PROTECT, related_name="deliveries"
    )

    class Meta:
        ordering = ["-received_at"]
        verbose_name_plural = "deliveries"
        # What retention looks for; an accepted request is in neither, so nobody waits for them.
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=models.Q(code__in=TURNED_AWAY),
                name="delivery_turned_away",
            ),
            models.Index(
                fields=["received_at"],
                condition=models.Q(body__gt="", code__gt=""),
                name="delivery_refused_body",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.http_status} {self.code or self.answer}"
