"""The admin of signals: what arrived, what was answered, what was decided. Nothing here can be edited."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import display

from audit.desk import FactAdmin, link
from trading.models import Decision, Delivery, Signal, SignalEvent, Submission
from trading.templatetags import figures
from wallets.models import Leader

STRATEGY_COLOURS = {"SHIELD": "info", "SPEAR": "warning", "EXIT": "primary"}
STATUS_COLOURS = {
    "QUEUED": "info",
    "EXECUTING": "info",
    "RETRY": "warning",
    "COMPLETED": "success",
    "REJECTED": "warning",
    "SKIPPED": "primary",
    "DEAD_LETTER": "danger",
}


def with_leader_name(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows with a leader_address, each with the leader's name where it has one."""
    names = Leader.objects.filter(address=OuterRef("leader_address")).values("name")[:1]
    return rows.annotate(leader_name=Subquery(names))


def leader_link(row: Any) -> str:
    """The row's leader by name, or by a short address, as a link to the roster."""
    text = row.leader_name or figures.short(row.leader_address)
    if row.leader_name is None:
        return text
    return link("wallets_leader", row.leader_address, text)


class FactInline(TabularInline):
    """Rows of a story, shown beside it."""

    extra = 0
    can_delete = False
    show_change_link = True
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EventInline(FactInline):
    model = SignalEvent
    fields = ["at", "status", "code", "text"]
    show_change_link = False


class DecisionInline(FactInline):
    model = Decision
    fields = ["at", "is_order", "code", "text", "policy_revision", "code_version"]


class SubmissionInline(FactInline):
    model = Submission
    fk_name = "signal"
    fields = ["attempt", "action", "route", "signature", "status", "sent_at", "resolved_at"]


class DeliveryInline(FactInline):
    model = Delivery
    fields = ["received_at", "provider", "http_status", "answer", "code"]


@admin.register(Signal)
class SignalAdmin(FactAdmin):
    list_display = [
        "received_at", "title", "strategy_label", "amount", "leader",
        "status_label", "code", "text", "story",
    ]  # fmt: skip
    fields = [
        "story", "title", "strategy", "status", "code", "text", "amount", "leader", "mint",
        "source", "source_signature", "provider_trade_uuid", "exit_reason", "exit_fraction",
        "position", "attempts", "received_at", "claimed_at", "next_attempt_at", "finished_at",
    ]  # fmt: skip
    list_filter = ["status", "strategy", "action", "code", "source"]
    search_fields = [
        "uuid",
        "symbol",
        "mint",
        "leader_address",
        "source_signature",
        "code",
        "provider_trade_uuid",
    ]
    date_hierarchy = "received_at"
    inlines = [EventInline, DecisionInline, SubmissionInline, DeliveryInline]

    @display(description="Signal", ordering="symbol")
    def title(self, signal: Signal) -> str:
        return f"{signal.action.lower()} {signal.symbol}"

    @display(description="Strategy", ordering="strategy", label=STRATEGY_COLOURS)
    def strategy_label(self, signal: Signal) -> str:
        return signal.strategy

    @display(description="SOL", ordering="amount_lamports")
    def amount(self, signal: Signal) -> str:
        return figures.sol(signal.amount_lamports)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Signal]:
        return with_leader_name(super().get_queryset(request))

    @display(description="Leader", ordering="leader_address")
    def leader(self, signal: Signal) -> str:
        return leader_link(signal)

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, signal: Signal) -> str:
        return signal.status

    @display(description="Story")
    def story(self, signal: Signal) -> str:
        url = reverse("signal", args=[signal.uuid])
        return format_html('<a class="chimera-link" href="{}">open</a>', url)


@admin.register(Delivery)
class DeliveryAdmin(FactAdmin):
    list_display = ["received_at", "provider", "http_status", "answer_label", "code", "signal_link"]
    list_filter = ["answer", "code", "http_status", "provider"]
    search_fields = ["body", "code", "signal__uuid"]
    date_hierarchy = "received_at"
    list_select_related = ["provider", "signal"]
    fields = [
        "received_at",
        "provider",
        "http_status",
        "answer",
        "code",
        "details",
        "body",
        "signal_link",
    ]

    @display(
        description="Answer",
        ordering="answer",
        label={"accepted": "success", "rejected": "warning"},
    )
    def answer_label(self, delivery: Delivery) -> str:
        return delivery.answer

    @display(description="Signal")
    def signal_link(self, delivery: Delivery) -> str:
        return link("trading_signal", delivery.signal_id, delivery.signal)


@admin.register(Decision)
class DecisionAdmin(FactAdmin):
    list_display = [
        "at",
        "signal_link",
        "verdict",
        "text",
        "size",
        "policy_revision",
        "code_version",
    ]
    list_filter = ["is_order", "code", "policy_revision", "code_version"]
    search_fields = ["code", "text", "signal__uuid", "signal__symbol", "signal__mint"]
    date_hierarchy = "at"
    list_select_related = ["signal"]
    fields = [
        "at", "signal_link", "is_order", "code", "text", "size",
        "gates_json", "facts_json", "policy_revision", "roster_run", "code_version",
    ]  # fmt: skip

    @display(description="Signal")
    def signal_link(self, decision: Decision) -> str:
        return link("trading_signal", decision.signal_id, decision.signal)

    @display(description="Verdict", ordering="code", label={"order": "success"})
    def verdict(self, decision: Decision) -> str:
        return "order" if decision.is_order else decision.code

    @display(description="SOL")
    def size(self, decision: Decision) -> str:
        return figures.sol(decision.size_lamports)

    @display(description="Gates")
    def gates_json(self, decision: Decision) -> str:
        return format_html('<pre class="chimera-json">{}</pre>', figures.pretty(decision.gates))

    @display(description="Facts")
    def facts_json(self, decision: Decision) -> str:
        return format_html('<pre class="chimera-json">{}</pre>', figures.pretty(decision.facts))


@admin.register(SignalEvent)
class SignalEventAdmin(FactAdmin):
    """Steps of the stories; reached from their signals."""

    list_display = ["at", "signal", "status", "code", "text"]
    search_fields = ["signal__uuid", "code"]
    list_select_related = ["signal"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False
