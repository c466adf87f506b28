"""Watches every open position: prices it once a second and asks for the exits that the rules call for."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from audit import services as audit
from trading.domain.exits import Exit, OpenPosition, evaluate
from trading.domain.lifecycle import PositionStatus
from trading.domain.liquidity import Depth
from trading.domain.market_readings import Known, Reading, Source
from trading.gateways.connect import Gateways
from trading.gateways.prices import Price, PriceSources
from trading.models import Position
from trading.services.breaker import SolPrice
from trading.services.claims import try_exits_now
from trading.services.control import request_exit_of
from trading.services.incidents import close_incidents
from trading.services.leaders import following
from trading.services.liquidity import mark_liquidity, sighting
from trading.services.policy import policy_for_exits
from trading.services.portfolio import (
    cash_flow,
    is_as_read,
    mark_price,
    open_positions,
    record_equity,
)
from trading.services.state import trading_state
from trading.writer import GroupWriter, StorageUnavailable
from workers.depths import Depths
from workers.price_finder import PriceFinder, routable_of
from workers.runtime import Beside
from workers.ticks import Ticks

log = logging.getLogger("exit_watcher")
STEP_SECONDS = 1.0
EQUITY_EVERY = timedelta(seconds=5)
EQUITY_PATIENCE_SECONDS = 0.7
PRICE_SILENCE = timedelta(seconds=90)
PRICE_GAP = timedelta(seconds=5)
"""Without a price for so long, a position could hardly be sold either."""


class ExitWatcher:
    """Prices, exits and the equity curve. All it knows is in the rows, so a restart loses nothing."""

    def __init__(
        self,
        *,
        gateways: Gateways,
        writer: GroupWriter,
        wallet: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._gateways, self._writer = gateways, writer
        self._wallet, self._clock = wallet, clock
        self._finder = PriceFinder(gateways, clock=clock)
        self.depths = Depths(self._finder.pairs, clock=clock)
        self._ticks = Ticks(writer=writer, clock=clock)
        self._equity_at: datetime | None = None
        self._recording = Beside(patience_seconds=EQUITY_PATIENCE_SECONDS)
        self._outside_lamports: int | None = None

    @property
    def sources(self) -> PriceSources:
        """Where it asks for prices, for others of the same process."""
        return self._finder.sources

    @property
    def sol_price(self) -> SolPrice | None:
        """The newest price of SOL it has seen; None before the first."""
        known = self._finder.sol_usd
        return None if known is None else SolPrice(usd=known.value, at=known.at)

    @property
    def priced_at(self) -> datetime | None:
        """When it saw that."""
        known = self._finder.sol_usd
        return None if known is None else known.at

    async def step(self) -> int:
        """Look at every open position once; how many exits were newly asked for."""
        positions = await self._writer.read(open_positions)
        mints = {position.mint for position in positions}
        seen = await self._finder.look(mints)
        self._ticks.forget_all_but(mints)
        # All at once: a position whose price has to be asked for must not delay the others' stops.
        asked = await asyncio.gather(
            *(self._look_safely(position, seen[position.mint]) for position in positions)
        )
        await self._ticks.write_if_due()
        # A balance that is long in coming must not keep the next look, and its stops, waiting.
        await self._recording.run(self._record_equity)
        return sum(asked)

    async def _look_safely(self, position: Position, seen: Reading[Price]) -> bool:
        try:
            return await self._look_at(position, seen)
        except StorageUnavailable as error:
            log.warning("%s: %s", position, error)
        except Exception:
            # One position that breaks our code must not keep the others from being sold.
            log.exception("%s cannot be judged", position)
        return False

    async def _look_at(self, position: Position, seen: Reading[Price]) -> bool:
        depth = self.depths.of(position, routable_of(seen))
        price = await self._finder.price(position, seen)
        now = self._clock()
        if price is None:
            return await self._without_price(position, depth, now)
        self._ticks.see(mint=position.mint, price_sol=price.value, source=price.source)
        return await self._writer.run(
            lambda: _price_and_judge(position, price, depth, now), is_patient=True
        )

    async def _without_price(self, position: Position, depth: Depth | None, now: datetime) -> bool:
        """Time goes on without a price."""

        def judge() -> bool:
            _tell_silence(position, now)
            return _judge(position, position.last_price_sol, depth, now)

        return await self._writer.run(judge, is_patient=True)

    async def _record_equity(self) -> None:
        now = self._clock()
        if self._equity_at is not None and now - self._equity_at < EQUITY_EVERY:
            return
        await self._learn_outside_lamports()
        outside, sol = self._outside_lamports, self.sol_price
        if outside is None:
            return
        usd = None if sol is None else sol.usd
        await self._writer.run(
            lambda: record_equity(outside_lamports=outside, sol_price_usd=usd, now=now),
            is_patient=True,
        )
        self._equity_at = now

    async def _learn_outside_lamports(self) -> None:
        """Compare balance and books while nothing is on its way: the rest came from outside."""
        before = await self._writer.read(cash_flow)
        balance = await self._gateways.rpc.balance(self._wallet)
        after = await self._writer.read(cash_flow)
        if before == after and after.in_flight == 0:
            self._outside_lamports = balance - after.booked_lamports


def _price_and_judge(
    position: Position, price: Known[Decimal], depth: Depth | None, now: datetime
) -> bool:
    is_quoted = price.source == Source.QUOTE
    was_without_price = now - position.priced_at > PRICE_GAP
    was_quoted = position.quoted_since is not None
    if was_without_price:
        # What could not be sold meanwhile need not wait any longer: there is a market again.
        try_exits_now(leader_address=position.leader_address, mint=position.mint, now=now)
    mark_price(position, price_sol=price.value, now=now, is_quoted=is_quoted)
    if is_quoted:
        _tell_silence(position, now)
    elif was_without_price or was_quoted:
        # Only then can its silence have been told of.
        close_incidents(f"price:{position.pk}", now=now)
    return _judge(position, price.value, depth, now)


def _tell_silence(position: Position, now: datetime) -> None:
    """A price that nobody has told for long needs a person, whether or not sell quotes mark the position."""
    since = position.quoted_since or position.priced_at
    # Of what was sold since this look began nobody would ever end the incident.
    if now - since < PRICE_SILENCE or not is_as_read(position):
        return
    is_marked = position.priced_at > since
    mark = "marked from sell quotes" if is_marked else "no sell quote either: the last price stays"
    audit.open_incident(
        key=f"price:{position.pk}",
        title=f"No price for {position.symbol}",
        detail=f"unknown since {since:%H:%M:%S}; {mark}",
        now=now,
    )


def _judge(position: Position, price: Decimal, depth: Depth | None, now: datetime) -> bool:
    policy = policy_for_exits()
    if depth is not None:
        drop_bps = policy.for_strategy(position.strategy).liquidity_drop_bps
        mark_liquidity(position, depth, drop_bps=drop_bps)
    if position.status != PositionStatus.ACTIVE:
        return False
    due = evaluate(
        OpenPosition(
            strategy=position.strategy,
            entry_price_sol=position.entry_price_sol,
            peak_price_sol=position.peak_price_sol,
            tiers_taken=position.tiers_taken,
            opened_at=position.opened_at,
            has_liquidity_dropped=sighting(position).has_dropped,
        ),
        price_sol=price,
        policy=policy,
        now=now,
        closing=trading_state().closing,
        takes_own_profit=following(position.leader_address).takes_own_profit(
            policy, strategy=position.strategy
        ),
    )
    return due is not None and _ask_for(position, due, now)


def _ask_for(position: Position, due: Exit, now: datetime) -> bool:
    receipt = request_exit_of(
        position,
        reason=due.reason,
        fraction=due.fraction,
        source="exit_watcher",
        now=now,
        tiers_taken=due.tiers_taken,
    )
    if receipt.is_new:
        log.info("%s: %s, selling %s of it", position.symbol, due.reason, due.fraction)
    return receipt.is_new
