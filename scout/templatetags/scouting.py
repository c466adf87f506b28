"""How scores read on Scout's pages."""

from datetime import UTC, datetime
from typing import Any

from django import template

from trading.templatetags.figures import MINUS, MISSING, NARROW, short
from wallets.models import Chooser, CopyState, Leader, LeaderStatus

register = template.Library()


@register.filter
def score(value: float | str | None, places: int = 2) -> str:
    """A score with its decimals; what is not known is a dash, never a number. A wallet without scores has text."""
    if value is None or isinstance(value, str):
        return MISSING
    text = f"{abs(value):,.{places}f}"
    return MINUS + text if value < 0 else text


@register.filter
def chance(probability: float | None) -> str:
    """A probability in whole percents; what is not known is a dash."""
    return MISSING if probability is None else f"{probability * 100:.0f}{NARROW}%"


@register.filter
def split_words(text: str) -> list[str]:
    """The words of a text, to loop over."""
    return text.split()


@register.filter
def unix(seconds: float) -> datetime:
    """A moment from unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


@register.filter
def held(copy: dict[str, Any]) -> float:
    """How long a copy of a backtest was held, in seconds."""
    return float(copy["closed_at"] - copy["opened_at"])


@register.filter
def named(names: dict[str, str], address: str) -> str:
    """A wallet's name where it has one."""
    return names.get(address) or short(address)


@register.filter
def acts_of(leader: Leader) -> list[str]:
    """What may sensibly be done to this leader now."""
    acts = {
        "promote": leader.status != LeaderStatus.ACTIVE,
        "demote": leader.status == LeaderStatus.ACTIVE,
        "reject": leader.status != LeaderStatus.REJECTED,
        "mute": leader.copy_state == CopyState.ON,
        "unmute": leader.copy_state == CopyState.CLOSES_ONLY,
        "release": leader.chosen_by == Chooser.PERSON,
    }
    return [name for name, is_sensible in acts.items() if is_sensible]
