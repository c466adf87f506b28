"""From a signal to a closed position, as rows; what they may do next is decided in services and domain."""

import uuid

from django.db import models

from trading.domain.lifecycle import WAITING, PositionStatus, SignalStatus
from trading.domain.values import Action, Route, Strategy
from trading.fields import RawAmountField, choices
from trading.hearings import Hearing as Hearing
from trading.hearings import LeaderCursor as LeaderCursor
from trading.hearings import LeaderTrade as LeaderTrade
from trading.hearings import Source as Source
from trading.legs import LeaderLeg as LeaderLeg
from trading.money import Disposal as Disposal
from trading.money import EquityPoint as EquityPoint
from trading.money import Fill as Fill
from trading.money import Lot as Lot
from trading.notices import Notice as Notice
from trading.notices import Registration as Registration
from trading.observations import LiquiditySample as LiquiditySample
from trading.observations import PriceAfter as PriceAfter
from trading.observations import PriceTick as PriceTick
from trading.observations import SampledToken as SampledToken
from trading.paper_trades import PaperStatus as PaperStatus
from trading.paper_trades import PaperTransaction as PaperTransaction
from trading.providers import AlertMapping as AlertMapping
from trading.providers import Delivery as Delivery
from trading.providers import Door as Door
from trading.providers import Provider as Provider
from trading.providers import ProviderSecret as ProviderSecret
from trading.submissions import UNKNOWN as UNKNOWN
from trading.submissions import Submission as Submission
from trading.submissions import UnknownOutcome as UnknownOutcome


class Token(models.Model):
    """A known mint: its symbol for look-ups, and a recent refusal that the ingress may repeat at once."""

    mint = models.CharField(max_length=44, primary_key=True)
    symbol = models.CharField(max_length=40, db_index=True, blank=True)
    name = models.CharField(max_length=80, blank=True)
    refusal_code = models.CharField(max_length=40, blank=True)
    refused_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        return self.symbol


class Signal(models.Model):
    """One accepted signal. Its row is committed before it is answered and ends with a stored reason."""

    uuid = models.UUIDField(primary_key=True, editable=False)
    source = models.CharField(max_length=60)
    strategy = models.CharField(max_length=6, choices=choices(Strategy))
    action = models.CharField(max_length=4, choices=choices(Action))
    mint = models.CharField(max_length=44)
    symbol = models.CharField(max_length=40)
    amount_lamports = models.BigIntegerField()
    leader_address = models.CharField(max_length=44)
    exit_fraction = models.DecimalField(max_digits=10, decimal_places=9, default=1)
    source_signature = models.CharField(max_length=88, blank=True)
    provider_trade_uuid = models.CharField(max_length=64, blank=True)
    exit_reason = models.CharField(max_length=40, blank=True)
    exit_tiers_taken = models.PositiveSmallIntegerField(default=0)
    position = models.ForeignKey(
        "Position", null=True, on_delete=models.PROTECT, related_name="exit_signals"
    )
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=choices(SignalStatus))
    code = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    dead_submissions = models.PositiveIntegerField(
        default=0, help_text="Transactions sent for it that provably did not trade."
    )
    received_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    claim = models.CharField(max_length=36, blank=True)
    reserved_lamports = models.BigIntegerField(
        default=0, help_text="Capital held for this buy from its decision to its outcome."
    )
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(
                fields=["priority", "received_at"],
                condition=models.Q(status__in=[status.value for status in WAITING]),
                name="signal_queue",
            ),
            models.Index(fields=["-received_at"], name="signal_recent"),
            models.Index(
                fields=["claimed_at"],
                condition=models.Q(status=SignalStatus.EXECUTING.value),
                name="signal_executing",
            ),
            models.Index(
                fields=["leader_address", "mint"],
                condition=models.Q(status__in=["QUEUED", "EXECUTING", "RETRY"]),
                name="signal_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy} {self.action} {self.symbol}"


class SignalKey(models.Model):
    """One identity of an accepted signal: the unique constraint behind exactly-once."""

    key = models.CharField(max_length=200, primary_key=True)
    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="keys")

    def __str__(self) -> str:
        return self.key


class SignalEvent(models.Model):
    """One step in the story of a signal, written in the same transaction as the step."""

    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    status = models.CharField(max_length=12)
    code = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status} {self.code}"


class Decision(models.Model):
    """Why a signal was taken or denied: every gate evaluated, with the facts and the policy it used."""

    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    is_order = models.BooleanField()
    code = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=300, blank=True)
    size_lamports = models.BigIntegerField(null=True)
    gates = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    policy_revision = models.PositiveIntegerField()
    roster_run = models.CharField(
        max_length=36, blank=True, help_text="The run of Scout that gave the leader its place."
    )
    code_version = models.CharField(max_length=40)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return "order" if self.is_order else self.code


class Position(models.Model):
    """Tokens that we bought and hold, or held; amounts come from landed transactions only."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    signal = models.OneToOneField(Signal, on_delete=models.PROTECT, related_name="opened_position")
    strategy = models.CharField(max_length=6, choices=choices(Strategy))
    leader_address = models.CharField(max_length=44)
    mint = models.CharField(max_length=44)
    symbol = models.CharField(max_length=40)
    decimals = models.PositiveSmallIntegerField()
    token_account = models.CharField(max_length=44)
    status = models.CharField(max_length=10, choices=choices(PositionStatus))
    bought_raw = RawAmountField()
    held_raw = RawAmountField()
    cost_lamports = models.BigIntegerField(help_text="SOL paid for the tokens, without fees.")
    entry_price_sol = models.DecimalField(max_digits=38, decimal_places=18)
    peak_price_sol = models.DecimalField(max_digits=38, decimal_places=18)
    last_price_sol = models.DecimalField(max_digits=38, decimal_places=18)
    priced_at = models.DateTimeField()
    quoted_since = models.DateTimeField(
        null=True, help_text="Since when no price is known and sell quotes mark it."
    )
    # As the decision to buy saw it: of the deepest pair, and of all pools by the source of prices.
    entry_liquidity_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    entry_routable_usd = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    liquidity_left_bps = models.BigIntegerField(
        null=True, help_text="Of the liquidity at entry, as last seen."
    )
    liquidity_seen_at = models.DateTimeField(null=True)
    liquidity_low_since = models.DateTimeField(
        null=True, help_text="Since when every look found too little of it."
    )
    tiers_taken = models.PositiveSmallIntegerField(default=0)
    exit_generation = models.PositiveIntegerField(default=0)
    realised_pnl_lamports = models.BigIntegerField(
        default=0, help_text="Cash in - cash out - fees - tips, over all landed transactions."
    )
    pardoned_lamports = models.BigIntegerField(
        null=True, help_text="PnL at the breaker's last reset, from which it counts on."
    )
    exit_reason = models.CharField(max_length=40, blank=True)
    chain_raw = RawAmountField(null=True, help_text="What our token account held, as last seen.")
    chain_seen_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    exiting_since = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at"]
        indexes = [
            models.Index(
                fields=["mint"],
                condition=models.Q(status__in=["ACTIVE", "EXITING"]),
                name="position_open",
            ),
            models.Index(
                # All that the circuit breaker asks of closes, at each close: the rows are ten times as wide.
                fields=[
                    *("closed_at", "opened_at"),
                    *("realised_pnl_lamports", "pardoned_lamports", "status"),
                ],
                condition=models.Q(status="CLOSED"),
                name="position_result",
            ),
            models.Index(
                fields=["mint", "closed_at"],
                condition=models.Q(status="CLOSED"),
                name="position_last_closed",
            ),
            models.Index(fields=["leader_address", "mint", "opened_at"], name="position_of_leader"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.status}"


class TradingState(models.Model):
    """The one row that may stop entries: the kill switch, by people, and the circuit breaker, by its rules.

    Unreadable or missing means stopped; exits never ask it whether they may.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    entries_halted = models.BooleanField(default=False, help_text="The kill switch.")
    is_closing_all = models.BooleanField(
        default=False, help_text="While the kill switch is on: whatever is held is sold."
    )
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField()
    route = models.CharField(max_length=8, choices=choices(Route), default=Route.JITO)
    trips = models.JSONField(
        default=list, help_text="What the circuit breaker holds back, and why."
    )
    evaluated_at = models.DateTimeField(null=True)
    reset_at = models.DateTimeField(null=True)
    sol_price_usd = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    sol_priced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_trading_state")]

    def __str__(self) -> str:
        return "entries halted" if self.entries_halted else "trading"
