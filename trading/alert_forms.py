"""The form behind an alert's mapping: it is saved only when its own sample becomes a signal."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from trading.domain.addresses import NetworksInvalid, read_networks
from trading.domain.alerts import (
    PATH,
    TemplateInvalid,
    read_alert,
    read_template,
    secret_in,
    without_secret,
)
from trading.domain.signals import SignalInvalid, SignalRequest, parse_object
from trading.models import AlertMapping
from trading.services.alerts import SHORTEST_SECRET

TRADINGVIEW = "52.89.214.238\n34.212.75.30\n54.218.53.128\n52.32.178.7"
"""Where TradingView's alerts come from, as its help pages say."""
EXAMPLE_TEMPLATE = {
    "strategy": "SHIELD",
    "token": "{{ticker}}",
    "action": "{{order.action}}",
    "amount_sol": "0.1",
    "wallet_address": "",
    "trade_uuid": "{{order.id}}-{{time}}",
}
EXAMPLE_WORDS = {"action": {"buy": "BUY", "sell": "SELL"}}
EXAMPLE_ALERT = """{
  "secret": "…",
  "ticker": "BONK",
  "order": {"action": "buy", "id": "Long"},
  "time": "2026-09-01T12:00:00Z"
}"""


class AlertMappingForm(forms.ModelForm):
    """Every part checked by itself, then together: the sample through the template."""

    secret = forms.CharField(
        required=False,
        min_length=SHORTEST_SECRET,
        max_length=200,
        strip=True,
        widget=UnfoldAdminPasswordWidget,
        help_text="What the alert brings; kept as a digest only. Empty: stays as it is.",
    )
    template = forms.JSONField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}))
    words = forms.JSONField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="By field of a signal, what the alert says and what that means.",
    )
    reason = forms.CharField(
        min_length=3, max_length=300, strip=True, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = AlertMapping
        fields = (
            "name", "provider", "is_enabled", "secret_path", "networks", "template", "words", "sample",
        )  # fmt: skip

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if not secret and not self.instance.secret_sha256:
            raise forms.ValidationError("A new alert needs a secret.")
        return secret

    def clean_secret_path(self) -> str:
        path: str = self.cleaned_data["secret_path"]
        if not PATH.fullmatch(path):
            raise forms.ValidationError("A path such as secret or auth.key.")
        return path

    def clean_networks(self) -> str:
        text: str = self.cleaned_data["networks"]
        try:
            read_networks(text.splitlines())
        except NetworksInvalid as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def clean_words(self) -> Any:
        words = self.cleaned_data["words"]
        return {} if words is None else words

    def clean_sample(self) -> str:
        """The sample without the secret that was pasted with it."""
        try:
            sample = parse_object(self.cleaned_data["sample"].encode())
            path = self.cleaned_data.get("secret_path", "")
            if not secret_in(sample, path):
                text = f"The sample has no text at {path!r}, where the secret belongs."
                raise forms.ValidationError(text)
            return without_secret(sample, path)
        except (SignalInvalid, RecursionError) as error:
            raise forms.ValidationError(f"Not an alert: {error}") from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"template", "words", "sample"} <= cleaned.keys():
            try:
                preview(cleaned["template"], cleaned["words"], cleaned["sample"])
            except (TemplateInvalid, SignalInvalid) as error:
                told = [f"{name}: {text}" for name, text in error.details.items()]
                self.add_error("template", forms.ValidationError(told))
        return cleaned


def preview(template: Any, words: Any, sample: str) -> SignalRequest:
    """The signal that a sample becomes; TemplateInvalid or SignalInvalid."""
    return read_alert(parse_object(sample.encode()), read_template(template, words))
