"""The platform that is measured: real processes, the sandbox as the outside, rules that let much be traded."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from django.utils import timezone

from audit import services as audit
from trading.domain.policy import Policy, as_json
from trading.domain.values import LAMPORTS_PER_SOL
from trading.models import Provider

TOKENS = 120
AMOUNT_SOL = "0.1"
CAPITAL_LAMPORTS = 20_000 * LAMPORTS_PER_SOL
BURST_CAPACITY = 100_000
SANDBOX_OPTIONS = (
    *("--slot-ms", "200", "--history-days", "0", "--tempo", "0", "--leaders", "off"),
    *("--extra-tokens", str(TOKENS)),
)


def open_up(*, queue_capacity: int) -> None:
    """Limits that bound risk, not speed, are lifted: the same code runs, and lets everything through."""
    usual = Policy()
    policy = replace(
        usual,
        shield=replace(usual.shield, allocation_bps=10_000),
        spear=replace(usual.spear, allocation_bps=0),
        maximum_positions=100_000,
        maximum_heat_bps=10_000,
        reentry_cooldown_seconds=0,
        queue_capacity=queue_capacity,
        breaker=replace(usual.breaker, daily_loss_limit_usd=10_000_000),
    ).validate()
    audit.propose_revision(as_json(policy), actor="bench", reason="measuring", now=timezone.now())
    Provider.objects.update(requests_per_second=100_000, burst=100_000)


class Script:
    """Bodies without end: every token bought, then every token sold again, round after round."""

    def __init__(self, *, mints: list[str], leader: str) -> None:
        self._mints, self._leader = mints, leader
        self._numbers = count()

    def bodies(self, number: int) -> list[bytes]:
        """The next so many."""
        return [self._body(next(self._numbers)) for _ in range(number)]

    def round(self) -> list[bytes]:
        """One whole round of buys and sells."""
        return self.bodies(2 * len(self._mints))

    def _body(self, number: int) -> bytes:
        turn, place = divmod(number, len(self._mints))
        body: dict[str, Any] = {
            "strategy": "SHIELD",
            "action": "SELL" if turn % 2 else "BUY",
            "token": f"EXTRA{place}",
            "token_address": self._mints[place],
            "amount_sol": AMOUNT_SOL,
            "wallet_address": self._leader,
            "trade_uuid": f"bench-{number}",
        }
        return json.dumps(body).encode()


def extra_mints(tokens: list[dict[str, Any]]) -> list[str]:
    """The mints of the tokens that are here for the load alone."""
    return list(_extra(tokens))


def _extra(tokens: list[dict[str, Any]]) -> Iterator[str]:
    for token in tokens:
        if token["symbol"].startswith("EXTRA"):
            yield token["mint"]
