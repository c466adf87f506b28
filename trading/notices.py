"""What arrived at the doors where transactions are told instead of signals, as rows."""

from django.db import models

from trading.providers import Provider


class Registration(models.Model):
    """What a provider of transactions is to tell about and what it has been told to, as last seen.

    `differs_since` is empty while nothing is known to differ. Of lists the beginning is kept.
    """

    name = models.CharField(max_length=60, primary_key=True)
    wanted = models.PositiveIntegerField(default=0)
    wanted_digest = models.CharField(max_length=64, blank=True)
    registered = models.PositiveIntegerField(default=0)
    webhooks = models.PositiveIntegerField(default=0)
    difference = models.JSONField(default=dict)
    differs_since = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    edited_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """One body that a provider of transactions posted; committed before it is answered, read afterwards.

    `body` is emptied when it is old; the trades found in it stay.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="notices")
    received_at = models.DateTimeField()
    body = models.TextField()
    transactions = models.PositiveIntegerField(help_text="How many it tells of.")
    read_at = models.DateTimeField(null=True)
    trades = models.PositiveIntegerField(default=0, help_text="Transactions of leaders in it.")
    unreadable = models.PositiveIntegerField(
        default=0, help_text="Set aside as dead letters; the others were used."
    )

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(read_at__isnull=True), name="notice_unread"
            ),
            models.Index(
                fields=["received_at"], condition=models.Q(body__gt=""), name="notice_body"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transactions} transactions from {self.provider}"
