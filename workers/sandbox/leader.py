"""One leader: when it looks, what it picks, how much, how long; it decides, a trader carries out."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from workers.sandbox.archetypes import README_SYMBOL, Hunting, Profile, Strategy
from workers.sandbox.listings import Listing
from workers.sandbox.market import Market
from workers.sandbox.tokens import LAMPORTS_PER_SOL, TokenKind

DAY_SECONDS = 86_400
SMALLEST_LAMPORTS = LAMPORTS_PER_SOL // 20
LARGEST_LAMPORTS = 3 * LAMPORTS_PER_SOL
WHALE_LAMPORTS = 25 * LAMPORTS_PER_SOL
SHIELD_FLOOR_USD = 12_000.0
LOOKS_AT = 5
NEWEST = 3
SMALL_POOL_LAMPORTS = 200 * LAMPORTS_PER_SOL
SIZE_SPREAD = 0.35
SURE_NOISE = 0.005
HALF_SALE_PROBABILITY = 0.15
BEFORE_RUG_SECONDS = 900


@dataclass(slots=True, kw_only=True)
class Position:
    """What a leader holds and when (market seconds) it means to sell; at first perhaps half."""

    mint: str
    exit_at: float
    hold_seconds: float
    sells_half_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A decision to buy."""

    listing: Listing
    lamports: int
    position: Position


class Leader:
    """A profile with its own draws and memory. Times are market seconds."""

    def __init__(self, profile: Profile, market: Market, *, seed: int) -> None:
        self.profile = profile
        self.random = Random(f"{profile.label}-{seed}")
        self.positions: list[Position] = []
        self._market = market
        self._kind = profile.archetype
        self._luck = profile.archetype.luck
        self._favourite = self.random.random()
        self.next_look = self._kind.starts_at * market.history_seconds
        self.schedule_look()

    @property
    def due(self) -> float:
        """When this leader next does something."""
        return min([self.next_look, *(position.exit_at for position in self.positions)])

    def schedule_look(self) -> None:
        """Draw the next look, from the last one on."""
        if self._kind.buys_per_day <= 0:
            self.next_look = math.inf
            return
        self.next_look += self.random.expovariate(self._kind.buys_per_day / DAY_SECONDS)

    def catch_up(self, clock: float) -> None:
        """After a pause the missed looks are not made up for; due exits stay due."""
        if self.next_look < clock:
            self.next_look = clock
            self.schedule_look()

    def pick(self) -> Pick | None:
        """What to buy now, if anything appeals."""
        now = self._market.clock
        if self._is_resting(now) or len(self.positions) >= self._kind.max_open:
            return None
        hold = self._draw_hold()
        held = {position.mint for position in self.positions}
        prey = [each for each in self._prey() if str(each.token.mint) not in held]
        listing = self._choose(prey, until=now + hold)
        if listing is None:
            return None
        lamports = self._size(listing)
        if lamports < SMALLEST_LAMPORTS:
            return None
        return Pick(listing=listing, lamports=lamports, position=self._position(listing, now, hold))

    def state(self) -> dict[str, Any]:
        """Plain JSON values for `restore`."""
        version, internal, gauss_next = self.random.getstate()
        return {
            "random": [version, list(internal), gauss_next],
            "next_look": self.next_look if math.isfinite(self.next_look) else None,
            "luck": self._luck,
            "positions": [asdict(position) for position in self.positions],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        version, internal, gauss_next = state["random"]
        self.random.setstate((version, tuple(internal), gauss_next))
        self.next_look = math.inf if state["next_look"] is None else state["next_look"]
        self._luck = state["luck"]
        self.positions = [Position(**position) for position in state["positions"]]

    def _is_resting(self, now: float) -> bool:
        ends_at = self._kind.ends_at
        return ends_at is not None and now >= ends_at * self._market.history_seconds

    def _draw_hold(self) -> float:
        typical = self._kind.hold_minutes * 60
        drawn = self.random.expovariate(1 / typical)
        return min(max(drawn, 0.5 * typical), 2.2 * typical)

    def _position(self, listing: Listing, now: float, hold: float) -> Position:
        exit_at = now + hold
        rug = listing.token.rug
        if self._kind.hunting is Hunting.RUG and rug is not None:
            exit_at = min(exit_at, rug * self._market.history_seconds - BEFORE_RUG_SECONDS)
        return Position(
            mint=str(listing.token.mint),
            exit_at=max(exit_at, now + 60),
            hold_seconds=hold,
            sells_half_first=self.random.random() < HALF_SALE_PROBABILITY,
        )

    def _is_left(self, listing: Listing) -> bool:
        """In live time nobody touches the README's token, so its example always finds it unheld."""
        is_live = self._market.clock >= self._market.history_seconds
        return is_live and listing.token.symbol == README_SYMBOL

    def _prey(self) -> Sequence[Listing]:
        tradeable = [
            each
            for each in self._market.listings.values()
            if each.token.is_tradeable and not each.token.is_quote and not self._is_left(each)
        ]
        match self._kind.hunting:
            case Hunting.ANY:
                return tradeable
            case Hunting.NEW:
                return sorted(tradeable, key=lambda each: each.created_at)[-NEWEST:]
            case Hunting.RUG:
                return [each for each in tradeable if self._is_ripe(each)]
            case Hunting.THIN:
                good = [each for each in tradeable if each.token.is_good]
                return [each for each in good if self._sol_side(each) < SMALL_POOL_LAMPORTS]
        return [each for each in tradeable if each.token.is_good and self._is_deep(each)]

    def _is_ripe(self, listing: Listing) -> bool:
        """A rug token whose rug is still more than an hour away."""
        rug = listing.token.rug
        if rug is None or listing.token.kind is not TokenKind.RUG:
            return False
        return self._market.clock < rug * self._market.history_seconds - 3_600

    def _is_deep(self, listing: Listing) -> bool:
        if self.profile.strategy is Strategy.SPEAR:
            return True
        usd = 2 * self._sol_side(listing) / LAMPORTS_PER_SOL * self._market.sol_usd()
        return usd >= SHIELD_FLOOR_USD

    def _sol_side(self, listing: Listing) -> int:
        return self._market.reserves(listing).lamports

    def _choose(self, prey: Sequence[Listing], *, until: float) -> Listing | None:
        if not prey:
            return None
        if self._kind.name == "wash_trader":
            return prey[int(self._favourite * len(prey))]
        noise = self._noise()
        if noise is None:
            return self.random.choice(prey)
        looks_at = len(prey) if self._luck > 0 else min(LOOKS_AT, len(prey))
        looked_at = self.random.sample(prey, looks_at)
        sign = -1.0 if self._kind.is_contrary else 1.0
        scored = [
            (
                sign * self._market.change_ahead(each, until=until) + self.random.gauss(0, noise),
                index,
            )
            for index, each in enumerate(looked_at)
        ]
        best, index = max(scored)
        if best <= self._kind.threshold:
            return None
        self._luck = max(0, self._luck - 1)
        return looked_at[index]

    def _noise(self) -> float | None:
        decays_at = self._kind.decays_at
        if decays_at is not None and self._market.clock >= decays_at * self._market.history_seconds:
            return None
        if self._luck > 0:
            return SURE_NOISE
        return self._kind.noise

    def _size(self, listing: Listing) -> int:
        drawn = self._kind.size_sol * math.exp(self.random.gauss(0, SIZE_SPREAD))
        cap = int(self._sol_side(listing) * self._kind.pool_share)
        most = WHALE_LAMPORTS if self._kind.name == "whale" else LARGEST_LAMPORTS
        lamports = min(int(drawn * LAMPORTS_PER_SOL), cap, most)
        # Most people type round amounts.
        unit = LAMPORTS_PER_SOL // 100 if self.random.random() < 0.6 else 1
        return lamports // unit * unit
