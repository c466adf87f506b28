"""Faults switched on at run time: which rule strikes which call; not how it is acted out.

Draws come from one seeded generator, so the same calls after the same rules fail the same way.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class Plane(StrEnum):
    RPC = "rpc"
    WS = "ws"
    JITO = "jito"
    JUPITER = "jupiter"
    DEXSCREENER = "dexscreener"
    HELIUS = "helius"
    CHAIN = "chain"
    WEBHOOK = "webhook"


class FaultKind(StrEnum):
    HTTP_ERROR = "http_error"
    RPC_ERROR = "rpc_error"
    LATENCY = "latency"
    TIMEOUT = "timeout"
    GARBAGE = "garbage"
    DROP_TX = "drop_tx"
    BUNDLE_DROP = "bundle_drop"
    DROP_NOTIFICATION = "drop_notification"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DISCONNECT = "disconnect"
    HALF_OPEN = "half_open"
    NO_ROUTE = "no_route"


_TRANSPORT = {FaultKind.HTTP_ERROR, FaultKind.LATENCY, FaultKind.TIMEOUT, FaultKind.GARBAGE}
_MESSAGES = {FaultKind.DROP_NOTIFICATION, FaultKind.DUPLICATE, FaultKind.REORDER}
KINDS_OF: dict[Plane, frozenset[FaultKind]] = {
    Plane.RPC: frozenset(_TRANSPORT | {FaultKind.RPC_ERROR, FaultKind.DROP_TX}),
    Plane.WS: frozenset(
        _TRANSPORT | _MESSAGES | {FaultKind.RPC_ERROR, FaultKind.DISCONNECT, FaultKind.HALF_OPEN}
    ),
    Plane.JITO: frozenset(
        _TRANSPORT | {FaultKind.RPC_ERROR, FaultKind.DROP_TX, FaultKind.BUNDLE_DROP}
    ),
    Plane.JUPITER: frozenset(_TRANSPORT | {FaultKind.NO_ROUTE}),
    Plane.DEXSCREENER: frozenset(_TRANSPORT | {FaultKind.NO_ROUTE}),
    Plane.HELIUS: frozenset(_TRANSPORT),
    Plane.CHAIN: frozenset({FaultKind.DROP_TX, FaultKind.BUNDLE_DROP}),
    Plane.WEBHOOK: frozenset(_MESSAGES | {FaultKind.LATENCY}),
}
"""What makes sense where; any other pair is refused when the rule is made."""

_DEFAULT_STATUS = {FaultKind.HTTP_ERROR: 503}
_DEFAULT_SECONDS = {
    FaultKind.LATENCY: 1.0,
    FaultKind.REORDER: 1.0,
    FaultKind.TIMEOUT: 3600.0,
    FaultKind.HALF_OPEN: 3600.0,
}
_LONGEST_SECONDS = 86_400.0


class InvalidRule(ValueError):
    """The rule names an unknown plane, kind or field, or a value out of range."""


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One fault: `count` strikes are left (None: no limit); `has_data` tells null from absent."""

    id: int
    plane: Plane
    kind: FaultKind
    endpoint: str = "*"
    method: str = "*"
    status: int = 200
    code: int = -32603
    message: str = "Internal error"
    data: Any = None
    has_data: bool = False
    seconds: float = 0.0
    probability: float = 1.0
    count: int | None = None
    strikes: int = 0

    def matches(self, *, plane: Plane, endpoint: str, methods: Iterable[str]) -> bool:
        """True when plane, endpoint and at least one method (globs) fit and strikes are left."""
        if self.plane is not plane or self.count == 0:
            return False
        if not fnmatchcase(endpoint, self.endpoint):
            return False
        return self.method == "*" or any(fnmatchcase(name, self.method) for name in methods)

    def as_json(self) -> dict[str, Any]:
        """The rule as `/sandbox/faults` lists it, with what is left and how often it struck."""
        hidden = {"data", "has_data"}
        body = {name: getattr(self, name) for name in FaultRule.__slots__ if name not in hidden}
        return body | ({"data": self.data} if self.has_data else {})


_FIELDS = set(FaultRule.__dataclass_fields__) - {"id", "has_data", "strikes"}


class Faults:
    """The rule list. Earlier rules win; a rule whose count is used up stays listed, harmless."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(f"faults-{seed}")
        self._next_id = 1
        self.rules: list[FaultRule] = []

    def add(self, raw: Any) -> FaultRule:
        """Appends the rule given as JSON; InvalidRule says what is wrong with it."""
        rule = _parse_rule(raw, rule_id=self._next_id)
        self._next_id += 1
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: int) -> bool:
        """True when there was such a rule."""
        before = len(self.rules)
        self.rules = [rule for rule in self.rules if rule.id != rule_id]
        return len(self.rules) < before

    def clear(self) -> None:
        self.rules = []

    def strike(
        self,
        plane: Plane,
        *,
        kinds: Iterable[FaultKind],
        endpoint: str = "",
        methods: Iterable[str] = (),
    ) -> FaultRule | None:
        """The first rule of these kinds that fits and is drawn; uses one of its count."""
        if not self.rules:
            return None
        wanted, named = set(kinds), tuple(methods)
        for rule in self.rules:
            fits = rule.kind in wanted and rule.matches(
                plane=plane, endpoint=endpoint, methods=named
            )
            if fits and self._random.random() < rule.probability:
                rule.strikes += 1
                if rule.count is not None:
                    rule.count -= 1
                return rule
        return None


def _parse_rule(raw: Any, *, rule_id: int) -> FaultRule:
    if not isinstance(raw, dict):
        raise InvalidRule("a rule is a JSON object")
    unknown = set(raw) - _FIELDS
    if unknown:
        raise InvalidRule(f"unknown fields: {', '.join(sorted(unknown))}")
    plane, kind = _plane_and_kind(raw)
    return FaultRule(
        id=rule_id,
        plane=plane,
        kind=kind,
        endpoint=_text(raw, "endpoint", "*"),
        method=_text(raw, "method", "*"),
        status=_whole(raw, "status", _DEFAULT_STATUS.get(kind, 200), low=200, high=599),
        code=_whole(raw, "code", -32603, low=-(2**31), high=2**31),
        message=_text(raw, "message", "Internal error"),
        data=raw.get("data"),
        has_data="data" in raw,
        seconds=_real(raw, "seconds", _DEFAULT_SECONDS.get(kind, 0.0), high=_LONGEST_SECONDS),
        probability=_real(raw, "probability", 1.0, high=1.0),
        count=None if raw.get("count") is None else _whole(raw, "count", 1, low=1, high=10**9),
    )


def _plane_and_kind(raw: dict[str, Any]) -> tuple[Plane, FaultKind]:
    try:
        plane, kind = Plane(str(raw.get("plane"))), FaultKind(str(raw.get("kind")))
    except ValueError as error:
        raise InvalidRule(str(error)) from None
    if kind not in KINDS_OF[plane]:
        allowed = ", ".join(sorted(KINDS_OF[plane]))
        raise InvalidRule(f"plane {plane} knows: {allowed}; not {kind}")
    return plane, kind


def _text(raw: dict[str, Any], name: str, default: str) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str):
        raise InvalidRule(f"{name} must be text")
    return value


def _whole(raw: dict[str, Any], name: str, default: int, *, low: int, high: int) -> int:
    value = raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRule(f"{name} must be a whole number from {low} to {high}")
    return value


def _real(raw: dict[str, Any], name: str, default: float, *, high: float) -> float:
    value = raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise InvalidRule(f"{name} must be a number from 0 to {high}")
    return float(value)
