"""Pages that act on the roster and on runs: each asks for a reason first, then makes one call per wallet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
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

from audit import services as audit
from scout.chain import sol_price_usd
from scout.services import queue, runs
from scout.tasks import dispatch
from wallets import services as wallets
from wallets.models import Leader

MOST_AT_ONCE = 200
LONGEST_TTL_HOURS = 24 * 365


class ActForm(forms.Form):
    """Why a person does something, and for how long where that can be said."""

    reason = forms.CharField(min_length=3, max_length=300)
    ttl_hours = forms.DecimalField(
        required=False, min_value=0, max_value=LONGEST_TTL_HOURS, max_digits=8, decimal_places=2
    )

    def clean_ttl_hours(self) -> Decimal | None:
        hours: Decimal | None = self.cleaned_data["ttl_hours"]
        if hours is not None and hours <= 0:
            raise forms.ValidationError("Above 0, or empty for no time limit.")
        return hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is about to be done to wallets, in words, and the verb that does it to one."""

    title: str
    explanation: str
    button: str
    verb: Callable[..., None]
    has_ttl: bool = False
    is_dangerous: bool = False


ACTS = {
    "promote": Act(
        title="Promote",
        explanation="Its buys are copied from now on, when every gate says yes. No run of Scout changes "
        "that until you release it, or until the hours below have passed.",
        button="Promote",
        verb=wallets.promote,
        has_ttl=True,
    ),
    "demote": Act(
        title="Demote",
        explanation="Its buys are no longer copied; what is held is still sold by the rules. No run of "
        "Scout changes that until you release it.",
        button="Demote",
        verb=wallets.demote,
    ),
    "reject": Act(
        title="Reject",
        explanation="It is put aside for good, until you release it; what is held is still sold.",
        button="Reject",
        verb=wallets.reject,
        is_dangerous=True,
    ),
    "mute": Act(
        title="Mute",
        explanation="No new entries for the time being; its place stays, and exits go on.",
        button="Mute",
        verb=wallets.mute,
    ),
    "unmute": Act(
        title="Unmute",
        explanation="New entries are taken again, when every gate says yes.",
        button="Unmute",
        verb=wallets.unmute,
    ),
    "release": Act(
        title="Leave to Scout",
        explanation="Its place stays as it is until the next run, which decides by its scores.",
        button="Leave to Scout",
        verb=wallets.release,
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def change_leaders(request: HttpRequest, name: str) -> HttpResponse:
    """One act upon one or many leaders; staff only. Without a reason it is asked for."""
    _require_staff(request)
    if name not in ACTS:
        raise Http404("no such act")
    data = request.POST if request.method == "POST" else request.GET
    leaders = list(Leader.objects.filter(address__in=data.getlist("address")[:MOST_AT_ONCE]))
    if not leaders:
        messages.error(request, "Choose at least one leader first.")
        return redirect("roster")
    form = ActForm(request.POST if "reason" in request.POST else None)
    if form.is_valid():
        _carry_out(request, ACTS[name], leaders, form)
        only = leaders[0].address if len(leaders) == 1 else None
        return redirect("wallet", only) if only else redirect("roster")
    context = {"act": ACTS[name], "leaders": leaders, "form": form}
    return render(request, "scout/act.html", context, status=422 if form.errors else 200)


def _carry_out(request: HttpRequest, act: Act, leaders: list[Leader], form: ActForm) -> None:
    """Each leader is a transaction of its own: one that cannot be changed stops no other."""
    now, done = timezone.now(), 0
    hours = form.cleaned_data["ttl_hours"]
    more: dict[str, datetime] = {}
    if act.has_ttl and hours is not None:
        more = {"active_until": now + timedelta(hours=float(hours))}
    for leader in leaders:
        try:
            act.verb(
                leader.address,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=now,
                **more,
            )
            done += 1
        except wallets.UnableToChangeRoster as error:
            messages.error(request, str(error))
    if done:
        noun = str(leaders[0]) if len(leaders) == 1 else f"{done} leaders"
        messages.success(request, f"{act.title}: {noun}.")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def begin_run(request: HttpRequest) -> HttpResponse:
    """Have Scout look at everybody now; staff only."""
    _require_staff(request)
    form = ActForm(request.POST or None)
    if not form.is_valid():
        return render(
            request, "scout/begin.html", {"form": form}, status=422 if form.errors else 200
        )
    now, actor = timezone.now(), request.user.get_username()
    try:
        run = runs.begin(
            queue.chosen(now=now),
            actor=actor,
            parameters={"sol_price_usd": sol_price_usd()},
            now=now,
        )
    except runs.UnableToRun as error:
        messages.error(request, f"{error}.")
        return redirect("scout_runs")
    _record(actor, "scout.begun", run.pk, form, now)
    dispatch(run.pk)
    return redirect("scout_run", run.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def end_run(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Stop a run that is under way; staff only."""
    _require_staff(request)
    form = ActForm(request.POST or None)
    if not form.is_valid():
        context = {"form": form, "uuid": uuid}
        return render(request, "scout/end.html", context, status=422 if form.errors else 200)
    now, actor = timezone.now(), request.user.get_username()
    if runs.end(uuid, reason=f"ended by {actor}: {form.cleaned_data['reason']}", now=now):
        _record(actor, "scout.ended", uuid, form, now)
    else:
        messages.error(request, "The run has ended already.")
    return redirect("scout_run", uuid)


def _record(actor: str, action: str, run: UUID, form: ActForm, now: datetime) -> None:
    reason = form.cleaned_data["reason"]
    audit.record(actor=actor, action=action, target=str(run), now=now, reason=reason)


def _require_staff(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise PermissionDenied("only staff change the roster and start runs")
