"""The admin's front: people, and the figures on its first page. Each app registers its own rows."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.models import DeadLetter, Entry, Incident
from trading import board
from trading.domain.lifecycle import SignalStatus
from trading.models import Decision, Signal
from wallets.models import Leader, LeaderStatus

admin.site.index_title = "Overview"
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


def environment(request: HttpRequest) -> list[str]:
    """The mode, in the header of every admin page."""
    colours = {"sandbox": "info", "paper": "warning", "live": "danger"}
    return [settings.MODE.upper(), colours.get(settings.MODE, "danger")]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What needs a person, and the figures of the day, on the admin's first page."""
    now = timezone.now()
    day = now - timedelta(days=1)
    decisions = Decision.objects.filter(at__gte=day)
    return {
        **context,
        **board.health(now),
        **board.money(now),
        "signals_today": Signal.objects.filter(received_at__gte=day).count(),
        "bought_today": decisions.filter(is_order=True).count(),
        "denied_today": decisions.filter(is_order=False).count(),
        "dead_today": Signal.objects.filter(
            received_at__gte=day, status=SignalStatus.DEAD_LETTER
        ).count(),
        "active_leaders": Leader.objects.filter(status=LeaderStatus.ACTIVE).count(),
        "all_leaders": Leader.objects.count(),
        "open_incidents": Incident.objects.filter(resolved_at__isnull=True)[:5],
        "open_dead_letters": DeadLetter.objects.filter(resolved_at__isnull=True)[:5],
        "last_entries": Entry.objects.all()[:8],
    }
