"""Pages for a submission whose outcome nobody can tell: the evidence, and what a person rules upon it."""

from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from trading import evidence
from trading.confirmations import ReasonForm
from trading.domain.figures import Figures
from trading.models import EquityPoint, Submission
from trading.outside import endpoints
from trading.services import outcomes


class LandedForm(ReasonForm):
    """Why, and the figures that an explorer shows, in lamports and raw tokens as it shows them."""

    sol_lamports = forms.IntegerField(min_value=0, label="SOL of the swap itself (lamports)")
    token_raw = forms.IntegerField(min_value=0, label="Tokens (raw)")
    network_fee_lamports = forms.IntegerField(min_value=0, label="Network fee (lamports)")
    tip_lamports = forms.IntegerField(min_value=0, label="Tip (lamports)")
    rent_lamports = forms.IntegerField(label="Rent paid, or − given back (lamports)")
    slot = forms.IntegerField(min_value=0, label="Slot")
    token_account = forms.CharField(min_length=32, max_length=44, label="Our token account")
    decimals = forms.IntegerField(min_value=0, max_value=18, label="Decimals of the token")

    def figures(self) -> Figures:
        """Once valid."""
        return Figures(**{name: self.cleaned_data[name] for name in FIGURES})


FIGURES = tuple(name for name in LandedForm.base_fields if name != "reason")


@require_safe
@login_required
@never_cache
def evidence_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What is stored; every question to the outside is a part of its own that the page asks for."""
    row = _submission(pk)
    return render(
        request,
        "trading/evidence.html",
        {
            "row": row,
            "explorer_url": _explorer_url(row),
            "is_unknown": row.unknown_since is not None,
            "nodes": range(len(endpoints().rpc_urls)),
            "events": row.signal.events.order_by("id"),
        },
    )


@require_safe
@login_required
@never_cache
def ask_node(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """What one node says now."""
    row, urls = _submission(pk), endpoints().rpc_urls
    if number >= len(urls):
        raise Http404("no such node")
    answer = async_to_sync(evidence.ask_node)(urls[number], signature=row.signature)
    return render(request, "trading/_node_answer.html", {"row": row, "answer": answer})


@require_safe
@login_required
@never_cache
def ask_engine(request: HttpRequest, pk: int) -> HttpResponse:
    """What the block engine says now."""
    answer = async_to_sync(evidence.ask_engine)(_submission(pk).bundle_id)
    return render(request, "trading/_engine_answer.html", {"answer": answer})


@require_safe
@login_required
@never_cache
def ask_wallet(request: HttpRequest, pk: int) -> HttpResponse:
    """What we hold now, against the books."""
    row = _submission(pk)
    return render(
        request, "trading/_wallet_answer.html", {"row": row, "wallet": _wallet_answer(row)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def rule_landed(request: HttpRequest, pk: int) -> HttpResponse:
    """Only staff say that it landed; a transaction that any node gives comes before entered figures."""
    _staff_only(request)
    row = _submission(pk)
    answers = async_to_sync(evidence.ask_nodes)(signature=row.signature)
    owner = evidence.wallet_books(row).owner
    change = evidence.change_told(answers, row, owner=owner)
    form_class = LandedForm if change is None else ReasonForm
    form = form_class(
        request.POST or None, initial=_proposal(request, row, answers if change is None else None)
    )
    if request.method == "POST" and form.is_valid():
        figures = form.figures() if isinstance(form, LandedForm) else None
        point = EquityPoint.objects.order_by("-at").first()
        try:
            done = outcomes.rule_landed(
                pk,
                change=change,
                figures=figures,
                sol_price_usd=point.sol_price_usd if point else None,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except outcomes.FiguresImpossible as error:
            for name, text in error.errors.items():
                form.add_error(name, text)
        except outcomes.UnableToRule as error:
            return _gone(request, row, str(error))
        else:
            messages.success(request, done)
            return redirect("signal", uuid=row.signal_id)
    context = {"row": row, "form": form, "change": change, "explorer_url": _explorer_url(row)}
    return _form(request, "trading/rule_landed.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def rule_never_landed(request: HttpRequest, pk: int) -> HttpResponse:
    """Only staff say that it never landed, and only once no node contradicts it."""
    _staff_only(request)
    row, form = _submission(pk), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        answers = async_to_sync(evidence.ask_nodes)(signature=row.signature)
        try:
            outcomes.rule_never_landed(
                pk,
                finalized_block_height=evidence.lowest_height(answers),
                known_by=evidence.known_by(answers),
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except outcomes.UnableToRule as error:
            return _gone(request, row, str(error))
        messages.success(request, "Booked as never landed; its signal goes on.")
        return redirect("signal", uuid=row.signal_id)
    return _form(request, "trading/rule_never_landed.html", {"row": row, "form": form})


def _form(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if context["form"].errors else 200)


def _gone(request: HttpRequest, row: Submission, text: str) -> HttpResponse:
    messages.error(request, f"Nothing was changed: {text}.")
    return redirect("evidence", pk=row.pk)


def _submission(pk: int) -> Submission:
    return get_object_or_404(Submission.objects.select_related("signal", "position"), pk=pk)


def _explorer_url(row: Submission) -> str:
    """Where everybody can look it up; nowhere for what the sandbox's chain alone knows."""
    return "" if settings.HAS_SANDBOX else f"https://solscan.io/tx/{row.signature}"


def _wallet_answer(row: Submission) -> evidence.WalletAnswer:
    return async_to_sync(evidence.ask_wallet)(row, evidence.wallet_books(row))


def _proposal(
    request: HttpRequest, row: Submission, answers: list[evidence.NodeAnswer] | None
) -> dict[str, Any]:
    """Figures to start from, for whoever opens a form that asks for them (`answers` given)."""
    if request.method == "POST" or answers is None:
        return {}
    proposed = evidence.proposed_figures(row, _wallet_answer(row), answers)
    return {name: getattr(proposed, name) for name in FIGURES}


def _staff_only(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise PermissionDenied("only staff rule upon outcomes")
