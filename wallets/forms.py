"""The form behind "Copy settings": amounts in SOL, lists of mints a line each; what is allowed, the model says."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from wallets.models import COPY_SETTINGS, Leader

LAMPORTS_PER_SOL = 1_000_000_000
MOST_SOL = 1_000_000
GROUPS = (
    ("Entries and exits", ("copy_state", "exit_mode", "follow_bps")),
    (
        "Size",
        (
            "size_mode",
            "size_lamports",
            "size_bps",
            "minimum_size_lamports",
            "maximum_size_lamports",
            "daily_cap_lamports",
        ),
    ),
    (
        "Which trades",
        (
            "minimum_leader_trade_lamports",
            "maximum_leader_trade_lamports",
            "maximum_buys_per_token",
            "allowed_mints",
            "blocked_mints",
        ),
    ),
    ("When", ("hours_from", "hours_to", "hours_zone")),
    ("How", ("slippage_bps", "tip_lamports")),
    ("Why", ("reason",)),
)


class SolField(forms.IntegerField):
    """An amount typed in SOL and kept in lamports; more than nine decimals are refused."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        # Said here, because the model's own validator counts in lamports and people type SOL.
        super().__init__(validators=[MinValueValidator(1, "Enter more than 0 SOL.")], **options)

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        try:
            lamports = Decimal(str(value).strip()) * LAMPORTS_PER_SOL
        except InvalidOperation as error:
            raise forms.ValidationError("Enter an amount of SOL.") from error
        if not lamports.is_finite() or abs(lamports) > MOST_SOL * LAMPORTS_PER_SOL:
            raise forms.ValidationError("Enter an amount of SOL.")
        if lamports != lamports.to_integral_value():
            raise forms.ValidationError("At most nine decimals.")
        return int(lamports)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        text = f"{Decimal(value).scaleb(-9):f}"
        return text.rstrip("0").rstrip(".")


class MintsField(forms.CharField):
    """Addresses, one a line, each kept once in the order of their first mention."""

    widget = UnfoldAdminTextareaWidget

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys(str(value or "").split()))

    def prepare_value(self, value: Any) -> Any:
        return (
            "\n".join(value)
            if isinstance(value, Sequence) and not isinstance(value, str)
            else value
        )


class CopySettingsForm(forms.ModelForm):
    """All settings of one leader, and why they are changed."""

    size_lamports = SolField(
        label="Fixed size",
        required=False,
        help_text="SOL; by quality, that after a leader of 100 points.",
    )
    minimum_size_lamports = SolField(
        label="Smallest buy", required=False, help_text="SOL; a smaller one is denied."
    )
    maximum_size_lamports = SolField(
        label="Largest buy", required=False, help_text="SOL; a larger one is cut down."
    )
    daily_cap_lamports = SolField(
        label="Spend in 24 hours", required=False, help_text="SOL; buys on their way count."
    )
    minimum_leader_trade_lamports = SolField(
        label="Leader's trade from", required=False, help_text="SOL"
    )
    maximum_leader_trade_lamports = SolField(
        label="Leader's trade up to", required=False, help_text="SOL"
    )
    tip_lamports = SolField(
        label="Tip of buys",
        required=False,
        help_text="SOL, instead of the market's; the policy's limits hold.",
    )
    allowed_mints = MintsField(
        label="Only these mints", required=False, help_text="One a line; empty allows all."
    )
    blocked_mints = MintsField(label="Never these mints", required=False, help_text="One a line.")
    reason = forms.CharField(
        min_length=3, max_length=300, strip=True, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Leader
        fields = COPY_SETTINGS
        labels = {
            "copy_state": "Copying",
            "exit_mode": "Who takes profit",
            "follow_bps": "Follow the leader's sells",
            "size_mode": "Size from",
            "size_bps": "Share",
            "maximum_buys_per_token": "Buys per token",
            "hours_from": "From",
            "hours_to": "To",
            "hours_zone": "Time zone",
            "slippage_bps": "Slippage of buys",
        }
        help_texts = {
            "size_mode": "By quality, nothing is bought after a leader whose quality is not known.",
            "slippage_bps": "Instead of the policy's; 100 is 1 %.",
            "hours_from": "Empty: at every hour.",
        }
        widgets = {
            "copy_state": UnfoldAdminSelectWidget,
            "exit_mode": UnfoldAdminSelectWidget,
            "size_mode": UnfoldAdminSelectWidget,
            "follow_bps": UnfoldAdminIntegerFieldWidget,
            "size_bps": UnfoldAdminIntegerFieldWidget,
            "maximum_buys_per_token": UnfoldAdminIntegerFieldWidget,
            "slippage_bps": UnfoldAdminIntegerFieldWidget,
            "hours_from": UnfoldAdminTextInputWidget(attrs={"type": "time"}),
            "hours_to": UnfoldAdminTextInputWidget(attrs={"type": "time"}),
            "hours_zone": UnfoldAdminTextInputWidget,
        }

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, by column."""
        return {name: self.cleaned_data[name] for name in COPY_SETTINGS}
