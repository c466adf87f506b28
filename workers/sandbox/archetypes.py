"""Who trades in the sandbox: archetypes of leaders and the cast; nothing is executed here."""

from dataclasses import dataclass, field
from enum import StrEnum

README_SYMBOL = "BONK"
README_WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"


class Strategy(StrEnum):
    """Which copy strategy a leader's signals ask for."""

    SHIELD = "SHIELD"
    SPEAR = "SPEAR"


class RosterStatus(StrEnum):
    """Whether a leader is followed from the start or only watched."""

    ACTIVE = "ACTIVE"
    CANDIDATE = "CANDIDATE"


class Hunting(StrEnum):
    """Which tokens an archetype looks at."""

    GOOD = "good"
    ANY = "any"
    THIN = "thin"
    NEW = "new"
    RUG = "rug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archetype:
    """How one kind of leader decides.

    `noise` blurs the leader's peek at the future log return (None: no peek, a coin is tossed);
    times are market minutes, `buys_per_day` counts attempts. Outside the life span (fractions
    of the history) the leader rests; after `decays_at` or `luck` peeks are gone.
    """

    name: str
    noise: float | None
    buys_per_day: float
    hold_minutes: float
    size_sol: float
    hunting: Hunting = Hunting.GOOD
    pool_share: float = 0.005
    max_open: int = 2
    threshold: float = 0.015
    starts_at: float = 0.0
    ends_at: float | None = None
    decays_at: float | None = None
    luck: int = 0
    is_contrary: bool = False
    pays_tips: bool = False


HIGH = Archetype(name="skilled_high", noise=0.03, buys_per_day=22, hold_minutes=22, size_sol=0.6)
MIDDLE = Archetype(name="skilled_mid", noise=0.08, buys_per_day=20, hold_minutes=24, size_sol=0.5)
LOW = Archetype(name="skilled_low", noise=0.20, buys_per_day=16, hold_minutes=26, size_sol=0.4)
NOISE = Archetype(
    name="unskilled",
    noise=None,
    buys_per_day=12,
    hold_minutes=25,
    size_sol=0.4,
    hunting=Hunting.ANY,
)
LUCKY = Archetype(
    name="lucky",
    noise=None,
    buys_per_day=2,
    hold_minutes=40,
    size_sol=0.4,
    luck=10,
    pool_share=0.01,
)
ONE_HIT = Archetype(
    name="one_hit", noise=None, buys_per_day=2, hold_minutes=90, size_sol=0.9, luck=1
)
WASH = Archetype(
    name="wash_trader", noise=None, buys_per_day=40, hold_minutes=1.5, size_sol=0.8, max_open=1
)
SNIPER = Archetype(
    name="sniper",
    noise=None,
    buys_per_day=14,
    hold_minutes=3,
    size_sol=0.5,
    hunting=Hunting.NEW,
    pays_tips=True,
)
INSIDER = Archetype(
    name="insider",
    noise=0.02,
    buys_per_day=6,
    hold_minutes=45,
    size_sol=0.9,
    hunting=Hunting.RUG,
    pool_share=0.01,
)
DECAYED = Archetype(
    name="decayed", noise=0.04, buys_per_day=14, hold_minutes=25, size_sol=0.5, decays_at=0.6
)
DORMANT = Archetype(
    name="dormant", noise=0.06, buys_per_day=14, hold_minutes=25, size_sol=0.5, ends_at=0.4
)
NEWCOMER = Archetype(
    name="fresh", noise=0.10, buys_per_day=14, hold_minutes=25, size_sol=0.4, starts_at=0.9
)
WHALE = Archetype(
    name="whale",
    noise=0.05,
    buys_per_day=5,
    hold_minutes=60,
    size_sol=12.0,
    hunting=Hunting.THIN,
    pool_share=0.06,
)
INVERTED = Archetype(
    name="contrarian", noise=0.05, buys_per_day=10, hold_minutes=30, size_sol=0.4, is_contrary=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One leader of the cast; `label` is what its key and its random draws are derived from."""

    label: str
    name: str
    archetype: Archetype
    strategy: Strategy
    roster_status: RosterStatus
    sends_trade_uuid: bool = False
    address: str | None = field(default=None)


_CAST: tuple[tuple[Archetype, str, str], ...] = (
    (HIGH, "Ada Ash Ari Arlo", "hHpP"),
    (MIDDLE, "Bea Ben Bix Bo", "hHpP"),
    (LOW, "Cal Cleo Cy Cora", "hpoo"),
    (LUCKY, "Dex Dot Dara", "hoo"),
    (ONE_HIT, "Echo Eli", "oo"),
    (WASH, "Fay Finn", "oo"),
    (SNIPER, "Gia Gus Gil", "poo"),
    (INSIDER, "Hal Hope", "po"),
    (DECAYED, "Ida Ivo", "ho"),
    (DORMANT, "Jo Jax", "oo"),
    (NEWCOMER, "Kai Kit", "po"),
    (WHALE, "Lux Leo", "oo"),
    (NOISE, "Mae Max Moe", "poo"),
    (INVERTED, "Nix", "o"),
)
_SHIELD_LETTERS = "hH"
_UUID_LETTERS = "HP"


def cast() -> tuple[Profile, ...]:
    """The whole cast, the same for every seed; `_CAST` letters: h SHIELD, p SPEAR, o candidate.

    Capitals send an own trade id with their signals. The last row is the wallet of the README's
    example, which has no key here and never trades by itself.
    """
    rows = [
        _profile(archetype, name, letter)
        for archetype, names, letters in _CAST
        for name, letter in zip(names.split(), letters, strict=True)
    ]
    return (*rows, _readme_example())


def _profile(archetype: Archetype, name: str, letter: str) -> Profile:
    is_shield = letter in _SHIELD_LETTERS or (letter == "o" and archetype.hold_minutes > 24)
    return Profile(
        label=f"leader/{name}",
        name=f"{name} ({archetype.name.replace('_', ' ')})",
        archetype=archetype,
        strategy=Strategy.SHIELD if is_shield else Strategy.SPEAR,
        roster_status=RosterStatus.CANDIDATE if letter == "o" else RosterStatus.ACTIVE,
        sends_trade_uuid=letter in _UUID_LETTERS,
    )


def _readme_example() -> Profile:
    return Profile(
        label="leader/readme",
        name="README example",
        archetype=Archetype(
            name="example", noise=None, buys_per_day=0, hold_minutes=30, size_sol=0.1
        ),
        strategy=Strategy.SHIELD,
        roster_status=RosterStatus.ACTIVE,
        address=README_WALLET,
    )
