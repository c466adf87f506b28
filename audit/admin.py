"""The admin of the audit log, dead letters, incidents and heartbeats: read, and resolve with a note."""

import json

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display

from audit import services
from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog
from audit.models import DeadLetter, Entry, Heartbeat, Incident


def pretty(value: object) -> str:
    """Stored JSON, indented."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return format_html('<pre class="chimera-json">{}</pre>', text)


@admin.register(Entry)
class EntryAdmin(FactAdmin):
    list_display = ["number", "at", "actor", "action", "target", "change", "reason"]
    list_filter = ["action", "actor"]
    search_fields = ["target", "reason", "actor"]
    date_hierarchy = "at"
    fields = [
        "number", "at", "actor", "action", "target", "reason",
        "before_json", "after_json", "previous_hash", "hash",
    ]  # fmt: skip

    @display(description="Change")
    def change(self, entry: Entry) -> str:
        if entry.before is None and entry.after is None:
            return "–"
        text = f"{json.dumps(entry.before)} → {json.dumps(entry.after)}"
        return text if len(text) <= 80 else f"{text[:79]}…"

    @display(description="Before")
    def before_json(self, entry: Entry) -> str:
        return pretty(entry.before)

    @display(description="After")
    def after_json(self, entry: Entry) -> str:
        return pretty(entry.after)


@admin.register(DeadLetter)
class DeadLetterAdmin(FactAdmin):
    list_display = ["code", "source", "text", "is_retryable", "created_at", "state"]
    list_filter = ["code", "source", "is_retryable", ("resolved_at", admin.EmptyFieldListFilter)]
    search_fields = ["text", "code", "note"]
    date_hierarchy = "created_at"
    fields = [
        "code",
        "source",
        "text",
        "payload_json",
        "is_retryable",
        "created_at",
        "resolved_at",
        "note",
    ]
    actions_detail = ["resolve"]
    actions_row = ["resolve"]

    @display(description="State", label={"open": "warning", "resolved": "success"})
    def state(self, letter: DeadLetter) -> str:
        return "resolved" if letter.resolved_at else "open"

    @display(description="Payload")
    def payload_json(self, letter: DeadLetter) -> str:
        return pretty(letter.payload)

    @action(
        description="Resolve",
        url_path="resolve",
        permissions=["act"],
        dialog=dialog(
            "Resolve dead letter",
            "Nothing is retried; it is put away with your note.",
            submit="Resolve",
        ),
    )
    def resolve(self, request: HttpRequest, form: ReasonDialog, object_id: int) -> HttpResponse:
        return act(
            request,
            lambda: services.resolve_dead_letter(
                int(object_id),
                actor=request.user.get_username(),
                note=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="The dead letter is resolved.",
            refusals=(services.UnableToResolve,),
            back_to=change_url("audit_deadletter", object_id),
        )


@admin.register(Incident)
class IncidentAdmin(FactAdmin):
    list_display = ["title", "detail", "times_seen", "opened_at", "last_seen_at", "state"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter)]
    search_fields = ["key", "title", "detail"]
    date_hierarchy = "opened_at"
    actions_detail = ["resolve"]
    actions_row = ["resolve"]

    @display(description="State", label={"open": "danger", "resolved": "success"})
    def state(self, incident: Incident) -> str:
        return "resolved" if incident.resolved_at else "open"

    @action(
        description="Resolve",
        url_path="resolve",
        permissions=["act"],
        dialog=dialog(
            "Resolve incident", "It opens again when its cause is still there.", submit="Resolve"
        ),
    )
    def resolve(self, request: HttpRequest, form: ReasonDialog, object_id: int) -> HttpResponse:
        return act(
            request,
            lambda: services.resolve_incident(
                int(object_id),
                actor=request.user.get_username(),
                note=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="The incident is resolved.",
            refusals=(services.UnableToResolve,),
            back_to=change_url("audit_incident", object_id),
        )


@admin.register(Heartbeat)
class HeartbeatAdmin(FactAdmin):
    list_display = ["name", "state", "beat_at", "started_at", "host", "pid"]

    @display(description="State", label={"alive": "success", "silent": "danger"})
    def state(self, heartbeat: Heartbeat) -> str:
        silent_for = timezone.now() - heartbeat.beat_at
        return "silent" if silent_for.total_seconds() > 60 else "alive"
