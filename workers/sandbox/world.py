"""The living world on one chain: market, leaders, venues; it wires them and keeps their time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from solders.pubkey import Pubkey

from workers.sandbox.chain import Chain
from workers.sandbox.dexscreener import DexScreener
from workers.sandbox.history import DAY_SECONDS, History
from workers.sandbox.jupiter import Jupiter
from workers.sandbox.leaders import Leaders
from workers.sandbox.market import Market
from workers.sandbox.tokens import LAMPORTS_PER_SOL
from workers.sandbox.trades import LeaderTrade, Side

LONGEST_LEAP_SECONDS = DAY_SECONDS
LARGEST_BUY_SOL = 100.0
TEMPO_RANGE = (0.0, 10_000.0)
NOTE = "market"


@dataclass(slots=True, kw_only=True)
class World:
    """Entry point for whoever serves the sandbox (one event loop, nothing here awaits).

    Order of use: `World.open(...)`; `generate(report)`, which does nothing when the stored file
    already holds the whole history; `resume(now)`; then `tick(now)` about once a slot. `checkpoint()`
    stores it with the chain. `now` is any clock in seconds that runs like the chain's; the
    market runs `tempo` times faster.

    The control verbs raise KeyError for an unknown mint or leader and ValueError with a readable
    text for what cannot be done. They leave the slot settled (instant mode).
    """

    chain: Chain
    market: Market
    cast: Leaders
    history: History
    jupiter: Jupiter
    dexscreener: DexScreener
    tempo: float = 30.0
    is_running: bool = True
    has_leaders: bool = True
    _now: float | None = field(default=None, init=False)

    @classmethod
    def open(
        cls,
        chain: Chain,
        *,
        seed: int = 1,
        history_days: float = 10.0,
        tempo: float = 30.0,
        has_leaders: bool = True,
        extra_tokens: int = 0,
    ) -> "World":
        """Tokens, pools and purses at genesis of a new chain, else what the chain's notes hold;
        a stored world keeps the history length it was begun with."""
        market = Market(
            chain,
            seed=seed,
            history_seconds=history_days * DAY_SECONDS,
            extra_tokens=extra_tokens,
        )
        cast = Leaders(chain, market, seed=seed)
        world = cls(
            chain=chain,
            market=market,
            cast=cast,
            history=History(
                chain=chain,
                market=market,
                leaders=cast if has_leaders else None,
            ),
            jupiter=Jupiter(chain, market),
            dexscreener=DexScreener(chain, market),
            tempo=tempo,
            has_leaders=has_leaders,
        )
        world._found_or_restore()
        return world

    @property
    def progress(self) -> float:
        """How much of the history exists, 0 to 1."""
        return self.history.progress

    @property
    def is_ready(self) -> bool:
        """Whether the history is complete and live time may begin."""
        return self.progress >= 1.0

    def generate(self, report: Callable[[float], None] | None = None) -> None:
        """Generate the missing history; blocks for its duration. `report` hears 0..1."""
        if not self.is_ready:
            self.history.generate(save=self.checkpoint, report=report)
            self.checkpoint()
        self.chain.settle()

    def resume(self, now: float) -> None:
        """Begin live time. A pause since the last `tick` is leapt over, not generated: prices go
        on by at most a day, exits that fell due are made at once, missed buys are not."""
        gap = now - self.chain.unix_time
        if gap > 1.0:
            self.chain.advance(seconds=gap)
            self.market.step(self.market.clock + min(gap, LONGEST_LEAP_SECONDS))
            self.cast.catch_up()
        self._now = now

    def tick(self, now: float) -> None:
        """Let the market catch up with `now`. Cheap when nothing is due."""
        elapsed = 0.0 if self._now is None else max(0.0, now - self._now)
        self._now = now
        if not self.is_running or not self.is_ready:
            return
        leap = min(elapsed * self.tempo, LONGEST_LEAP_SECONDS)
        before = self.chain.transaction_count
        self.market.drift(leap)
        if self.has_leaders:
            self.cast.act()
        self.market.spring_traps()
        if self.chain.transaction_count != before:
            self.chain.settle()

    def save(self) -> None:
        """Put everything among the chain's notes; the caller stores the chain."""
        self.market.save()
        self.cast.save()

    def checkpoint(self) -> None:
        """`save` and store the chain."""
        self.save()
        self.chain.save()

    def on_trade(self, listener: Callable[[LeaderTrade], None]) -> None:
        """Have every successful swap of a leader told from now on (during a tick or a verb)."""
        self.cast.listeners.append(listener)

    def tokens(self) -> list[dict[str, Any]]:
        """`/sandbox/tokens`: what can be traded now, in order of genesis and launch."""
        return [
            {
                "symbol": each.token.symbol,
                "name": each.token.name,
                "mint": str(each.token.mint),
                "decimals": each.token.decimals,
                "kind": each.token.kind.value,
                "token_program": str(each.token.program),
                "pool": str(each.pool.address),
                "created_at": int(each.created_at),
            }
            for each in self.market.listings.values()
        ]

    def leaders(self) -> list[dict[str, Any]]:
        """`/sandbox/leaders`: the cast, the README's example wallet included."""
        return [
            {
                "address": address,
                "name": profile.name,
                "archetype": profile.archetype.name,
                "strategy": profile.strategy.value,
                "roster_status": profile.roster_status.value,
            }
            for address, profile in self.cast.profiles.items()
        ]

    def trade(
        self,
        address: str,
        *,
        side: Side,
        mint: str,
        sol: float | None = None,
        fraction: float | None = None,
    ) -> dict[str, Any]:
        """`/sandbox/leaders/{address}/trade`: a real swap now. `err` tells a failure on chain."""
        key = _mint(mint)
        if side is Side.BUY:
            lamports = int(_within(sol, low=0.000001, high=LARGEST_BUY_SOL, name="sol") * 10**9)
            outcome = self.cast.buy(address, mint=key, lamports=lamports)
        else:
            part = _within(
                1.0 if fraction is None else fraction, low=0.0, high=1.0, name="fraction"
            )
            outcome = self.cast.sell(address, mint=key, fraction=part)
            if part >= 1 and outcome.err is None:
                self.cast.forget(address, mint=key)
        self.market.spring_traps()
        self.chain.settle()
        return {"signature": outcome.signature, "err": outcome.err}

    def set_price(self, mint: str, *, factor: float) -> dict[str, Any]:
        """`/sandbox/market/{mint}/price`: the pool is really traded to price x factor."""
        listing = self.market.set_price(_mint(mint), factor=factor)
        self.chain.settle()
        return {"mint": mint, "price_sol": self.market.price_sol(listing)}

    def withdraw(self, mint: str, *, fraction: float, is_balanced: bool = False) -> dict[str, Any]:
        """`/sandbox/market/{mint}/withdraw`: the admin really takes the pool's SOL, or both sides."""
        listing = self.market.withdraw(_mint(mint), fraction=fraction, is_balanced=is_balanced)
        self.chain.settle()
        lamports = self.market.reserves(listing).lamports
        return {"mint": mint, "pool_sol": lamports / LAMPORTS_PER_SOL}

    def claw_back(self, mint: str, *, holder: str, fraction: float) -> dict[str, Any]:
        """`/sandbox/market/{mint}/claw-back`: the permanent delegate really takes tokens from a wallet."""
        amount = self.market.claw_back(
            _mint(mint), holder=Pubkey.from_string(holder), fraction=fraction
        )
        self.chain.settle()
        return {"mint": mint, "amount_raw": str(amount)}

    def configure(
        self, *, running: bool | None = None, tempo: float | None = None
    ) -> dict[str, Any]:
        """`/sandbox/market`: stop or start market and leaders, set how fast they live."""
        if tempo is not None:
            low, high = TEMPO_RANGE
            self.tempo = _within(tempo, low=low, high=high, name="tempo")
        if running is not None:
            self.is_running = running
        return {"running": self.is_running, "tempo": self.tempo, "clock": self.market.clock}

    def _found_or_restore(self) -> None:
        if NOTE in self.chain.notes:
            self.market.restore()
            self.cast.restore()
            return
        self.market.found()
        self.cast.found()
        self.chain.settle()
        self.save()


def _mint(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise KeyError(text) from error


def _within(value: float | None, *, low: float, high: float, name: str) -> float:
    if value is None or not low <= value <= high:
        raise ValueError(f"{name} must lie between {low} and {high}")
    return value
