"""The admin of submissions, of those whose outcome nobody can tell, and of fills; read-only."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from audit.desk import FactAdmin, link, shortened
from trading.models import UNKNOWN, Fill, Submission, UnknownOutcome
from trading.templatetags import figures


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
