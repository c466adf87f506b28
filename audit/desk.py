"""What every admin of the project shares: rows nobody may edit, and acts that ask for a reason first."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.dataclasses import ActionDialog
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget


class FactAdmin(ModelAdmin):
    """Rows that say what happened: seen, searched and filtered, never added, changed or deleted.

    Acts upon them ask for the permission "act": the model's own change permission.
    """

    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest, obj: object = None) -> bool:
        options = self.opts
        return bool(request.user.has_perm(f"{options.app_label}.change_{options.model_name}"))


class ReasonDialog(BaseDialogForm):
    """Why a person does it; the words go into the audit log."""

    reason = forms.CharField(
        min_length=3, max_length=300, strip=True, widget=UnfoldAdminTextInputWidget
    )


def dialog(
    title: str, description: str, *, submit: str, form_class: type[BaseDialogForm] = ReasonDialog
) -> ActionDialog:
    """The dialog that stands before an act."""
    return {
        "title": title,
        "description": description,
        "form_class": form_class,
        "form_submit_text": submit,
    }


def act(
    request: HttpRequest,
    verb: Callable[[], Any],
    *,
    done: str,
    refusals: tuple[type[Exception], ...],
    back_to: str,
) -> HttpResponse:
    """Call the verb, say how it went, and go back to a page of the admin."""
    try:
        verb()
    except refusals as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return (
        HttpResponse(status=302, headers={"HX-Redirect": back_to, "Location": back_to})
        if ("HX-Request" not in request.headers)
        else HttpResponse(headers={"HX-Redirect": back_to})
    )


def change_url(label: str, pk: object) -> str:
    """The admin page of one row; `label` is app_model."""
    return reverse(f"admin:{label}_change", args=[pk])


def link(label: str, pk: object, text: object) -> str:
    """A link to the admin page of one row, or a dash when there is none."""
    if pk in (None, ""):
        return "–"
    return format_html('<a class="chimera-link" href="{}">{}</a>', change_url(label, pk), text)


def shortened(text: str) -> str:
    """An address or signature short enough for a column, whole on hover."""
    if len(text) <= 12:
        return text or "–"
    return format_html('<code title="{}">{}…{}</code>', text, text[:4], text[-4:])
