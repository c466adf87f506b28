"""The pages people read. What they may change is asked for in confirmations; figures come from the board."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from trading import board
from trading import metrics as measured
from trading.curve.price import price_line
from trading.models import Position, Signal
from trading.stories import position_story, signal_story

LOOPBACK = frozenset({"127.0.0.1", "::1"})
FORWARDING_HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")


@require_safe
@login_required
@never_cache
def command_center(request: HttpRequest) -> HttpResponse:
    """Everything at one glance; the socket keeps it moving."""
    return render(
        request,
        "trading/command_center.html",
        board.everything(timezone.now(), page="command_center"),
    )


@require_safe
@login_required
@never_cache
def latency_page(request: HttpRequest) -> HttpResponse:
    """How long signals take, stage by stage."""
    return render(request, "trading/latency.html", board.everything(timezone.now(), page="latency"))


@require_safe
@login_required
@never_cache
def sources_page(request: HttpRequest) -> HttpResponse:
    """Who tells of leaders' trades, and how far each leader is known."""
    return render(request, "trading/sources.html", board.everything(timezone.now(), page="sources"))


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
    chart = price_line(story.holding, story.fills, now=timezone.now())
    return render(request, "trading/position.html", {"story": story, "chart": chart})


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


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus on this machine: what all processes have counted. The world gets 403.

    A proxy speaks from this machine too, so nothing that any proxy has forwarded counts as local.
    """
    is_forwarded = any(name in request.headers for name in FORWARDING_HEADERS)
    if is_forwarded or request.META.get("REMOTE_ADDR") not in LOOPBACK:
        return HttpResponse("metrics are told on this machine only\n", "text/plain", status=403)
    return HttpResponse(generate_latest(measured.registry()), content_type=CONTENT_TYPE_LATEST)
