"""How figures read on pages and in the admin: amounts, prices, ratios, ages. No arithmetic that decides."""

import json
import math
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django import template
from django.conf import settings
from django.utils import timezone

from trading.domain.values import lamports_to_sol

register = template.Library()

MINUS = "\N{MINUS SIGN}"
MISSING = "–"
NARROW = "\N{NO-BREAK SPACE}"
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LONGEST_ZERO_RUN = 3
SIGNIFICANT_DIGITS = 4


def _with_sign(text: str, *, is_negative: bool, is_signed: bool) -> str:
    if is_negative:
        return MINUS + text
    return "+" + text if is_signed else text


@register.filter
def sol(lamports: int | None, places: int = 4) -> str:
    """Lamports as SOL with a fixed number of decimals, thousands separated."""
    if lamports is None:
        return MISSING
    rounded = round(lamports_to_sol(lamports), places)
    return _with_sign(f"{abs(rounded):,f}", is_negative=rounded < 0, is_signed=False)


@register.filter
def signed_sol(lamports: int | None, places: int = 4) -> str:
    """Lamports as SOL with its sign always shown; exactly nothing has none."""
    if lamports is None:
        return MISSING
    rounded = round(lamports_to_sol(lamports), places)
    return _with_sign(f"{abs(rounded):,f}", is_negative=rounded < 0, is_signed=rounded > 0)


@register.filter
def exact_sol(lamports: int | None) -> str:
    """Lamports as SOL with all nine decimals, for titles and ledgers."""
    return sol(lamports, 9)


@register.filter
def usd(amount: Decimal | None) -> str:
    """Dollars and cents."""
    if amount is None:
        return MISSING
    rounded = round(amount, 2)
    return _with_sign(f"${abs(rounded):,f}", is_negative=rounded < 0, is_signed=False)


@register.filter
def percent(ratio: Decimal | None, places: int = 1) -> str:
    """A ratio (0.25 is 25 %) with its sign."""
    if ratio is None:
        return MISSING
    rounded = round(ratio * 100, places)
    return _with_sign(f"{abs(rounded):,}{NARROW}%", is_negative=rounded < 0, is_signed=rounded > 0)


@register.filter
def share(ratio: Decimal | None, places: int = 0) -> str:
    """A part of a whole, or a distance, without a sign."""
    return MISSING if ratio is None else f"{round(abs(ratio) * 100, places):,}{NARROW}%"


@register.filter
def drop(ratio: Decimal | None) -> str:
    """How far a price may fall: always with its minus."""
    return MISSING if ratio is None else MINUS + share(ratio, 1)


@register.filter
def basis_points(bps: int | None) -> str:
    """Basis points as a percentage without needless decimals."""
    return MISSING if bps is None else f"{Decimal(bps) / 100:f}{NARROW}%"


@register.filter
def price(sol_per_token: Decimal | None) -> str:
    """A price with four significant digits; a long run of zeros becomes a subscript (0.0₆1234)."""
    if sol_per_token is None:
        return MISSING
    if sol_per_token == 0:
        return "0"
    exponent = sol_per_token.adjusted()
    text = f"{round(sol_per_token, max(0, SIGNIFICANT_DIGITS - 1 - exponent)):,f}"
    zeros = -exponent - 1
    if zeros <= LONGEST_ZERO_RUN:
        return text
    return f"0.0{str(zeros).translate(SUBSCRIPTS)}{text[2 + zeros :]}"


@register.filter
def token_amount(raw: int | None, decimals: int = 0) -> str:
    """Raw token units as whole tokens, at most four decimals."""
    if raw is None:
        return MISSING
    amount = Decimal(raw).scaleb(-decimals)
    places = 0 if amount >= 10_000 else 4
    return f"{round(amount, places):,}"


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """A span in its largest fitting unit: 12 ms, 3.4 s, 5 min, 2 h, 3 d."""
    if seconds is None:
        return MISSING
    value = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if value < 1:
        return f"{max(value, 0) * 1000:.0f}{NARROW}ms"
    if value < 10:
        return f"{value:.1f}{NARROW}s"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if value < limit:
            return f"{value / size:.0f}{NARROW}{unit}"
    return f"{value / 86_400:.0f}{NARROW}d"


@register.filter
def span(seconds: float | None) -> str:
    """A short span with three significant digits: 0.12 ms, 4.56 ms, 1.2 s; where no bound is known, ∞."""
    if seconds is None:
        return MISSING
    if math.isinf(seconds):
        return "∞"
    value, unit = (seconds, "s") if seconds >= 1 else (seconds * 1000, "ms")
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{min(digits, 2)}f}{NARROW}{unit}"


@register.filter
def milliseconds(value: float | None) -> str:
    """A short span that comes in milliseconds."""
    return span(None if value is None else value / 1000)


@register.filter
def part(ratio: float | None) -> str:
    """A part of a whole to a tenth of a percent, rounded down: only everything is 100 %."""
    return MISSING if ratio is None else f"{math.floor(ratio * 1000) / 10:g}{NARROW}%"


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago, in whole units; the page's script keeps it moving."""
    if moment is None:
        return "never"
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    return duration(seconds) if seconds >= 10 else f"{seconds}{NARROW}s"


@register.filter
def iso(moment: datetime | None) -> str:
    """A moment for a `datetime` attribute."""
    return moment.isoformat() if moment else ""


@register.filter
def short(address: str | UUID | None) -> str:
    """An address or signature short enough for a column."""
    text = str(address or "")
    return f"{text[:4]}…{text[-4:]}" if len(text) > 12 else text


@register.filter
def tone(number: int | Decimal | None) -> str:
    """The colour class of a gain or a loss."""
    if not number:
        return "flat"
    return "gain" if number > 0 else "loss"


@register.filter
def words(code: str) -> str:
    """A code as words: TOKEN_TOO_NEW reads token too new."""
    return code.replace("_", " ").lower()


@register.filter
def since(moment: datetime | None, start: datetime | None) -> str:
    """The span between two moments, where both are known."""
    return MISSING if moment is None or start is None else duration(moment - start)


@register.filter
def pretty(facts: object) -> str:
    """Stored JSON, indented for reading."""
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)


@register.filter
def submission_tone(status: str) -> str:
    """The badge colour of a submission's status."""
    return {"IN_FLIGHT": "busy", "LANDED": "good"}.get(status, "bad")


@register.simple_tag
def mode() -> str:
    """What the platform is wired to: SANDBOX, PAPER or LIVE."""
    return str(settings.MODE).upper()


@register.simple_tag
def now_iso() -> str:
    """The server's present moment, by which the page's script keeps ages."""
    return timezone.now().isoformat()
