"""Who and what takes part: leaders and tokens as the sandbox names them, and the bodies of signals."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.keypair import Keypair


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """`mints` by symbol; leaders by strategy, all ACTIVE; `candidate` is on the roster, not ACTIVE."""

    mints: Mapping[str, str]
    shield: Sequence[str]
    spear: Sequence[str]
    candidate: str
    stranger: str

    def body(
        self, strategy: str, action: str, symbol: str, amount_sol: str, **extra: Any
    ) -> dict[str, Any]:
        """A signal's body; the leader is the strategy's first unless `wallet_address` says otherwise."""
        leader = (self.spear if strategy == "SPEAR" else self.shield)[0]
        return {
            "strategy": strategy,
            "action": action,
            "token": symbol,
            "token_address": self.mints.get(symbol),
            "amount_sol": amount_sol,
            "wallet_address": leader,
            **extra,
        }


def choose(
    tokens: Sequence[Mapping[str, Any]], leaders: Sequence[Mapping[str, Any]], chance: random.Random
) -> Cast:
    """The cast out of what the sandbox has on offer."""
    active = [each for each in leaders if each["roster_status"] == "ACTIVE"]
    able = [each for each in active if each["archetype"] != "example"]
    candidates = [each for each in leaders if each["roster_status"] == "CANDIDATE"]
    return Cast(
        mints={each["symbol"]: each["mint"] for each in tokens},
        shield=[each["address"] for each in able if each["strategy"] == "SHIELD"],
        spear=[each["address"] for each in able if each["strategy"] == "SPEAR"],
        candidate=chance.choice(candidates)["address"],
        stranger=str(Keypair.from_seed(chance.randbytes(32)).pubkey()),
    )
