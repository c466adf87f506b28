"""Routes over the pools and what they pay, equal to the program's own arithmetic to the unit."""

from collections.abc import Callable
from dataclasses import dataclass

from solders.pubkey import Pubkey

from workers.sandbox.amm import BPS, constant_product_out
from workers.sandbox.listings import Listing
from workers.sandbox.market import Market
from workers.sandbox.tokens import WSOL

LARGEST_AMOUNT = 2**64 - 1
SMALLEST_RESERVE_LAMPORTS = 1_000_000


class NoRoute(Exception):
    """Nothing connects these mints for this amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One pool of a route. `amount_out` is what the user receives, after any transfer fee;
    `fee_amount` is the pool's cut in units of the input; `impact` a fraction, fee excluded."""

    listing: Listing
    buys_base: bool
    amount_in: int
    amount_out: int
    fee_amount: int
    impact: float

    @property
    def input_mint(self) -> Pubkey:
        return WSOL if self.buys_base else self.listing.token.mint

    @property
    def output_mint(self) -> Pubkey:
        return self.listing.token.mint if self.buys_base else WSOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One or two hops."""

    hops: tuple[Hop, ...]

    @property
    def amount_in(self) -> int:
        return self.hops[0].amount_in

    @property
    def amount_out(self) -> int:
        return self.hops[-1].amount_out

    @property
    def impact(self) -> float:
        """Fraction of the value lost to the pools' depth."""
        kept = 1.0
        for hop in self.hops:
            kept *= 1 - hop.impact
        return 1 - kept


Leg = tuple[Listing, bool]
"""A pool and whether its base token is bought there."""


def exact_in(market: Market, *, source: Pubkey, target: Pubkey, amount: int) -> Route:
    """What `amount` buys now. NoRoute when it buys nothing."""
    return _follow(market, legs(market, source=source, target=target), amount)


def exact_out(market: Market, *, source: Pubkey, target: Pubkey, amount: int) -> Route:
    """The smallest input that yields at least `amount` now. NoRoute when no input does."""
    path = legs(market, source=source, target=target)

    def is_enough(amount_in: int) -> bool:
        try:
            return _follow(market, path, amount_in).amount_out >= amount
        except NoRoute:
            return False

    return _follow(market, path, _smallest(is_enough))


def legs(market: Market, *, source: Pubkey, target: Pubkey) -> list[Leg]:
    """The pools between two mints: every pool trades against SOL, so at most two."""
    if source == target:
        raise NoRoute("input and output are the same")
    found: list[Leg] = []
    if source != WSOL:
        found.append((_tradeable(market, source), False))
    if target != WSOL:
        found.append((_tradeable(market, target), True))
    return found


def transfer_fee(listing: Listing, amount: int) -> int:
    """What Token-2022 withholds of a transfer: rounded up, as its `calculate_fee` does."""
    return -(-amount * listing.token.transfer_fee_bps // BPS)


def _tradeable(market: Market, mint: Pubkey) -> Listing:
    listing = market.listings.get(mint)
    if listing is None or not listing.token.is_tradeable:
        raise NoRoute(f"no pool trades {mint}")
    return listing


def _follow(market: Market, path: list[Leg], amount: int) -> Route:
    hops: list[Hop] = []
    for listing, buys_base in path:
        hop = _hop(market, listing, buys_base=buys_base, amount_in=amount)
        if hop.amount_out <= 0:
            raise NoRoute("the amount buys nothing")
        hops.append(hop)
        amount = hop.amount_out
    return Route(hops=tuple(hops))


def _hop(market: Market, listing: Listing, *, buys_base: bool, amount_in: int) -> Hop:
    reserves = market.reserves(listing)
    if reserves.lamports < SMALLEST_RESERVE_LAMPORTS:
        raise NoRoute("the pool is empty")
    into, out_of = reserves.lamports, reserves.base
    arriving = amount_in
    if not buys_base:
        into, out_of = out_of, into
        arriving -= transfer_fee(listing, amount_in)
    fee_bps = listing.pool.fee_bps
    paid = constant_product_out(
        reserve_in=into, reserve_out=out_of, amount_in=arriving, fee_bps=fee_bps
    )
    effective = arriving * (BPS - fee_bps) // BPS
    return Hop(
        listing=listing,
        buys_base=buys_base,
        amount_in=amount_in,
        amount_out=paid - transfer_fee(listing, paid) if buys_base else paid,
        fee_amount=arriving - effective,
        impact=effective / (into + effective),
    )


def _smallest(is_enough: Callable[[int], bool]) -> int:
    """Least input that is enough; the output never falls when the input grows."""
    high = 1
    while not is_enough(high):
        high *= 2
        if high > LARGEST_AMOUNT:
            raise NoRoute("no input yields that much")
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
