"""The living world on one chain: tokens, market, leaders, venues; it wires them and keeps their time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workers.sandbox.chain import Chain
from workers.sandbox.dexscreener import DexScreener
from workers.sandbox.history import History
from workers.sandbox.jupiter import Jupiter
from workers.sandbox.leaders import Leaders
from workers.sandbox.market import Market
from workers.sandbox.trades import LeaderTrade, Side


@dataclass(slots=True, kw_only=True)
class World:
    """Entry point for whoever serves the sandbox (one event loop, nothing here awaits).

    Order of use: `World.open(...)`, `generate(progress)` until it returns (no-op when the saved
    file already holds the history), `resume(now)`, then `tick(now)` about once a slot and
    `save()` now and then and at the end. `now` is any clock in seconds that runs like the
    chain's; the market runs `tempo` times faster than it.

    REST bodies for the control routes: `tokens()`, `leaders()`, `trade(...)`, `set_price(...)`,
    `withdraw(...)`, `configure(...)`. They raise KeyError for an unknown mint or leader and
    ValueError with a readable text for anything that cannot be done (answer 409 / 422).
    """

    chain: Chain
    market: Market
    leaders_at_work: Leaders
    history: History
    jupiter: Jupiter
    dexscreener: DexScreener

    @classmethod
    def open(
        cls,
        chain: Chain,
        *,
        seed: int,
        history_days: float,
        tempo: float = 30.0,
        has_leaders: bool = True,
    ) -> "World":
        """Tokens, pools and wallets at genesis, or what was saved in the chain's file."""
        ...

    def generate(self, progress: Callable[[float], None] | None = None) -> None: ...

    @property
    def progress(self) -> float: ...

    @property
    def is_ready(self) -> bool: ...

    def resume(self, now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def save(self) -> None: ...

    def on_trade(self, listener: Callable[[LeaderTrade], None]) -> None: ...

    def tokens(self) -> list[dict[str, Any]]: ...

    def leaders(self) -> list[dict[str, Any]]: ...

    def trade(
        self, address: str, *, side: Side, mint: str, sol: float | None, fraction: float | None
    ) -> dict[str, Any]: ...

    def set_price(self, mint: str, *, factor: float) -> dict[str, Any]: ...

    def withdraw(self, mint: str, *, fraction: float) -> dict[str, Any]: ...

    def configure(self, *, running: bool | None, tempo: float | None) -> dict[str, Any]: ...
