"""A wallet, a pool and what passes between them, for the tests of the swap parser."""

from dataclasses import replace
from typing import Any

from tests.ledger import Ledger, address, vault
from trading.domain.swaps import ParsedTransaction, parse_swap
from trading.gateways.jito import TIP_ACCOUNTS

WALLET, POOL, FRIEND = address("wallet"), vault("pool"), address("friend")
TOKEN, OTHER, SHARE = address("token"), address("other"), address("share")
NEW_VENUE, ROUTER, CURVE = address("new venue"), address("new router"), vault("curve")
TITAN = "T1TANpTeScyeqVzzgNViGDNrkQ6qHz9KrSBS4aNXvGT"
SOL = 10**9


def account(owner: str, mint: str) -> str:
    return vault(f"{owner[:12]}{mint[:12]}")


def with_pool(*mints: str, amount: int = 10**12) -> Ledger:
    """A wallet and a pool, each with an account of every mint."""
    ledger = Ledger(WALLET)
    for mint in mints:
        ledger.holds(account(WALLET, mint), mint, WALLET, amount)
        ledger.holds(account(POOL, mint), mint, POOL, amount)
    return ledger


def exchange(ledger: Ledger, given: str, got: str, *, pay: int = SOL, get: int = 777) -> None:
    """What every pool does: takes the one and pays the other."""
    ledger.transfer(account(WALLET, given), account(POOL, given), pay, by=WALLET)
    ledger.transfer(account(POOL, got), account(WALLET, got), get, by=POOL)


def swapped(
    given: str, got: str, *, at: str = NEW_VENUE, held: int = 10**12, pay: int = SOL, get: int = 777
) -> Ledger:
    """A wallet with an account of both mints after one exchange at a venue."""
    ledger = with_pool(given, got, amount=held)
    with ledger.call(at):
        exchange(ledger, given, got, pay=pay, get=get)
    return ledger


def with_curve(*, held: int = 0) -> Ledger:
    """A wallet, and a curve that pays in lamports and holds tokens."""
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET, held)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    return ledger


def without_owners(ledger: Ledger) -> dict[str, Any]:
    """What a node tells that is too old to name the owners of accounts."""
    told = ledger.as_json()
    for row in told["meta"]["preTokenBalances"] + told["meta"]["postTokenBalances"]:
        del row["owner"]
    return told


def parse(told: dict[str, Any], wallet: str | None = None) -> ParsedTransaction:
    return parse_swap(told, wallet=wallet, tip_accounts=TIP_ACCOUNTS)


def read(ledger: Ledger, wallet: str | None = None) -> ParsedTransaction:
    """All three forms tell the same story."""
    parsed = parse(ledger.as_json(), wallet)
    assert parse(ledger.as_parsed(), wallet) == parsed
    assert replace(parse(ledger.as_enhanced(), wallet), signature="played") == parsed
    return parsed
