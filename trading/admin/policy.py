"""The admin of the policy: every revision, what it changed, a new one by editing the active one's JSON."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audit import services as audit
from audit.desk import FactAdmin, ReasonDialog, act, change_url, dialog
from audit.models import PolicyRevision
from trading.domain.policy import Policy, PolicyInvalid, as_json, from_json
from trading.templatetags import figures


class PolicyField(forms.JSONField):
    """One value a line: a person is going to edit it. What was typed and is not JSON comes back as it was."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 40, "class": "chimera-json"})

    def prepare_value(self, value: Any) -> Any:
        return (
            json.dumps(value, indent=2) if isinstance(value, dict) else super().prepare_value(value)
        )


class RevisionForm(forms.ModelForm):
    """A proposed policy, judged by the policy's own rules before it is stored."""

    policy = PolicyField(
        help_text="It becomes the active revision; every running process follows it within a second."
    )
    reason = forms.CharField(min_length=3, max_length=500, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = PolicyRevision
        fields = ["policy", "reason"]

    def clean_policy(self) -> dict[str, Any]:
        proposed = self.cleaned_data["policy"]
        if not isinstance(proposed, dict):
            raise forms.ValidationError("must be a JSON object")
        try:
            return as_json(from_json(proposed))
        except PolicyInvalid as error:
            raise forms.ValidationError(
                [f"{name}: {text}" for name, text in error.errors.items()]
            ) from error


@admin.register(PolicyRevision)
class PolicyRevisionAdmin(FactAdmin):
    """Revisions never change; a new one is added with a reason and becomes the active one."""

    form = RevisionForm
    list_display = ["number", "state", "author", "reason", "created_at"]
    search_fields = ["reason", "author"]
    date_hierarchy = "created_at"
    actions_detail = ["activate"]
    actions_row = ["activate"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("audit.add_policyrevision"))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        if obj is None:
            return ["reason", "policy"]
        return [
            "number",
            "is_active",
            "author",
            "reason",
            "created_at",
            "change",
            "difference",
            "policy_json",
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        active = PolicyRevision.objects.filter(is_active=True).first()
        return {"policy": active.policy if active else as_json(Policy())}

    def save_model(
        self, request: HttpRequest, obj: PolicyRevision, form: forms.Form, change: bool
    ) -> None:
        stored = audit.propose_revision(
            form.cleaned_data["policy"],
            actor=request.user.get_username(),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
        obj.pk, obj.number = stored.pk, stored.number

    @display(description="State", label={"active": "success", "stored": "info"})
    def state(self, revision: PolicyRevision) -> str:
        return "active" if revision.is_active else "stored"

    @display(description="Policy")
    def policy_json(self, revision: PolicyRevision) -> str:
        return format_html('<pre class="chimera-json">{}</pre>', figures.pretty(revision.policy))

    @display(description="Against the revision before it")
    def change(self, revision: PolicyRevision) -> str:
        earlier = PolicyRevision.objects.filter(number__lt=revision.number)
        before = earlier.order_by("-number").first()
        return _shown(before, revision) if before else "this is the first revision"

    @display(description="Against the active revision")
    def difference(self, revision: PolicyRevision) -> str:
        active = PolicyRevision.objects.filter(is_active=True).first()
        if active is None or active.pk == revision.pk:
            return "this is the active revision" if active else "no revision is active"
        return _shown(active, revision)

    @action(
        description="Activate",
        url_path="activate",
        permissions=["act"],
        dialog=dialog(
            "Activate revision",
            "Every running process follows it within a second.",
            submit="Activate",
        ),
    )
    def activate(self, request: HttpRequest, form: ReasonDialog, object_id: int) -> HttpResponse:
        number = (
            PolicyRevision.objects.values_list("number", flat=True).filter(pk=object_id).first()
        )
        return act(
            request,
            lambda: audit.activate_revision(
                number or 0,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done=f"Revision {number} is active.",
            refusals=(audit.UnableToActivate,),
            back_to=change_url("audit_policyrevision", object_id),
        )


def _shown(before: PolicyRevision, after: PolicyRevision) -> str:
    lines = _differences(before.policy, after.policy) or ["equal"]
    return format_html('<pre class="chimera-json">{}</pre>', "\n".join(lines))


def _differences(before: dict[str, Any], after: dict[str, Any], path: str = "") -> list[str]:
    """One line for each value that differs, by its path."""
    lines: list[str] = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += _differences(old, new, f"{path}{name}.")
        elif old != new:
            lines.append(f"{path}{name}: {old} → {new}")
    return lines
