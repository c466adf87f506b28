"""Who told of leaders' trades and when, and how far each leader's transactions are known, as rows."""

from django.db import models

from trading.domain.hearing import How


class Source(models.Model):
    """Somebody who tells of leaders' trades: a provider by its name, Helius, or our own watcher."""

    name = models.CharField(max_length=60, primary_key=True)
    last_heard_at = models.DateTimeField(null=True)
    read_until = models.PositiveBigIntegerField(
        default=0, help_text="Number of the last delivery of this provider that was counted."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LeaderTrade(models.Model):
    """One transaction of a leader, whoever told of it; without a time until the chain has confirmed it to us.

    `kind` and `direction` are the parser's, empty while only somebody's word is known.
    """

    leader_address = models.CharField(max_length=44)
    signature = models.CharField(max_length=88)
    slot = models.PositiveBigIntegerField(null=True)
    traded_at = models.DateTimeField(null=True, help_text="The block's time.")
    first_heard_at = models.DateTimeField()
    direction = models.CharField(max_length=4, blank=True)
    kind = models.CharField(max_length=24, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="Why none of it was traded.")
    text = models.CharField(max_length=300, blank=True)
    is_judged = models.BooleanField(
        default=False, help_text="Whoever has not told of it has been noted."
    )

    class Meta:
        ordering = ["-first_heard_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["signature", "leader_address"], name="one_row_a_leader_trade"
            )
        ]
        indexes = [
            models.Index(fields=["first_heard_at"], name="leader_trade_recent"),
            models.Index(
                fields=["traded_at"],
                condition=models.Q(is_judged=False),
                name="leader_trade_unjudged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.leader_address[:8]} {self.signature[:8]}"


class Hearing(models.Model):
    """What one source did about one trade: when it told first, or that it never did (`heard_at` empty)."""

    trade = models.ForeignKey(LeaderTrade, on_delete=models.CASCADE, related_name="hearings")
    source = models.CharField(max_length=60)
    heard_at = models.DateTimeField(null=True)
    is_recovered = models.BooleanField(default=False)
    how = models.CharField(
        max_length=9,
        blank=True,
        choices=[(each.value, each.value) for each in How],
        help_text="Empty until the time of the trade is known.",
    )

    class Meta:
        ordering = ["-heard_at"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "source"], name="one_hearing_a_source")
        ]
        indexes = [
            models.Index(fields=["source", "heard_at"], name="hearing_of_source"),
            models.Index(fields=["id"], condition=models.Q(how=""), name="hearing_unsettled"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.how or 'unsettled'}"


class LeaderCursor(models.Model):
    """How far a followed wallet's transactions are known without a gap.

    Everything up to `signature` has been looked at and committed, and nothing before `slot` is asked for.
    """

    address = models.CharField(max_length=44, primary_key=True)
    signature = models.CharField(max_length=88, blank=True)
    slot = models.PositiveBigIntegerField()
    began_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)
    complete_at = models.DateTimeField(help_text="When the chain was last found to hold no more.")
    tier = models.CharField(max_length=4)
    is_subscribed = models.BooleanField(default=False)

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return f"{self.address[:8]} at slot {self.slot}"
