"""The roster's HTTP: validate and take over the file that another machine's Scout has written. Staff only."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from ninja.errors import HttpError
from ninja.security import django_auth

from scout.roster_file import Refusal, RosterRefused
from scout.services import roster

router = Router(tags=["roster"], auth=django_auth)
STATUS = {
    Refusal.MISSING: 404,
    Refusal.OLDER: 409,
    Refusal.MERGED_BEFORE: 409,
    Refusal.OVERSIZED: 413,
}
OTHER_STATUS = 422


def answer_refused(error: RosterRefused) -> tuple[dict[str, Any], int]:
    """The envelope and status of a refusal."""
    body = {"status": "rejected", "reason": error.code.lower(), "details": {"roster": str(error)}}
    return body, STATUS.get(error.code, OTHER_STATUS)


@router.get("/roster/validate", summary="Whether the roster file would be taken over")
def validate_roster(request: HttpRequest) -> dict[str, Any]:
    """What is in ROSTER_FILE; nothing changes. A refusal has its code and a sentence."""
    _require_staff(request)
    found = roster.validate(settings.ROSTER_FILE)
    counts = {
        status: sum(entry.status == status for entry in found.entries)
        for status in ("ACTIVE", "CANDIDATE", "REJECTED")
    }
    return {
        "status": "valid",
        "run": found.run,
        "created_at": found.created_at.isoformat(),
        "wallets": len(found.entries),
        "statuses": counts,
    }


@router.post("/roster/merge", summary="Take the roster file over")
def merge_roster(request: HttpRequest) -> dict[str, Any]:
    """ROSTER_FILE becomes the roster in one transaction; what people have chosen stays."""
    _require_staff(request)
    merged = roster.merge(
        settings.ROSTER_FILE, actor=request.user.get_username(), now=timezone.now()
    )
    return {
        "status": "merged",
        "run": merged.run,
        "wallets": merged.wallets,
        "changed": merged.changed,
        "kept": merged.kept,
    }


def _require_staff(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise HttpError(403, "staff_only")
