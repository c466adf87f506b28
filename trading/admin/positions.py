"""The admin of positions with their fills and lots: read-only, but for closing one and writing one off."""

from decimal import Decimal
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display

from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog
from trading.admin.signals import STRATEGY_COLOURS, FactInline, leader_link, with_leader_name
from trading.models import Fill, Lot, Position, Submission
from trading.services import control, losses
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


class LotInline(FactInline):
    """What the buy brought, first in, first out; what was taken out of it stands on the position's page."""

    model = Lot
    fields = ["bought_raw", "left_raw", "cost", "sol_price_usd", "opened_at"]
    readonly_fields = ["cost"]
    show_change_link = False

    @display(description="Cost SOL")
    def cost(self, lot: Lot) -> str:
        return figures.exact_sol(lot.cost_lamports)


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
        "cost", "bought", "held", "on_chain", "entry_price_sol", "last_price_sol", "peak_price_sol", "priced_at",
        "liquidity", "tiers_taken", "pnl", "token_account", "opened_at", "exiting_since", "closed_at",
    ]  # fmt: skip
    list_filter = ["status", "strategy", "exit_reason"]
    search_fields = ["uuid", "symbol", "mint", "leader_address", "token_account"]
    date_hierarchy = "opened_at"
    inlines = [FillInline, LotInline, PositionSubmissionInline]
    actions_detail = ["close", "write_off"]
    actions_row = ["close", "write_off"]

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

    @display(description="In our token account")
    def on_chain(self, position: Position) -> str:
        if position.chain_raw is None or position.chain_seen_at is None:
            return figures.MISSING
        amount = figures.token_amount(position.chain_raw, position.decimals)
        return f"{amount}, seen {position.chain_seen_at:%Y-%m-%d %H:%M:%S} UTC"

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

    @action(
        description="Write off",
        url_path="write-off",
        permissions=["act"],
        dialog=dialog(
            "Write off position",
            "For tokens that are gone or that nobody takes: what is left of the cost becomes a loss.",
            submit="Write off",
        ),
    )
    def write_off(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        return act(
            request,
            lambda: losses.write_off(
                UUID(object_id),
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="The position is written off.",
            refusals=(losses.UnableToWriteOff,),
            back_to=change_url("trading_position", object_id),
        )
