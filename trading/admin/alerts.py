"""The admin of alerts: how messages in other people's shapes become signals, tried on a sample before it is saved."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from trading.alert_forms import (
    EXAMPLE_ALERT,
    EXAMPLE_TEMPLATE,
    EXAMPLE_WORDS,
    TRADINGVIEW,
    AlertMappingForm,
    preview,
)
from trading.domain.alerts import TemplateInvalid
from trading.domain.signals import SignalInvalid, SignalRequest
from trading.domain.values import Action
from trading.models import AlertMapping
from trading.services.alerts import save_mapping
from trading.templatetags import figures

PATH = "/api/v1/providers/alerts/"


@admin.register(AlertMapping)
class AlertMappingAdmin(ModelAdmin):
    """Added and changed with a reason, never deleted: switched off instead, so that its rows keep their story."""

    form = AlertMappingForm
    list_display = ["name", "provider", "is_enabled", "address", "becomes"]
    list_filter = ["is_enabled", "provider"]
    search_fields = ["name"]
    fields = [
        "name", "provider", "is_enabled", "address", "secret", "secret_path", "networks", "template",
        "words", "sample", "becomes", "reason",
    ]  # fmt: skip
    readonly_fields = ["address", "becomes"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "networks": TRADINGVIEW,
            "template": EXAMPLE_TEMPLATE,
            "words": EXAMPLE_WORDS,
            "sample": EXAMPLE_ALERT,
        }

    def get_form(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """The form's own JSON fields are none that the admin may build anew."""
        return super().get_form(request, obj, **{**options, "fields": AlertMappingForm.Meta.fields})

    def save_model(
        self, request: HttpRequest, obj: AlertMapping, form: forms.ModelForm, change: bool
    ) -> None:
        cleaned = form.cleaned_data
        save_mapping(
            obj,
            secret=cleaned["secret"],
            actor=request.user.get_username(),
            reason=cleaned["reason"],
            now=timezone.now(),
        )
        signal = preview(obj.template, obj.words, obj.sample)
        text = ", ".join(f"{name} {value}" for name, value in _facts(signal))
        messages.success(request, f"The sample becomes: {text}.")

    @display(description="Address")
    def address(self, mapping: AlertMapping) -> str:
        return f"POST {PATH}{mapping.name or '<name>'}"

    @display(description="The sample becomes")
    def becomes(self, mapping: AlertMapping) -> SafeString | str:
        """The signal that the stored sample is, or what is wrong with it by now."""
        if not mapping.sample:
            return "shown once it is saved"
        try:
            signal = preview(mapping.template, mapping.words, mapping.sample)
        except (TemplateInvalid, SignalInvalid) as error:
            return str(error)
        rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", _facts(signal))
        return format_html('<table class="chimera-copying">{}</table>', rows)


def _facts(signal: SignalRequest) -> list[tuple[str, str]]:
    facts = [
        ("strategy", signal.strategy.value),
        ("action", signal.action.value),
        ("token", signal.symbol),
        ("token_address", signal.mint),
        ("amount_sol", figures.exact_sol(signal.amount_lamports)),
        ("wallet_address", signal.leader_address),
        ("trade_uuid", signal.trade_uuid),
        ("source_signature", signal.source_signature),
        ("exit_fraction", str(signal.exit_fraction) if signal.action is Action.SELL else ""),
    ]
    return [(name, value) for name, value in facts if value]
