"""What copying each leader has really earned us, from our own closed positions; who leaves the roster for it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Max, Sum

from scout.archive import Swap
from scout.promotion import Copies
from trading.domain.lifecycle import PositionStatus
from trading.domain.scouting import ScoutPolicy
from trading.models import Position, Signal
from trading.services.policy import policy_for_exits
from wallets import services as wallets
from wallets.models import Chooser, Leader, LeaderStatus

ACTOR = "scout"
WINDOW = timedelta(days=30)


def own_copies(addresses: Iterable[str], *, since: datetime) -> Mapping[str, Copies]:
    """By leader: positions opened after it since then and closed, fees and tips included."""
    rows = (
        Position.objects.filter(
            leader_address__in=list(addresses),
            status=PositionStatus.CLOSED,
            opened_at__gte=since,
            cost_lamports__gt=0,
        )
        .values("leader_address")
        .annotate(count=Count("uuid"), pnl=Sum("realised_pnl_lamports"), cost=Sum("cost_lamports"))
        .order_by()
    )
    return {
        row["leader_address"]: Copies(count=row["count"], return_ratio=row["pnl"] / row["cost"])
        for row in rows
    }


def review(*, now: datetime) -> dict[str, str]:
    """Demote ACTIVE leaders whose copies lost too much, and those of Scout's choice that no longer trade;
    address → why. Each is a transaction of its own.

    Of a leader that a person has put there only the copies since then count, and its silence is the
    person's business.
    """
    policy = policy_for_exits().scout
    demoted: dict[str, str] = {}
    for leader in Leader.objects.filter(status=LeaderStatus.ACTIVE):
        why = _losses(leader, policy, now) or _silence(leader, policy, now)
        choice = wallets.Choice(actor=ACTOR, reason=why, now=now, by=Chooser.SCOUT)
        if why and wallets.step_down(leader.address, choice):
            demoted[leader.address] = why
    return demoted


def _losses(leader: Leader, policy: ScoutPolicy, now: datetime) -> str:
    is_chosen = leader.chosen_by == Chooser.PERSON
    since = max(now - WINDOW, leader.status_changed_at) if is_chosen else now - WINDOW
    copies = own_copies([leader.address], since=since).get(leader.address)
    if copies is None or not copies.is_below_floor(policy):
        return ""
    return (
        f"{copies.count} copies made {copies.return_ratio:+.1%}, below the policy's"
        f" {-policy.maximum_copy_loss_bps / 100:g} %"
    )


def _silence(leader: Leader, policy: ScoutPolicy, now: datetime) -> str:
    since = now - timedelta(days=policy.inactivity_days)
    if leader.chosen_by == Chooser.PERSON or leader.status_changed_at > since:
        return ""
    last = last_seen(leader.address)
    if last is not None and last > since:
        return ""
    return f"has not traded for {policy.inactivity_days} days"


def last_seen(address: str) -> datetime | None:
    """When the wallet was last known to trade, by its history or by a signal."""
    moments = (
        Swap.objects.filter(address=address).aggregate(at=Max("at"))["at"],
        Signal.objects.filter(leader_address=address).aggregate(at=Max("received_at"))["at"],
    )
    return max((each for each in moments if each is not None), default=None)
