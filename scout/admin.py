"""The admin of Scout: the queue may be edited; runs, scores, rosters and what the chain told are read."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from audit.desk import FactAdmin, ReasonDialog, act, dialog, shortened
from scout.giving import give_roster
from scout.models import Candidate, Reading, RosterMerge, ScoutRun, Source, WalletScore
from scout.roster_file import RosterRefused
from scout.services import queue, roster


def _page(address: str) -> str:
    url = reverse("wallet", args=[address])
    return format_html('<a class="chimera-link" href="{}">{}</a>', url, shortened(address))


@admin.register(Candidate)
class CandidateAdmin(ModelAdmin):
    """Whom Scout looks at next: add, rank, note, set aside; a run reads from the top."""

    list_display = ["wallet", "source", "rank", "is_set_aside", "added_at", "scored_at", "note"]
    list_filter = ["source", "is_set_aside"]
    list_editable = ["rank"]
    search_fields = ["address", "note"]
    list_per_page = 50
    fields = ["address", "rank", "is_set_aside", "note", "source", "evidence"]
    readonly_fields = ["source", "evidence"]
    actions = ["set_aside"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.readonly_fields if obj is None else ["address", *self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: Candidate, form: Any, change: bool) -> None:
        if not change:
            obj.source, obj.added_at = Source.PERSON, timezone.now()
        super().save_model(request, obj, form, change)

    @display(description="Wallet", ordering="address")
    def wallet(self, candidate: Candidate) -> str:
        return _page(candidate.address)

    @admin.action(description="Set aside: no run reads these")
    def set_aside(self, request: HttpRequest, rows: QuerySet[Candidate]) -> None:
        count = queue.set_aside(
            rows.values_list("address", flat=True),
            actor=request.user.get_username(),
            reason="set aside in the admin",
            now=timezone.now(),
        )
        messages.success(request, f"{count} wallets are set aside.")


@admin.register(ScoutRun)
class ScoutRunAdmin(FactAdmin):
    list_display = ["run", "state_label", "wallets", "actor", "started_at", "finished_at", "text"]
    list_filter = ["state"]
    date_hierarchy = "started_at"

    @display(description="Run")
    def run(self, run: ScoutRun) -> str:
        url = reverse("scout_run", args=[run.pk])
        return format_html('<a class="chimera-link" href="{}">{}</a>', url, run)

    @display(
        description="State",
        label={"FINISHED": "success", "FAILED": "danger", "RUNNING": "info", "JUDGING": "info"},
    )
    def state_label(self, run: ScoutRun) -> str:
        return run.state


@admin.register(WalletScore)
class WalletScoreAdmin(FactAdmin):
    list_display = [
        "wallet",
        "run",
        "state",
        "status",
        "skill",
        "p_positive",
        "wqs",
        "archetype",
        "verdict",
    ]
    list_filter = ["state", "status", "archetype", "verdict"]
    search_fields = ["address"]
    list_select_related = ["run"]

    @display(description="Wallet", ordering="address")
    def wallet(self, score: WalletScore) -> str:
        return _page(score.address)


@admin.register(RosterMerge)
class RosterMergeAdmin(FactAdmin):
    list_display = ["created_at", "merged_at", "actor", "origin", "wallets", "changed", "kept"]
    actions_list = ["give", "merge"]

    @action(description="Give a roster file", url_path="give", permissions=["act"])
    def give(self, request: HttpRequest) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": "Give a roster file", "opts": self.opts,
            "back": reverse("admin:scout_rostermerge_changelist"),
        }  # fmt: skip
        return give_roster(request, context=context)

    @action(
        description="Take over the roster file",
        url_path="merge",
        permissions=["act"],
        dialog=dialog(
            "Take over the roster",
            "What a Scout on another machine has put at ROSTER_FILE becomes the roster, in one step. "
            "What people have chosen stays.",
            submit="Take over",
        ),
    )
    def merge(self, request: HttpRequest, form: ReasonDialog) -> HttpResponse:
        return act(
            request,
            lambda: roster.merge(
                settings.ROSTER_FILE, actor=request.user.get_username(), now=timezone.now()
            ),
            done="The roster is taken over.",
            refusals=(RosterRefused,),
            back_to=reverse("admin:scout_rostermerge_changelist"),
        )


@admin.register(Reading)
class ReadingAdmin(FactAdmin):
    list_display = ["wallet", "listed", "failed", "lost", "complete_since", "since", "read_at"]
    search_fields = ["address"]

    @display(description="Wallet", ordering="address")
    def wallet(self, reading: Reading) -> str:
        return _page(reading.address)
