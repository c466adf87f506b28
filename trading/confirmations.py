"""Pages that act: each asks for a reason first, then makes one call. Shown as a dialog or as a page."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from trading.models import Position
from trading.services import breaker, control


class ReasonForm(forms.Form):
    """Why a person does something; kept in the audit log."""

    reason = forms.CharField(max_length=300, min_length=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is about to be done, in words."""

    title: str
    explanation: str
    button: str
    done: str
    is_dangerous: bool = False


HALT = Act(
    title="Halt entries",
    explanation="Nothing more is bought until entries are resumed. Open positions are still "
    "watched and sold by the rules.",
    button="Halt entries",
    done="Entries are halted.",
    is_dangerous=True,
)
RESUME = Act(
    title="Resume entries",
    explanation="Signals that arrive from now on are bought again when every gate says yes. What the "
    "circuit breaker holds back stays held back.",
    button="Resume entries",
    done="Entries are resumed.",
)
RESET = Act(
    title="Reset the circuit breaker",
    explanation="Every rule starts anew from this moment: what was lost until now is pardoned and trips "
    "nothing again. The kill switch stays as it is.",
    button="Reset breaker",
    done="The circuit breaker is reset.",
)
CLOSE_EVERYTHING = Act(
    title="Close everything",
    explanation="Entries are halted and all that is held is sold at the market, with an exit's tip each. "
    "What a buy on its way still brings in is sold too, until entries are resumed. This cannot be undone.",
    button="Halt and close everything",
    done="Entries are halted and everything is being sold.",
    is_dangerous=True,
)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def halt(request: HttpRequest) -> HttpResponse:
    """Anybody signed in may stop buying: the safe direction."""
    return _confirmed(request, HALT, act_upon=_halt)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def resume(request: HttpRequest) -> HttpResponse:
    """Only staff may start buying again."""
    if not request.user.is_staff:
        raise PermissionDenied("only staff resume entries")
    return _confirmed(request, RESUME, act_upon=_resume)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def reset_breaker(request: HttpRequest) -> HttpResponse:
    """Only staff may pardon losses."""
    if not request.user.is_staff:
        raise PermissionDenied("only staff reset the circuit breaker")
    return _confirmed(request, RESET, act_upon=_reset)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def close_everything(request: HttpRequest) -> HttpResponse:
    """Only staff may sell all positions with one click."""
    if not request.user.is_staff:
        raise PermissionDenied("only staff close everything")
    return _confirmed(request, CLOSE_EVERYTHING, act_upon=_close_everything)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def close_position(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Sell all of a position at the market; harmless when it is on its way out already."""
    symbol = Position.objects.filter(uuid=uuid).values_list("symbol", flat=True).first()
    if symbol is None:
        raise Http404("no such position")
    act = Act(
        title=f"Close {symbol}",
        explanation="All that is held is sold at the market, with an exit's tip. This cannot be undone.",
        button="Close position",
        done=f"{symbol} is being sold.",
        is_dangerous=True,
    )

    def request_exit(actor: str, reason: str) -> None:
        control.request_exit(uuid, actor=actor, reason=reason, now=timezone.now())

    return _confirmed(request, act, act_upon=request_exit)


def _halt(actor: str, reason: str) -> None:
    control.halt_entries(actor=actor, reason=reason, now=timezone.now())


def _resume(actor: str, reason: str) -> None:
    control.resume_entries(actor=actor, reason=reason, now=timezone.now())


def _reset(actor: str, reason: str) -> None:
    breaker.reset_breaker(actor=actor, reason=reason, now=timezone.now())


def _close_everything(actor: str, reason: str) -> None:
    control.close_everything(actor=actor, reason=reason, now=timezone.now())


def _confirmed(
    request: HttpRequest, act: Act, *, act_upon: Callable[[str, str], None]
) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act_upon(request.user.get_username(), form.cleaned_data["reason"])
        except (control.UnableToExit, breaker.UnableToReset) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, act.done)
        return redirect("command_center")
    template = "trading/_confirm.html" if request.htmx else "trading/confirm.html"  # type: ignore[attr-defined]
    status = 422 if form.errors else 200
    return render(request, template, {"act": act, "form": form}, status=status)
