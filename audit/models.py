"""What was changed and by whom, what could not be processed, what needs a person, who is alive."""

from django.db import models


class PolicyRevision(models.Model):
    """One stored policy; exactly one is active, an older one may become active again."""

    number = models.PositiveIntegerField(unique=True)
    policy = models.JSONField()
    author = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    is_active = models.BooleanField(default=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_active"], condition=models.Q(is_active=True), name="one_active_policy"
            )
        ]

    def __str__(self) -> str:
        return f"policy revision {self.number}"


class Entry(models.Model):
    """One line of the audit log. The database refuses updates and deletes; each line seals the one before."""

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=80)
    target = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.number} {self.actor} {self.action} {self.target}"


class DeadLetter(models.Model):
    """Something accepted that could not be processed, with all that is needed to see why."""

    source = models.CharField(max_length=40)
    code = models.CharField(max_length=60)
    text = models.CharField(max_length=500)
    payload = models.JSONField()
    is_retryable = models.BooleanField()
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.code} from {self.source}"


class Incident(models.Model):
    """Something a person should know; one open row per key."""

    key = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=1000, blank=True)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times_seen = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_incident",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Heartbeat(models.Model):
    """Last sign of life of one process; several of the same name may run, also on several machines."""

    name = models.CharField(max_length=60)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    beat_at = models.DateTimeField()
    started_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["name", "host", "pid"]
        constraints = [
            models.UniqueConstraint(fields=["name", "host", "pid"], name="one_heartbeat_a_process")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.pid} on {self.host}"
