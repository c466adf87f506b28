"""One listed token: its pool, its path, its reserves as they are; nothing is traded here."""

import math
from dataclasses import dataclass
from typing import Any

from workers.sandbox.amm import Pool
from workers.sandbox.chain import Chain
from workers.sandbox.holdings import amount_of
from workers.sandbox.paths import Path
from workers.sandbox.tokens import LAMPORTS_PER_SOL, Token, TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserves:
    """What a pool's vaults hold now, in raw units and lamports."""

    base: int
    lamports: int

    @property
    def price(self) -> float:
        """Lamports per raw unit; 0 for an emptied pool."""
        return self.lamports / self.base if self.base else 0.0


@dataclass(slots=True, kw_only=True)
class Listing:
    """A token that can be traded. Stables share one path: that of the dollar in SOL.

    `launched_at` is in market seconds, `created_at` the unix time the pair claims to exist since.
    """

    token: Token
    pool: Pool
    path: Path
    launched_at: float
    created_at: float
    has_rugged: bool = False

    def reserves(self, chain: Chain) -> Reserves:
        """Live balances of the two vaults."""
        base, quote = chain.account(self.pool.base_vault), chain.account(self.pool.quote_vault)
        return Reserves(
            base=amount_of(base.data) if base else 0, lamports=amount_of(quote.data) if quote else 0
        )

    def price_sol(self, reserves: Reserves) -> float:
        """SOL per whole token at these reserves."""
        return reserves.price * (float(10**self.token.decimals) / LAMPORTS_PER_SOL)

    def log_at(self, clock: float) -> float:
        """Where the path stands at a market second, as a log against the launch price."""
        return self.path.log_at(clock - self.launched_at)

    def target(self, clock: float) -> float:
        """The price the pool should have, in lamports per raw unit."""
        return self.launch_price * math.exp(self.log_at(clock))

    @property
    def launch_price(self) -> float:
        """In lamports per raw unit."""
        return self.token.price_sol * LAMPORTS_PER_SOL / float(10**self.token.decimals)

    @property
    def stamp(self) -> tuple[object, ...]:
        """Differs when `state` does."""
        return self.has_rugged, self.path.stamp

    def state(self) -> dict[str, Any]:
        """Plain JSON values for `restore`; the shared path is kept by its owner."""
        is_shared = self.token.kind is TokenKind.STABLE
        return {
            "launched_at": self.launched_at,
            "created_at": self.created_at,
            "has_rugged": self.has_rugged,
            "path": None if is_shared else self.path.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.launched_at = state["launched_at"]
        self.created_at = state["created_at"]
        self.has_rugged = state["has_rugged"]
        if state["path"] is not None:
            self.path.restore(state["path"])
