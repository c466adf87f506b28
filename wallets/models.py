"""The wallets we follow (leaders) and the wallet we sign with (public part only)."""

from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from solders.pubkey import Pubkey


class LeaderStatus(models.TextChoices):
    """Place on the roster; only ACTIVE leaders are copied."""

    ACTIVE = "ACTIVE"
    CANDIDATE = "CANDIDATE"
    REJECTED = "REJECTED"


class Chooser(models.TextChoices):
    """Who decides about a leader's place: what a person chose, no run of Scout changes."""

    PERSON = "PERSON", "A person"
    SCOUT = "SCOUT", "Scout"


class LeaderStrategy(models.TextChoices):
    """The strategy under which a leader's buys are copied."""

    SHIELD = "SHIELD"
    SPEAR = "SPEAR"


class CopyState(models.TextChoices):
    """Whether a leader's buys are copied; what is held is sold in every state."""

    ON = "ON", "On"
    CLOSES_ONLY = "CLOSES_ONLY", "Closes only"
    OFF = "OFF", "Off"


class SizeMode(models.TextChoices):
    """What the size of a copied buy is taken from."""

    FIXED = "FIXED", "Fixed amount"
    RATIO = "RATIO", "Share of the leader's trade"
    PERCENT_OF_CAPITAL = "PERCENT_OF_CAPITAL", "Share of our capital"
    QUALITY = "QUALITY", "Fixed amount, scaled by quality"


class ExitMode(models.TextChoices):
    """Who takes profit; stops and time limits are ours in every mode."""

    MIRROR = "MIRROR", "The leader"
    OWN = "OWN", "Our own rules"
    MIXED = "MIXED", "Whichever comes first"


COPY_SETTINGS = (
    "copy_state", "size_mode", "size_lamports", "size_bps", "minimum_size_lamports",
    "maximum_size_lamports", "minimum_leader_trade_lamports", "maximum_leader_trade_lamports",
    "maximum_buys_per_token", "daily_cap_lamports", "hours_from", "hours_to", "hours_zone",
    "allowed_mints", "blocked_mints", "exit_mode", "follow_bps", "slippage_bps", "tip_lamports",
)  # fmt: skip
"""The columns that say how a leader is copied."""
WHOLE_BPS = 10_000
LARGEST_RATIO_BPS = 100 * WHOLE_BPS
LONGEST_LIST = 500


def _amount(help_text: str) -> Any:
    return models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=help_text
    )


def _share(help_text: str, *, most: int = WHOLE_BPS, **options: Any) -> Any:
    return models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(most)], help_text=help_text, **options
    )


class Leader(models.Model):
    """A followed wallet, its place on the roster, and how it is copied (specification §7)."""

    address = models.CharField(max_length=44, primary_key=True)
    name = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=10, choices=LeaderStatus, default=LeaderStatus.CANDIDATE)
    strategy = models.CharField(max_length=6, choices=LeaderStrategy, default=LeaderStrategy.SHIELD)
    copy_state = models.CharField(
        max_length=11,
        choices=CopyState,
        default=CopyState.ON,
        help_text="Only ON takes new entries; exits go on in every state.",
    )
    size_mode = models.CharField(max_length=18, choices=SizeMode, default=SizeMode.RATIO)
    size_lamports = _amount("Of a fixed size; by quality, that after a leader of 100 points.")
    size_bps = _share(
        "Of the leader's trade or of our capital; 10000 is all of it.",
        most=LARGEST_RATIO_BPS,
        default=WHOLE_BPS,
    )
    minimum_size_lamports = _amount("A smaller buy is denied, never rounded up.")
    maximum_size_lamports = _amount("A larger buy is cut down to it.")
    minimum_leader_trade_lamports = _amount("Smaller trades of the leader are not copied.")
    maximum_leader_trade_lamports = _amount("Larger trades of the leader are not copied.")
    maximum_buys_per_token = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="1 is buy once, for ever.",
    )
    daily_cap_lamports = _amount("Spent within 24 hours, buys on their way included.")
    hours_from = models.TimeField(null=True, blank=True)
    hours_to = models.TimeField(null=True, blank=True, help_text="May be past midnight.")
    hours_zone = models.CharField(
        max_length=50, default="UTC", help_text="For example Europe/Berlin."
    )
    allowed_mints = models.JSONField(
        default=list, blank=True, help_text="One mint a line; empty allows all."
    )
    blocked_mints = models.JSONField(default=list, blank=True, help_text="One mint a line.")
    exit_mode = models.CharField(max_length=6, choices=ExitMode, default=ExitMode.MIXED)
    follow_bps = _share(
        "How much of the leader's sells is followed; 10000 is all of it.", default=WHOLE_BPS
    )
    slippage_bps = _share("Of buys, instead of the policy's.", null=True, blank=True)
    tip_lamports = _amount("Of buys, instead of the market's; the policy's limits hold.")
    active_until = models.DateTimeField(null=True, blank=True, help_text="Empty: no time limit.")
    chosen_by = models.CharField(
        max_length=6,
        choices=Chooser,
        default=Chooser.PERSON,
        help_text="What a person chose, no run of Scout changes.",
    )
    label = models.CharField(max_length=40, blank=True, help_text="Archetype, where known.")
    quality_bps = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(WHOLE_BPS)],
        help_text="WQS in Scout's newest roster, 10000 being 100 points; empty: not known.",
    )
    note = models.CharField(max_length=500, blank=True)
    status_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    status_changed_at = models.DateTimeField()

    class Meta:
        ordering = ["status", "name", "address"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(copy_state__in=CopyState.values), name="leader_copy_state"
            ),
            models.CheckConstraint(
                condition=models.Q(size_mode__in=SizeMode.values), name="leader_size_mode"
            ),
            models.CheckConstraint(
                condition=models.Q(exit_mode__in=ExitMode.values), name="leader_exit_mode"
            ),
            models.CheckConstraint(
                condition=models.Q(follow_bps__gte=1, follow_bps__lte=WHOLE_BPS),
                name="leader_follow_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.address[:4]}…{self.address[-4:]}"

    def clean(self) -> None:
        """ValidationError for settings that contradict each other."""
        errors = self._size_contradictions() | self._hours_contradictions()
        for name in ("allowed_mints", "blocked_mints"):
            problem = _mint_problem(getattr(self, name))
            if problem:
                errors[name] = problem
        if errors:
            raise ValidationError(errors)

    def _size_contradictions(self) -> dict[str, str]:
        errors = {}
        if self.size_mode in (SizeMode.FIXED, SizeMode.QUALITY) and self.size_lamports is None:
            errors["size_lamports"] = "a fixed size needs an amount"
        if self.size_mode == SizeMode.PERCENT_OF_CAPITAL and (self.size_bps or 0) > WHOLE_BPS:
            errors["size_bps"] = "at most 10000, which is all of our capital"
        for name in ("size_lamports", "leader_trade_lamports"):
            least, most = getattr(self, f"minimum_{name}"), getattr(self, f"maximum_{name}")
            if least is not None and most is not None and least > most:
                errors[f"minimum_{name}"] = "must not exceed the maximum"
        return errors

    def _hours_contradictions(self) -> dict[str, str]:
        errors = {}
        if (self.hours_from is None) != (self.hours_to is None):
            errors["hours_to"] = "hours have a beginning and an end"
        elif self.hours_from is not None and self.hours_from == self.hours_to:
            errors["hours_to"] = "must differ from the beginning; leave both empty for any hour"
        if self.hours_zone not in available_timezones():
            errors["hours_zone"] = "is not the name of a time zone"
        return errors


def _mint_problem(mints: object) -> str:
    """Why these are not mint addresses; empty when they are."""
    if not isinstance(mints, list) or len(mints) > LONGEST_LIST:
        return f"at most {LONGEST_LIST} mint addresses"
    for mint in mints:
        try:
            Pubkey.from_string(mint)
        except (ValueError, TypeError):
            return f"{str(mint)[:44]!r} is not a mint address"
    return ""


class Episode(models.Model):
    """One change of a leader's place: who, when, why. The database refuses updates and deletes."""

    leader_address = models.CharField(max_length=44)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    chosen_by = models.CharField(max_length=6, choices=Chooser)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10)
    active_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    run = models.CharField(max_length=36, blank=True, help_text="The run of Scout behind it.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["leader_address", "-id"], name="episode_of_leader")]

    def __str__(self) -> str:
        return f"{self.before or 'new'} → {self.after}"


class TradingWallet(models.Model):
    """A wallet whose key this platform opens at start; the key itself is never in the database."""

    address = models.CharField(max_length=44, primary_key=True)
    label = models.CharField(max_length=80)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return f"{self.label} {self.address[:4]}…{self.address[-4:]}"
