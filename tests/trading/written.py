"""What the writer's tests write, and what of it another process reads; no tests here."""

from tests.databases import Database
from trading.models import Token


def store(mint: str) -> str:
    """Insert a token of that name, which must be new."""
    Token.objects.create(mint=mint, symbol=mint)
    return mint


def stored(database: Database) -> set[str]:
    """What another process reads at this moment."""
    return {row[0] for row in database.rows("SELECT mint FROM trading_token")}
