"""The admin of the paper ledger: what paper mode would have sent, and what would have become of it."""

from django.contrib import admin
from unfold.decorators import display

from audit.desk import FactAdmin, link
from trading.models import PaperTransaction
from trading.templatetags import figures


@admin.register(PaperTransaction)
class PaperTransactionAdmin(FactAdmin):
    list_display = [
        "accepted_at", "trade", "status_label", "penalty", "penalty_source", "balance_change",
        "balance", "slot",
    ]  # fmt: skip
    list_filter = ["status", "penalty_source"]
    search_fields = ["signature", "mint", "submission__signal__uuid"]
    list_select_related = ["submission__signal"]
    fields = [
        "number", "trade", "signature", "status_label", "error", "penalty", "penalty_source",
        "penalty_samples", "mint", "token_account", "fee_lamports", "tip_lamports", "rent_lamports",
        "balance_before_lamports", "balance_after_lamports", "held_before_raw", "held_after_raw",
        "accepted_at", "lands_at", "landed_at", "slot",
    ]  # fmt: skip

    @display(description="Trade")
    def trade(self, row: PaperTransaction) -> str:
        if row.submission is None:
            return "capital"
        text = f"{row.submission.signal} {row.signature[:8]}"
        return link("trading_submission", row.submission_id, text)

    @display(
        description="Status",
        ordering="status",
        label={"PENDING": "info", "LANDED": "success", "FAILED": "danger"},
    )
    def status_label(self, row: PaperTransaction) -> str:
        return row.status

    @display(description="Against its quote", ordering="penalty_bps")
    def penalty(self, row: PaperTransaction) -> str:
        return figures.percent(row.gained, 2)

    @display(description="Balance change SOL")
    def balance_change(self, row: PaperTransaction) -> str:
        moved = row.balance_after_lamports - row.balance_before_lamports
        return figures.signed_sol(moved if row.number else 0, 9)

    @display(description="Balance SOL")
    def balance(self, row: PaperTransaction) -> str:
        return figures.exact_sol(row.balance_after_lamports) if row.number else "–"
