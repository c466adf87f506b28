"""Money of a position: what landed transactions paid and returned. Slippage is inside, never subtracted again."""

from decimal import Decimal


def price_sol(*, lamports: int, token_raw: int, decimals: int) -> Decimal:
    """SOL per whole token of a fill; token_raw must be above 0."""
    return Decimal(lamports).scaleb(-9) / Decimal(token_raw).scaleb(-decimals)


def value_lamports(*, token_raw: int, decimals: int, price_sol: Decimal) -> int:
    """Lamports that raw tokens are worth at a price in SOL per whole token, rounded down."""
    return int((Decimal(token_raw).scaleb(-decimals) * price_sol).scaleb(9))


def apportioned_cost_lamports(*, cost_lamports: int, held_raw: int, bought_raw: int) -> int:
    """Cost of what is still held out of what was bought, rounded down."""
    return cost_lamports * held_raw // bought_raw if bought_raw else 0


def gain_bps(*, entry_price_sol: Decimal, price_sol: Decimal) -> int:
    """Gain (+) or loss (-) of a price against the entry, in basis points, rounded toward minus infinity."""
    if entry_price_sol <= 0:
        raise ValueError("an entry price is above 0")
    return int(((price_sol / entry_price_sol - 1) * 10_000).to_integral_value("ROUND_FLOOR"))
