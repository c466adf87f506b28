"""Words and units every room shares: strategies, actions, mints, lamports. No behaviour beyond exact conversion."""

from decimal import Decimal
from enum import StrEnum

LAMPORTS_PER_SOL = 1_000_000_000
WSOL_MINT = "So11111111111111111111111111111111111111112"
USDC_MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT_MINT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
QUOTE_MINTS = frozenset({WSOL_MINT, USDC_MINT, USDT_MINT})
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022_PROGRAM = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


class Strategy(StrEnum):
    """Which end of the barbell a signal belongs to; EXIT closes what either opened."""

    SHIELD = "SHIELD"
    SPEAR = "SPEAR"
    EXIT = "EXIT"


class Action(StrEnum):
    """Side of a swap seen from the token: BUY spends SOL, SELL returns it."""

    BUY = "BUY"
    SELL = "SELL"


class Route(StrEnum):
    """Global routing mode: bundles to the block engine, or plain transactions to the RPC nodes."""

    JITO = "JITO"
    STANDARD = "STANDARD"


def sol_to_lamports(sol: Decimal) -> int:
    """Exact lamports of an amount in SOL; ValueError when it has a fraction of a lamport."""
    lamports = sol * LAMPORTS_PER_SOL
    if lamports != lamports.to_integral_value():
        raise ValueError(f"{sol} SOL is not a whole number of lamports")
    return int(lamports)


def lamports_to_sol(lamports: int) -> Decimal:
    """SOL of an amount in lamports, exact (nine decimals)."""
    return Decimal(lamports).scaleb(-9)
