"""The admin of positions, submissions and fills, read-only."""

from decimal import Decimal
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display

from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog, link, shortened
from trading.admin.signals import STRATEGY_COLOURS, FactInline, leader_link, with_leader_name
from trading.models import UNKNOWN, Fill, Position, Submission, UnknownOutcome
from trading.services import control
from trading.templatetags import figures


class FillInline(FactInline):
    model = Fill
    fields = ["action", "sol", "token_raw", "fee", "tip", "slot", "filled_at"]
    readonly_fields = ["sol", "fee", "tip"]

    @display(description="SOL")
    def sol(self, fill: Fill) -> str:
        return figures.exact_sol(fill.sol_lamports)

    @display(description="Fee")
    def fee(self, fill: Fill) -> str:
        return figures.exact_sol(fill.network_fee_lamports)

    @display(description="Tip")
    def tip(self, fill: Fill) -> str:
        return figures.exact_sol(fill.tip_lamports)


class PositionSubmissionInline(FactInline):
    model = Submission
    fk_name = "position"
    fields = ["attempt", "action", "route", "signature", "status", "sent_at", "resolved_at"]


@admin.register(Position)
class PositionAdmin(FactAdmin):
    list_display = [
        "opened_at", "symbol", "strategy_label", "leader", "cost", "entry", "last", "gain",
        "pnl", "status_label", "exit_reason", "closed_at", "story",
    ]  # fmt: skip
    fields = [
        "story", "signal", "symbol", "mint", "strategy", "leader", "status", "exit_reason",
        "cost", "bought", "held", "entry_price_sol", "last_price_sol", "peak_price_sol", "priced_at",
        "liquidity", "tiers_taken", "pnl", "token_account", "opened_at", "exiting_since", "closed_at",
    ]  # fmt: skip
    list_filter = ["status", "strategy", "exit_reason"]
    search_fields = ["uuid", "symbol", "mint", "leader_address", "token_account"]
    date_hierarchy = "opened_at"
    inlines = [FillInline, PositionSubmissionInline]
    actions_detail = ["close"]
    actions_row = ["close"]

    @display(description="Strategy", ordering="strategy", label=STRATEGY_COLOURS)
    def strategy_label(self, position: Position) -> str:
        return position.strategy

    def get_queryset(self, request: HttpRequest) -> QuerySet[Position]:
        return with_leader_name(super().get_queryset(request))

    @display(description="Leader", ordering="leader_address")
    def leader(self, position: Position) -> str:
        return leader_link(position)

    @display(description="Bought")
    def bought(self, position: Position) -> str:
        return figures.token_amount(position.bought_raw, position.decimals)

    @display(description="Held")
    def held(self, position: Position) -> str:
        return figures.token_amount(position.held_raw, position.decimals)

    @display(description="Cost SOL", ordering="cost_lamports")
    def cost(self, position: Position) -> str:
        return figures.sol(position.cost_lamports)

    @display(description="Entry")
    def entry(self, position: Position) -> str:
        return figures.price(position.entry_price_sol)

    @display(description="Last")
    def last(self, position: Position) -> str:
        return figures.price(position.last_price_sol)

    @display(description="Liquidity left")
    def liquidity(self, position: Position) -> str:
        left = position.liquidity_left_bps
        return figures.share(None if left is None else Decimal(left) / 10_000)

    @display(description="Gain")
    def gain(self, position: Position) -> str:
        entry = position.entry_price_sol
        return figures.percent(position.last_price_sol / entry - 1 if entry else None)

    @display(description="Realised SOL", ordering="realised_pnl_lamports")
    def pnl(self, position: Position) -> str:
        text = figures.signed_sol(position.realised_pnl_lamports)
        tone = figures.tone(position.realised_pnl_lamports)
        return format_html('<span class="chimera-{}">{}</span>', tone, text)

    @display(
        description="Status",
        ordering="status",
        label={"ACTIVE": "success", "EXITING": "warning", "CLOSED": "primary"},
    )
    def status_label(self, position: Position) -> str:
        return position.status

    @display(description="Story")
    def story(self, position: Position) -> str:
        url = reverse("position", args=[position.uuid])
        return format_html('<a class="chimera-link" href="{}">open</a>', url)

    @action(
        description="Close position",
        url_path="close",
        permissions=["act"],
        dialog=dialog("Close position", "All that is held is sold at the market.", submit="Close"),
    )
    def close(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        return act(
            request,
            lambda: control.request_exit(
                UUID(object_id),
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="The position is being sold.",
            refusals=(control.UnableToExit,),
            back_to=change_url("trading_position", object_id),
        )


@admin.register(Submission)
class SubmissionAdmin(FactAdmin):
    list_display = [
        "recorded_at", "signal_link", "attempt", "action", "route", "short_signature",
        "status_label", "tip", "fee", "slot", "answered", "evidence",
    ]  # fmt: skip
    list_filter = ["status", "route", "action"]
    search_fields = ["signature", "bundle_id", "mint", "signal__uuid"]
    date_hierarchy = "recorded_at"
    list_select_related = ["signal"]
    fields = [
        "signal_link", "position", "attempt", "action", "mint", "route", "signature", "bundle_id",
        "evidence", "status_label", "error", "unknown_since", "unknown_text", "tip", "fee",
        "balance_change", "quoted_out_raw",
        "last_valid_block_height", "slot", "recorded_at", "sent_at", "resolved_at",
    ]  # fmt: skip

    @display(description="Signal")
    def signal_link(self, submission: Submission) -> str:
        return link("trading_signal", submission.signal_id, submission.signal)

    @display(description="Signature")
    def short_signature(self, submission: Submission) -> str:
        return shortened(submission.signature)

    @display(
        description="Status",
        ordering="status",
        label={
            "IN_FLIGHT": "info",
            "LANDED": "success",
            "FAILED": "danger",
            "REFUSED": "warning",
            "EXPIRED": "warning",
            UNKNOWN: "danger",
        },
    )
    def status_label(self, submission: Submission) -> str:
        return submission.told_status

    @display(description="Evidence")
    def evidence(self, submission: Submission) -> str:
        url = reverse("evidence", args=[submission.pk])
        return format_html('<a class="chimera-link" href="{}">open</a>', url)

    @display(description="Tip SOL", ordering="tip_lamports")
    def tip(self, submission: Submission) -> str:
        return figures.exact_sol(submission.tip_lamports)

    @display(description="Fee SOL", ordering="network_fee_lamports")
    def fee(self, submission: Submission) -> str:
        return figures.exact_sol(submission.network_fee_lamports)

    @display(description="Balance change SOL")
    def balance_change(self, submission: Submission) -> str:
        return figures.signed_sol(submission.balance_change_lamports, 9)

    @display(description="Answer after")
    def answered(self, submission: Submission) -> str:
        return figures.since(submission.resolved_at, submission.sent_at)


@admin.register(UnknownOutcome)
class UnknownOutcomeAdmin(SubmissionAdmin):
    """What people have to rule upon; the buttons are on the page with the evidence."""

    list_display = [
        "unknown_since", "signal_link", "action", "short_signature", "unknown_text", "evidence",
    ]  # fmt: skip
    list_filter = ["route", "action"]


@admin.register(Fill)
class FillAdmin(FactAdmin):
    list_display = [
        "filled_at",
        "position_link",
        "action",
        "sol",
        "tokens",
        "fee",
        "tip",
        "rent",
        "sol_price_usd",
        "slot",
    ]
    fields = [
        "submission", "position_link", "action", "sol", "tokens", "fee", "tip", "rent",
        "sol_price_usd", "slot", "filled_at",
    ]  # fmt: skip
    list_filter = ["action"]
    search_fields = ["submission__signature", "position__symbol", "position__mint"]
    date_hierarchy = "filled_at"
    list_select_related = ["position"]

    @display(description="Position")
    def position_link(self, fill: Fill) -> str:
        return link("trading_position", fill.position_id, fill.position.symbol)

    @display(description="SOL", ordering="sol_lamports")
    def sol(self, fill: Fill) -> str:
        return figures.exact_sol(fill.sol_lamports)

    @display(description="Tokens")
    def tokens(self, fill: Fill) -> str:
        return figures.token_amount(fill.token_raw, fill.position.decimals)

    @display(description="Fee SOL")
    def fee(self, fill: Fill) -> str:
        return figures.exact_sol(fill.network_fee_lamports)

    @display(description="Tip SOL")
    def tip(self, fill: Fill) -> str:
        return figures.exact_sol(fill.tip_lamports)

    @display(description="Rent SOL")
    def rent(self, fill: Fill) -> str:
        return figures.signed_sol(fill.rent_lamports, 9)
