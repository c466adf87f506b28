"""Watches every open position: prices it once a second and asks for the exits that the rules call for."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from audit import services as audit
from trading.domain.exits import Exit, OpenPosition, evaluate
from trading.domain.lifecycle import PositionStatus
from trading.domain.liquidity import Depth
from trading.domain.values import WSOL_MINT
from trading.gateways.base import GatewayError
from trading.gateways.connect import Gateways
from trading.models import Position
from trading.services.breaker import SolPrice
from trading.services.control import request_exit_of
from trading.services.incidents import close_incidents
from trading.services.leaders import following
from trading.services.liquidity import mark_liquidity, sighting
from trading.services.policy import policy_for_exits
from trading.services.portfolio import (
    PRICE_CEILING_SOL,
    cash_flow,
    mark_price,
    open_positions,
    record_equity,
)
from trading.services.state import trading_state
from trading.writer import GroupWriter, StorageUnavailable
from workers.depths import Depths, Routable
from workers.quotes import SaleQuotes

log = logging.getLogger("exit_watcher")
STEP_SECONDS = 1.0
EQUITY_EVERY = timedelta(seconds=5)
PRICE_SILENCE = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A price, and the liquidity that it came with."""

    price_sol: Decimal
    routable: Routable


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
        self._quotes = SaleQuotes(gateways.jupiter)
        self.depths = Depths(gateways.market_data, clock=clock)
        self._sol_price_usd: Decimal | None = None
        self._equity_at: datetime | None = None
        self._outside_lamports: int | None = None
        self.priced_at: datetime | None = None

    @property
    def sol_price(self) -> SolPrice | None:
        """The newest price of SOL it has seen; None before the first."""
        if self._sol_price_usd is None or self.priced_at is None:
            return None
        return SolPrice(usd=self._sol_price_usd, at=self.priced_at)

    async def step(self) -> int:
        """Look at every open position once; how many exits were newly asked for."""
        positions = await self._writer.read(open_positions)
        seen = await self._prices(positions)
        self.depths.forget_all_but({position.mint for position in positions})
        # All at once: a position whose price has to be asked for must not delay the others' stops.
        asked = await asyncio.gather(
            *(self._look_safely(position, seen.get(position.mint)) for position in positions)
        )
        await self._record_equity()
        return sum(asked)

    async def _look_safely(self, position: Position, seen: _Seen | None) -> bool:
        try:
            return await self._look_at(position, seen)
        except StorageUnavailable as error:
            log.warning("%s: %s", position, error)
        except Exception:
            # One position that breaks our code must not keep the others from being sold.
            log.exception("%s cannot be judged", position)
        return False

    async def _prices(self, positions: list[Position]) -> dict[str, _Seen]:
        mints = sorted({position.mint for position in positions})
        try:
            usd = await self._gateways.jupiter.prices_usd([WSOL_MINT, *mints])
        except GatewayError as error:
            log.warning("prices: %s", error)
            return {}
        sol = usd.get(WSOL_MINT)
        if sol is None or sol.usd <= 0:
            return {}
        self._sol_price_usd, self.priced_at = sol.usd, self._clock()
        return {
            mint: _Seen(
                price_sol=usd[mint].usd / sol.usd,
                routable=Routable(usd=usd[mint].liquidity_usd, at=self.priced_at),
            )
            for mint in mints
            if mint in usd
        }

    async def _look_at(self, position: Position, seen: _Seen | None) -> bool:
        depth = self.depths.of(position, None if seen is None else seen.routable)
        price = seen.price_sol if seen and 0 < seen.price_sol < PRICE_CEILING_SOL else None
        is_quoted = price is None
        if price is None:
            price = await self._quotes.price_sol(position)
        now = self._clock()
        if price is None:
            return await self._without_price(position, depth, now)
        return await self._writer.run(
            lambda: _price_and_judge(position, price, depth, now, is_quoted=is_quoted),
            is_patient=True,
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
        outside, price = self._outside_lamports, self._sol_price_usd
        if outside is None:
            return
        await self._writer.run(
            lambda: record_equity(outside_lamports=outside, sol_price_usd=price, now=now),
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
    position: Position, price: Decimal, depth: Depth | None, now: datetime, *, is_quoted: bool
) -> bool:
    mark_price(position, price_sol=price, now=now, is_quoted=is_quoted)
    if is_quoted:
        _tell_silence(position, now)
    else:
        close_incidents(f"price:{position.pk}", now=now)
    return _judge(position, price, depth, now)


def _tell_silence(position: Position, now: datetime) -> None:
    """A price that nobody has told for long needs a person, whether or not sell quotes mark the position."""
    since = position.quoted_since or position.priced_at
    if now - since < PRICE_SILENCE:
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
