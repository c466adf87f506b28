"""What will be done to the platform and when: a pure function of seed and length, printable before it runs."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workers.chaos.faults import FAULTS

GOOD = ("BONK", "JUP", "WIF", "MANGO", "PIXEL", "TURBO", "NOVA", "GECKO", "NEXT")
BAD = ("CAGE", "PRESS", "THRONE", "TOLL", "LEASH", "HOOK", "PUDDLE")
"""Tokens of the sandbox by symbol: those that pass every check, and those that must be refused."""

OFTEN, SELDOM = (22.0, 45.0), (35.0, 70.0)
VICTIMS: Mapping[str, tuple[float, float]] = {
    "executor": OFTEN, "resolver": OFTEN, "ingress": OFTEN, "sandbox": OFTEN, "watcher": OFTEN,
    "wallet_watcher": OFTEN,
    "rival": OFTEN, "web": SELDOM, "redis": SELDOM, "worker": SELDOM, "beat": SELDOM,
}  # fmt: skip
"""Seconds between two deaths of the same process."""
WAITS = ("executor", "rival", "resolver", "sandbox")
"""Those that mostly die while a transaction is on its way: by chance alone they seldom would."""
CORE = ("executor", "resolver", "ingress", "sandbox")
SHORT_SECONDS = 60.0
SIGNAL_GAP_SECONDS = 0.8
FREEZE_SECONDS = (6.0, 11.0)
"""Longer than an executor's lease of 5 s."""
FAULT_SECONDS, LONG_FAULT_SECONDS = (1.5, 9.0), (16.0, 24.0)
"""The long ones outlive a blockhash: 150 slots of 100 ms."""
FAULT_GAP_SECONDS, FORK_GAP_SECONDS = 4.5, 0.12
FACTORS = (0.86, 0.93, 1.35, 2.2)
COPIES = (4, 25)


class Kind(StrEnum):
    """What one line of the schedule does; the first nine send signals."""

    BUY = "buy"
    BUY_BY_SYMBOL = "buy by symbol"
    BUY_OF_BAD_TOKEN = "buy of a bad token"
    BUY_OF_STRANGER = "buy of an unknown leader"
    SELL = "sell"
    COPIES = "one signal many times at once"
    REPLAY = "one request twice"
    GARBAGE = "garbage"
    FORGED = "forged signature"
    LEADER_TRADE = "trade of a leader on the chain"
    PRICE = "price"
    FAULT = "fault"
    FORK = "fork"
    KILL = "kill -9"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line: what happens `at_seconds` after the beginning. `details` depend on the kind."""

    at_seconds: float
    kind: Kind
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.at_seconds:8.2f} s  {self.kind}  {told}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every act of one run, in order."""

    seed: int
    seconds: float
    acts: tuple[Act, ...]

    @property
    def is_short(self) -> bool:
        """Whether only the core of the platform is run and killed, as the test suite does it."""
        return self.seconds < SHORT_SECONDS

    @property
    def has_rival(self) -> bool:
        """Whether a second executor works on the same queue: in every other seed's longer runs, so that
        a lone executor's recovery is tried as well as two that take over from each other.
        """
        return _has_rival(self.seed, self.seconds)


def plan(*, seed: int, seconds: float) -> Schedule:
    """The schedule of a seed. Each part draws from a generator of its own."""
    parts = (_signals, _leader_trades, _prices, _faults, _forks, _kills, _freezes)
    acts = [
        act
        for part in parts
        for act in part(random.Random(f"chaos{part.__name__}-{seed}"), seconds)
        if act.at_seconds < seconds
        if act.details.get("process") != "rival" or _has_rival(seed, seconds)
    ]
    acts.sort(key=lambda act: act.at_seconds)
    return Schedule(seed=seed, seconds=seconds, acts=tuple(acts))


def _has_rival(seed: int, seconds: float) -> bool:
    return seed % 2 == 1 and seconds >= SHORT_SECONDS


def _moments(chance: random.Random, seconds: float, gap: float) -> Iterator[float]:
    """Random moments, so far apart on average."""
    moment = chance.expovariate(1 / gap)
    while moment < seconds:
        yield round(moment, 2)
        moment += chance.expovariate(1 / gap)


_MIX: Mapping[Kind, int] = {
    Kind.BUY: 10, Kind.BUY_BY_SYMBOL: 2, Kind.BUY_OF_BAD_TOKEN: 2, Kind.BUY_OF_STRANGER: 1,
    Kind.COPIES: 2, Kind.REPLAY: 1, Kind.GARBAGE: 1, Kind.FORGED: 1,
}  # fmt: skip
_BOUGHT = (Kind.BUY, Kind.BUY_BY_SYMBOL, Kind.COPIES, Kind.REPLAY)


def _signals(chance: random.Random, seconds: float) -> Iterator[Act]:
    for number, moment in enumerate(_moments(chance, seconds, SIGNAL_GAP_SECONDS)):
        kind = chance.choices(list(_MIX), weights=list(_MIX.values()))[0]
        buy = _buy(chance, kind, name=f"chaos-{number}")
        yield Act(at_seconds=moment, kind=kind, details=buy)
        if kind in _BOUGHT and chance.random() < 0.85:
            yield from _sells(chance, buy, after=moment)


def _buy(chance: random.Random, kind: Kind, *, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {
        "name": name,
        "strategy": "SPEAR" if chance.random() < 0.35 else "SHIELD",
        "symbol": chance.choice(BAD if kind is Kind.BUY_OF_BAD_TOKEN else GOOD),
        "leader": chance.randrange(6),
        "amount_sol": f"{chance.uniform(0.08, 0.3):.4f}",
    }
    if kind is Kind.COPIES:
        details["copies"] = chance.randint(*COPIES)
    return details


def _sells(chance: random.Random, buy: Mapping[str, Any], *, after: float) -> Iterator[Act]:
    """The leader of a buy goes out again: at once or in parts, now and then more often than it can."""
    moment = after + chance.uniform(0.3, 12.0)
    for number in range(chance.choice((1, 1, 2, 3))):
        fraction = "1" if chance.random() < 0.5 else f"{chance.uniform(0.1, 0.9):.3f}"
        details = {**buy, "name": f"{buy['name']}-sell-{number}", "exit_fraction": fraction}
        if chance.random() < 0.2:
            details["copies"] = chance.randint(*COPIES)
        else:
            details.pop("copies", None)
        yield Act(at_seconds=round(moment, 2), kind=Kind.SELL, details=details)
        moment += chance.uniform(0.0, 4.0)


def _leader_trades(chance: random.Random, seconds: float) -> Iterator[Act]:
    for moment in _moments(chance, seconds, 9.0):
        trade = {
            "symbol": chance.choice(GOOD),
            "leader": chance.randrange(6),
            "strategy": chance.choice(("SHIELD", "SPEAR")),
            "sol": round(chance.uniform(0.2, 1.0), 3),
        }
        yield Act(at_seconds=moment, kind=Kind.LEADER_TRADE, details={**trade, "side": "BUY"})
        sold_at = round(moment + chance.uniform(2.0, 15.0), 2)
        yield Act(at_seconds=sold_at, kind=Kind.LEADER_TRADE, details={**trade, "side": "SELL"})


def _prices(chance: random.Random, seconds: float) -> Iterator[Act]:
    """Every move is taken back later, so that no price wanders off."""
    for moment in _moments(chance, seconds, 7.0):
        symbol, factor = chance.choice(GOOD), chance.choice(FACTORS)
        for at, part in ((moment, factor), (moment + chance.uniform(4.0, 12.0), 1 / factor)):
            details = {"symbol": symbol, "factor": round(part, 6)}
            yield Act(at_seconds=round(at, 2), kind=Kind.PRICE, details=details)


def _faults(chance: random.Random, seconds: float) -> Iterator[Act]:
    for moment in _moments(chance, seconds, FAULT_GAP_SECONDS):
        rule = {**chance.choice(FAULTS), "probability": chance.choice((0.15, 0.4, 0.4, 1.0))}
        span = LONG_FAULT_SECONDS if chance.random() < 0.12 else FAULT_SECONDS
        details = {"holds_seconds": round(chance.uniform(*span), 2), **rule}
        yield Act(at_seconds=moment, kind=Kind.FAULT, details=details)


def _forks(chance: random.Random, seconds: float) -> Iterator[Act]:
    """Each loses the open slot only; a row of them loses whatever lands meanwhile, and its blockhashes."""
    for moment in _moments(chance, seconds, 9.0):
        for number in range(chance.choice((1, 2, 12))):
            yield Act(at_seconds=round(moment + number * FORK_GAP_SECONDS, 2), kind=Kind.FORK)


def _kills(chance: random.Random, seconds: float) -> Iterator[Act]:
    is_short = seconds < SHORT_SECONDS
    for name in CORE if is_short else VICTIMS:
        shortest, longest = VICTIMS[name]
        moment = chance.uniform(0.2, 0.6) * min(seconds, longest)
        while moment < seconds:
            details = {"process": name, "in_flight": name in WAITS and chance.random() < 0.6}
            yield Act(at_seconds=round(moment, 2), kind=Kind.KILL, details=details)
            moment += chance.uniform(shortest, longest)


def _freezes(chance: random.Random, seconds: float) -> Iterator[Act]:
    if seconds < SHORT_SECONDS:
        return
    for moment in _moments(chance, seconds, 25.0):
        name = chance.choice(("executor", "resolver", "rival"))
        details = {"process": name, "seconds": round(chance.uniform(*FREEZE_SECONDS), 2)}
        yield Act(at_seconds=moment, kind=Kind.FREEZE, details=details)
