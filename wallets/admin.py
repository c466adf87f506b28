"""The admin of the roster and of our own wallets: facts read-only, changes of the roster with a reason."""

from collections.abc import Callable

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog, shortened
from wallets import services
from wallets.forms import CopySettingsForm, SolField
from wallets.models import COPY_SETTINGS, Leader, SizeMode, TradingWallet

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
        "leader", "short_address", "status_label", "strategy_label", "copy_label",
        "label", "active_until", "status_changed_at", "trades",
    ]  # fmt: skip
    fields = [
        "address", "name", "status", "strategy", "active_until", "label", "quality_bps", "note",
        "status_reason", "created_at", "status_changed_at", "copying",
    ]  # fmt: skip
    list_filter = ["status", "strategy", "copy_state", "label"]
    search_fields = ["name", "address", "label", "note"]
    date_hierarchy = "status_changed_at"
    actions_detail = ["promote", "demote", "mute", "unmute", "configure"]
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

    @display(
        description="Copying",
        ordering="copy_state",
        label={"ON": "success", "CLOSES_ONLY": "warning", "OFF": "danger"},
    )
    def copy_label(self, leader: Leader) -> str:
        return leader.copy_state

    @display(description="Copy settings")
    def copying(self, leader: Leader) -> str:
        """Every setting with its unit, as a small table."""
        form = CopySettingsForm(instance=leader)
        rows = format_html_join(
            "",
            "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
            (
                (form[name].label, _shown(form[name], leader), form.fields[name].help_text)
                for name in COPY_SETTINGS
            ),
        )
        return format_html('<table class="chimera-copying">{}</table>', rows)

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

    @action(description="Copy settings", url_path="copy-settings", permissions=["act"])
    def configure(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A page of its own: there are too many settings for a dialog."""
        leader = get_object_or_404(Leader, pk=object_id)
        form = CopySettingsForm(request.POST or None, instance=leader)
        back_to = change_url("wallets_leader", leader.address)
        if form.is_valid():
            services.configure(
                leader.address,
                form.settings,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            messages.success(request, "The copy settings are saved; the next signal goes by them.")
            if form.settings["size_mode"] == SizeMode.QUALITY and leader.quality_bps is None:
                messages.warning(
                    request,
                    "The quality of this leader is not known: until a roster tells it, nothing is bought.",
                )
            return HttpResponseRedirect(back_to)
        context = self.admin_site.each_context(request) | {
            "title": f"How {leader} is copied",
            "opts": self.opts,
            "form": form,
            "back_to": back_to,
        }
        return TemplateResponse(request, "wallets/copy_settings.html", context)

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


def _shown(field: forms.BoundField, leader: Leader) -> object:
    """A setting as people read it."""
    value = getattr(leader, field.name)
    if value in (None, "", []):
        return "–"
    if isinstance(field.field, SolField):
        return f"{field.value()} SOL"
    if field.name.endswith("_bps"):
        return f"{value / 100:g} %"
    choice = getattr(leader, f"get_{field.name}_display", None)
    return choice() if choice else field.value()


@admin.register(TradingWallet)
class TradingWalletAdmin(FactAdmin):
    list_display = ["label", "address", "created_at"]
    search_fields = ["label", "address"]
