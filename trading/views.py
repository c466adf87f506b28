"""The pages people read. What they may change is asked for in confirmations; figures come from the board."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading import board
from trading.models import Position, Signal
from trading.stories import position_story, signal_story


@require_safe
@login_required
@never_cache
def command_center(request: HttpRequest) -> HttpResponse:
    """Everything at one glance; the socket keeps it moving."""
    return render(request, "trading/command_center.html", board.everything(timezone.now()))


@require_safe
@login_required
@never_cache
def signal_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The whole story of one signal."""
    try:
        story = signal_story(uuid)
    except Signal.DoesNotExist as error:
        raise Http404("no such signal") from error
    return render(request, "trading/signal.html", {"story": story})


@require_safe
@login_required
@never_cache
def position_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The whole story of one position."""
    try:
        story = position_story(uuid)
    except Position.DoesNotExist as error:
        raise Http404("no such position") from error
    return render(request, "trading/position.html", {"story": story})


@require_safe
@never_cache
def health_probe(request: HttpRequest) -> JsonResponse:
    """For balancers: 200 while this process can read its database, else 503. Nothing else is told."""
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "unhealthy"}, status=503)
    return JsonResponse({"status": "healthy"})
