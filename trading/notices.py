"""What arrived at the doors where transactions are told instead of signals, as rows."""

from django.db import models

from trading.providers import Provider


class Notice(models.Model):
    """One body that a provider of transactions posted; committed before it is answered, read afterwards.

    `body` is emptied when it is old; the trades found in it stay.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="notices")
    received_at = models.DateTimeField()
    body = models.TextField()
    transactions = models.PositiveIntegerField(help_text="How many it tells of.")
    read_at = models.DateTimeField(null=True)
    trades = models.PositiveIntegerField(default=0, help_text="Of leaders, found in it.")
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
