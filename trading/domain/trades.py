"""Whether what a wallet gave and got in one transaction was a trade. No venue needs to be known for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from solders.pubkey import Pubkey

from trading.domain import programs as known
from trading.domain.movements import Movements, Side
from trading.domain.transactions import Transaction
from trading.domain.values import WSOL_MINT

# Beside two token legs, SOL below this is rent and dust that no instruction explains, never a third leg.
SOL_DUST_LAMPORTS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """Mints given and got."""

    given: str
    got: str


def find_trade(transaction: Transaction, movements: Movements) -> Trade | None:
    """The trade of the wallet, or None when it gave nothing, got nothing, or did not exchange one for the other."""
    if _is_of_others(movements):
        return None
    legs = _traded_legs(movements)
    gains = [mint for mint, change in legs.items() if change > 0]
    losses = [mint for mint, change in legs.items() if change < 0]
    pairs = [Trade(given=given, got=got) for given in losses for got in gains]
    found = [each for each in pairs if _is_trade(transaction, movements, each)]
    return max(found, key=lambda each: _weight(each, movements), default=None)


def _is_trade(transaction: Transaction, movements: Movements, trade: Trade) -> bool:
    if movements.is_single_unit(trade.given) or movements.is_single_unit(trade.got):
        return False
    if not transaction.has_steps:
        return transaction.hint in ("", "SWAP", "UNKNOWN")
    return _is_exchange(movements, trade)


def _traded_legs(movements: Movements) -> dict[str, int]:
    cycled = movements.cycled
    legs = {mint: change for mint, change in movements.legs.items() if mint not in cycled}
    tokens = [change for mint, change in legs.items() if mint != WSOL_MINT]
    is_between_tokens = any(each > 0 for each in tokens) and any(each < 0 for each in tokens)
    if is_between_tokens and abs(legs.get(WSOL_MINT, 0)) < SOL_DUST_LAMPORTS:
        legs.pop(WSOL_MINT, None)
    return legs


def _weight(trade: Trade, movements: Movements) -> tuple[object, ...]:
    """Which trade counts where several would do: of what moved one way only, of tokens before SOL, of the most."""
    return (
        *_leg_weight(trade.given, movements, movements.into),
        *_leg_weight(trade.got, movements, movements.out_of),
    )


def _leg_weight(
    mint: str, movements: Movements, other_way: Mapping[str, int]
) -> tuple[bool, bool, int, str]:
    decimals = movements.decimals.get(mint, 9)
    amount = abs(movements.legs[mint]) * 10 ** (255 - decimals)
    return not other_way.get(mint), mint != WSOL_MINT, amount, mint


def _is_of_others(movements: Movements) -> bool:
    """Orders that keepers fill for others, loans, and stakes that pay as they are touched."""
    orders = known.LIMIT_ORDER_ROUTERS | known.SCHEDULED_ORDER_ROUTERS
    if not movements.routers.isdisjoint(orders):
        return True
    if movements.has_venue or movements.routers:
        return False
    return not movements.programs.isdisjoint(known.LENDING.keys() | known.FARMS)


def _is_exchange(movements: Movements, trade: Trade) -> bool:
    """One instruction took the one and brought the other.

    Shares of a pool, a vault or a stake are minted and burned and so are neither taken nor brought; only as a
    hop of a router, one for one, they are assets like any other. Liquidity is added and removed one way at a time.
    """
    if _is_left_over(movements, trade.got):
        return False
    if trade.got == WSOL_MINT and movements.legs[WSOL_MINT] <= movements.vanished_lamports:
        return False
    if trade.given == WSOL_MINT and _is_paid_to_a_person(movements):
        return False
    if any(_has_both(side, movements, trade) for side in movements.sides):
        return True
    # An order book takes with one instruction and settles with the next.
    is_booked = not movements.programs.isdisjoint(known.ORDER_BOOKS)
    return is_booked and not movements.minted and not movements.burned


def _has_both(side: Side, movements: Movements, trade: Trade) -> bool:
    is_given = trade.given in side.out or (
        trade.given in side.routed_out and len(side.into | side.routed_into) == 1
    )
    is_got = trade.got in side.into or (
        trade.got in side.routed_into and len(side.out | side.routed_out) == 1
    )
    return is_given and (is_got or _is_paid_unseen(movements, trade))


def _is_left_over(movements: Movements, got: str) -> bool:
    """What is left of a token that was bought to be put into a pool."""
    is_two_way = bool(movements.out_of.get(got)) and got != WSOL_MINT
    return is_two_way and not movements.routers and any(movements.minted.values())


def _is_paid_unseen(movements: Movements, trade: Trade) -> bool:
    """A program may move lamports of its own accounts without an instruction: how bonding curves pay."""
    return trade.got == WSOL_MINT and 2 * movements.seen_lamports < movements.legs[WSOL_MINT]


def _is_paid_to_a_person(movements: Movements) -> bool:
    """Venues keep money in accounts of their own, which lie off the curve; a fee goes to somebody's wallet."""
    is_known = movements.has_venue or movements.out_of.get(WSOL_MINT)
    if is_known or not movements.payees:
        return False
    most = max(movements.payees, key=lambda payee: (movements.payees[payee], payee))
    return Pubkey.from_string(most).is_on_curve()
