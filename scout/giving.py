"""The admin's page on which staff give a roster file of another machine's Scout to this platform."""

import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminFileFieldWidget

from scout.models import RosterMerge
from scout.roster_file import LARGEST_BYTES, Refusal, RosterRefused
from scout.services import roster

TEMPLATE = "scout/give_roster.html"
REMEDIES = {
    Refusal.MISSING: "Choose the file again.",
    Refusal.EMPTY: "Run Scout again on the other machine: it found nobody, or the copy broke off.",
    Refusal.OVERSIZED: "Run Scout over fewer wallets, or raise its limits for candidates.",
    Refusal.FOREIGN: "Give the file that manage.py scout run --output roster_new.db wrote in this mode.",
    Refusal.CORRUPT: "Copy it again in binary and compare its size; else have it written again.",
    Refusal.WRONG_SCHEMA: "Bring both machines to the same version, then have it written again.",
    Refusal.INVALID_ROW: "Bring both machines to the same version; the file was changed by hand otherwise.",
    Refusal.OLDER: "Run Scout again on the other machine: a roster never goes back in time.",
    Refusal.MERGED_BEFORE: "Nothing is to be done: this very roster is in use already.",
}


class RosterForm(forms.Form):
    """One file, no larger than a roster may be."""

    file = forms.FileField(
        label="Roster file",
        widget=UnfoldAdminFileFieldWidget,
        error_messages={
            "required": "Choose the file that Scout wrote on the other machine.",
            "empty": "The file is empty. Have it written again.",
        },
    )

    def clean_file(self) -> UploadedFile:
        """Refused before it is stored if it is larger than any roster."""
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_BYTES:
            raise forms.ValidationError(
                f"The file has {file.size} bytes; a roster has at most {LARGEST_BYTES}. "
                f"{REMEDIES[Refusal.OVERSIZED]}"
            )
        return file


def give_roster(request: HttpRequest, *, context: dict[str, Any]) -> HttpResponse:
    """The form, and what became of the file: taken over in one transaction, or refused with its remedy."""
    form = RosterForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            merged = _merge(form.cleaned_data["file"], actor=request.user.get_username())
        except RosterRefused as error:
            form.add_error("file", f"{error} {REMEDIES[error.code]}")
        else:
            messages.success(
                request,
                f"The roster is taken over: {merged.wallets} wallets, {merged.changed} places changed, "
                f"{merged.kept} left as people chose.",
            )
            return HttpResponseRedirect(reverse("admin:scout_rostermerge_changelist"))
    status = 422 if form.errors else 200
    return TemplateResponse(request, TEMPLATE, context | {"form": form}, status=status)


def _merge(file: UploadedFile, *, actor: str) -> RosterMerge:
    """Kept only while it is read, under its own name, which the merge is known by."""
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="roster-") as folder:
        path = Path(folder) / (Path(file.name or "").name[-100:] or "roster_new.db")
        with path.open("wb") as copy:
            copy.writelines(file.chunks())
        return roster.merge(path, actor=actor, now=timezone.now())
