"""The admin of what may be traded: the kill switch and the circuit breaker."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.decorators import action, display

from audit.desk import FactAdmin, ReasonDialog, act, dialog
from trading.domain.trip_sentences import sentence
from trading.models import TradingState
from trading.services import breaker, control
from trading.services.state import trading_state


@admin.register(TradingState)
class TradingStateAdmin(FactAdmin):
    """The kill switch and the circuit breaker; the row changes by acts only."""

    list_display = ["state", "route", "held_back_by", "reason", "actor", "changed_at"]
    fields = [
        "state", "tripped", "entries_halted", "is_closing_all", "reason", "actor", "changed_at", "route",
        "evaluated_at", "reset_at", "sol_price_usd", "sol_priced_at",
    ]  # fmt: skip
    actions_list = ["halt", "resume", "reset", "close_everything"]

    @display(
        description="Trading",
        label={"ACTIVE": "success", "REDUCING": "danger", "HALTED": "danger"},
    )
    def state(self, state: TradingState) -> str:
        return trading_state().mode

    @display(description="Held back by")
    def held_back_by(self, state: TradingState) -> str:
        """The switch and every trip: whoever resumes entries sees what still holds them."""
        now = trading_state()
        tripped = [sentence(trip).what for trip in now.trips]
        by_hand = [state.reason] if state.entries_halted else []
        return "; ".join([*by_hand, *tripped]) or now.held_back_by or "–"

    @display(description="Circuit breaker")
    def tripped(self, state: TradingState) -> str:
        lines = [(str(sentence(trip)),) for trip in trading_state().trips]
        return format_html_join(mark_safe("<br>"), "{}", lines) or "nothing is tripped"

    @action(
        description="Halt entries",
        url_path="halt",
        permissions=["act"],
        dialog=dialog("Halt entries", "Nothing more is bought; exits go on.", submit="Halt"),
    )
    def halt(self, request: HttpRequest, form: ReasonDialog) -> HttpResponse:
        return act(
            request,
            lambda: control.halt_entries(
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="Entries are halted.",
            refusals=(),
            back_to=reverse("admin:trading_tradingstate_changelist"),
        )

    @action(
        description="Resume entries",
        url_path="resume",
        permissions=["act"],
        dialog=dialog(
            "Resume entries", "Signals are bought again when every gate says yes.", submit="Resume"
        ),
    )
    def resume(self, request: HttpRequest, form: ReasonDialog) -> HttpResponse:
        return act(
            request,
            lambda: control.resume_entries(
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="Entries are resumed.",
            refusals=(),
            back_to=reverse("admin:trading_tradingstate_changelist"),
        )

    @action(
        description="Reset breaker",
        url_path="reset",
        permissions=["act"],
        dialog=dialog(
            "Reset the circuit breaker",
            "What was lost until now is pardoned and trips nothing again.",
            submit="Reset",
        ),
    )
    def reset(self, request: HttpRequest, form: ReasonDialog) -> HttpResponse:
        return act(
            request,
            lambda: breaker.reset_breaker(
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="The circuit breaker is reset.",
            refusals=(breaker.UnableToReset,),
            back_to=reverse("admin:trading_tradingstate_changelist"),
        )

    @action(
        description="Close everything",
        url_path="close-everything",
        permissions=["act"],
        dialog=dialog(
            "Close everything",
            "Entries are halted and all that is held is sold at the market. This cannot be undone.",
            submit="Halt and close everything",
        ),
    )
    def close_everything(self, request: HttpRequest, form: ReasonDialog) -> HttpResponse:
        return act(
            request,
            lambda: control.close_everything(
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            ),
            done="Entries are halted and everything is being sold.",
            refusals=(),
            back_to=reverse("admin:trading_tradingstate_changelist"),
        )
