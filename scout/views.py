"""The pages of roster and runs: what people read. What they may change is asked for in acts."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from scout import board
from scout.models import ScoutRun
from wallets.models import Leader


@require_safe
@login_required
@never_cache
def roster_page(request: HttpRequest) -> HttpResponse:
    """All leaders and candidates, filtered and sorted as asked."""
    asked = {
        name: request.GET.get(name, "")[:60]
        for name in ("status", "strategy", "archetype", "words")
    }
    sort = request.GET.get("sort", "")
    choice = board.Choice(**asked, sort=sort if sort in board.SORTS else "place")
    return render(request, "scout/roster.html", board.roster(choice, now=timezone.now()))


@require_safe
@login_required
@never_cache
def wallet_page(request: HttpRequest, address: str) -> HttpResponse:
    """One wallet: its scores, its backtest, its owner, its episodes."""
    try:
        story = board.wallet(address, now=timezone.now())
    except Leader.DoesNotExist as error:
        raise Http404("nobody has met this wallet") from error
    return render(request, "scout/wallet.html", story)


@require_safe
@login_required
@never_cache
def runs_page(request: HttpRequest) -> HttpResponse:
    """Every run, the newest first."""
    return render(request, "scout/runs.html", board.runs())


@require_safe
@login_required
@never_cache
def run_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One run: how far it is, what it found, what failed."""
    return render(request, "scout/run.html", board.run(get_object_or_404(ScoutRun, pk=uuid)))
