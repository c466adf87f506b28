"""The admin of what was heard: leaders' trades with who told of them, notices, registration. Nothing can be edited."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from audit.desk import FactAdmin, shortened
from trading.admin.signals import FactInline, leader_link, with_leader_name
from trading.models import Hearing, LeaderLeg, LeaderTrade, Notice, Registration
from trading.templatetags import figures

DIRECTION_COLOURS = {"BUY": "success", "SELL": "warning", "SWAP": "info", "NONE": "primary"}


class HearingInline(FactInline):
    model = Hearing
    fields = ["source", "how", "heard_at"]
    ordering = ["heard_at"]
    show_change_link = False


class LegInline(FactInline):
    model = LeaderLeg
    fields = ["action", "mint", "value_lamports", "exit_fraction", "signal", "code", "text"]
    show_change_link = False


@admin.register(LeaderTrade)
class LeaderTradeAdmin(FactAdmin):
    list_display = [
        "first_heard_at", "leader", "direction_label", "kind", "became", "told_by", "transaction",
    ]  # fmt: skip
    list_filter = ["direction", "kind", "code", "legs__code", "hearings__source"]
    search_fields = ["signature", "leader_address", "legs__mint", "code"]
    date_hierarchy = "first_heard_at"
    fields = [
        "leader", "direction_label", "kind", "became", "code", "text", "signature", "slot",
        "traded_at", "first_heard_at",
    ]  # fmt: skip
    inlines = [LegInline, HearingInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LeaderTrade]:
        found = with_leader_name(super().get_queryset(request))
        return found.prefetch_related("legs__signal", "hearings")

    @display(description="Leader", ordering="leader_address")
    def leader(self, trade: LeaderTrade) -> str:
        return leader_link(trade)

    @display(description="Did", ordering="direction", label=DIRECTION_COLOURS)
    def direction_label(self, trade: LeaderTrade) -> str:
        return trade.direction or "not read yet"

    @display(description="Became")
    def became(self, trade: LeaderTrade) -> str:
        """Each leg's signal, or the code why there is none."""
        legs = trade.legs.all()
        if not legs:
            return trade.code or "–"
        return format_html_join(", ", "{}", ((_became(leg),) for leg in legs))

    @display(description="Told by")
    def told_by(self, trade: LeaderTrade) -> str:
        return ", ".join(each.source for each in trade.hearings.all() if each.heard_at) or "nobody"

    @display(description="Transaction")
    def transaction(self, trade: LeaderTrade) -> str:
        return shortened(trade.signature)


def _became(leg: LeaderLeg) -> str:
    if leg.signal is None:
        return f"{leg.action.lower()}: {leg.code}"
    url = reverse("signal", args=[leg.signal_id])
    return format_html('<a class="chimera-link" href="{}">{}</a>', url, leg.signal)


@admin.register(Notice)
class NoticeAdmin(FactAdmin):
    list_display = ["received_at", "provider", "transactions", "trades", "unreadable", "read_at"]
    list_filter = ["provider", ("read_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "received_at"
    list_select_related = ["provider"]
    fields = [
        "received_at", "provider", "transactions", "trades", "unreadable", "read_at", "shown_body",
    ]  # fmt: skip

    @display(description="Body")
    def shown_body(self, notice: Notice) -> str:
        return format_html('<pre class="chimera-json">{}</pre>', notice.body[:20_000])


@admin.register(Registration)
class RegistrationAdmin(FactAdmin):
    list_display = [
        "name", "wanted", "registered", "webhooks", "differs_since", "looked_at", "edited_at",
        "trouble",
    ]  # fmt: skip
    fields = [*list_display, "shown_difference"]

    @display(description="Difference")
    def shown_difference(self, row: Registration) -> str:
        return format_html('<pre class="chimera-json">{}</pre>', figures.pretty(row.difference))
