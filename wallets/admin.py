"""The admin of the roster and of our own wallets: facts read-only, changes of the roster with a reason."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog, shortened
from wallets import services
from wallets.models import Leader, TradingWallet

Verb = Callable[..., None]


class PromotionDialog(ReasonDialog):
    """A promotion may end by itself."""

    active_until = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="UTC; empty: no time limit.",
    )


@admin.register(Leader)
class LeaderAdmin(FactAdmin):
    list_display = [
        "leader", "short_address", "status_label", "strategy_label", "is_heard",
        "label", "active_until", "status_changed_at", "trades",
    ]  # fmt: skip
    list_filter = ["status", "strategy", "is_muted", "label"]
    search_fields = ["name", "address", "label", "note"]
    date_hierarchy = "status_changed_at"
    actions_detail = ["promote", "demote", "mute", "unmute"]
    actions_row = ["promote", "demote", "mute", "unmute"]

    @display(description="Leader", ordering="name")
    def leader(self, leader: Leader) -> str:
        return str(leader)

    @display(description="Address")
    def short_address(self, leader: Leader) -> str:
        return shortened(leader.address)

    @display(
        description="Status",
        ordering="status",
        label={"ACTIVE": "success", "CANDIDATE": "info", "REJECTED": "danger"},
    )
    def status_label(self, leader: Leader) -> str:
        return leader.status

    @display(
        description="Strategy", ordering="strategy", label={"SHIELD": "info", "SPEAR": "warning"}
    )
    def strategy_label(self, leader: Leader) -> str:
        return leader.strategy

    @display(description="Heard", boolean=True, ordering="is_muted")
    def is_heard(self, leader: Leader) -> bool:
        return not leader.is_muted

    @display(description="Trades")
    def trades(self, leader: Leader) -> str:
        pages = (("signals", "trading_signal"), ("positions", "trading_position"))
        links = [
            format_html(
                '<a class="chimera-link" href="{}?leader_address={}">{}</a>',
                reverse(f"admin:{label}_changelist"),
                leader.address,
                text,
            )
            for text, label in pages
        ]
        return format_html("{} · {}", *links)

    @action(
        description="Promote",
        url_path="promote",
        permissions=["act"],
        dialog=dialog(
            "Promote leader",
            "Its buys are copied from now on, when every gate says yes.",
            submit="Promote",
            form_class=PromotionDialog,
        ),
    )
    def promote(self, request: HttpRequest, form: PromotionDialog, object_id: str) -> HttpResponse:
        return self._change(
            request,
            form,
            object_id,
            verb=services.promote,
            done="The leader is ACTIVE.",
            active_until=form.cleaned_data["active_until"],
        )

    @action(
        description="Demote",
        url_path="demote",
        permissions=["act"],
        dialog=dialog(
            "Demote leader",
            "Its buys are no longer copied; what is held is still sold by the rules.",
            submit="Demote",
        ),
    )
    def demote(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        return self._change(
            request, form, object_id, verb=services.demote, done="The leader is a CANDIDATE."
        )

    @action(
        description="Mute",
        url_path="mute",
        permissions=["act"],
        dialog=dialog(
            "Mute leader", "No new entries for the time being; exits go on.", submit="Mute"
        ),
    )
    def mute(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        return self._change(
            request, form, object_id, verb=services.mute, done="The leader is muted."
        )

    @action(
        description="Unmute",
        url_path="unmute",
        permissions=["act"],
        dialog=dialog("Unmute leader", "New entries are taken again.", submit="Unmute"),
    )
    def unmute(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        return self._change(
            request, form, object_id, verb=services.unmute, done="The leader is heard again."
        )

    def _change(
        self,
        request: HttpRequest,
        form: ReasonDialog,
        address: str,
        *,
        verb: Verb,
        done: str,
        **more: object,
    ) -> HttpResponse:
        return act(
            request,
            lambda: verb(
                address,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
                **more,
            ),
            done=done,
            refusals=(services.UnableToChangeRoster,),
            back_to=change_url("wallets_leader", address),
        )


@admin.register(TradingWallet)
class TradingWalletAdmin(FactAdmin):
    list_display = ["label", "address", "created_at"]
    search_fields = ["label", "address"]
