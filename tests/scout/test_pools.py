"""The depth of a pool is read from the swap itself, and unknown where the swap does not show it."""

from typing import Any

from scout.pools import Pool, pool_after
from trading.domain.values import WSOL_MINT

WALLET, POOL, OTHER, MINT = "wallet", "pool", "other", "mint"


def balances(*rows: tuple[int, str, str, int, int]) -> dict[str, Any]:
    """(account, owner, mint, before, after) as a transaction's balances."""

    def side(place: int) -> list[dict[str, Any]]:
        return [
            {
                "accountIndex": row[0],
                "owner": row[1],
                "mint": row[2],
                "uiTokenAmount": {"amount": str(row[place]), "decimals": 6},
            }
            for row in rows
        ]

    return {"meta": {"preTokenBalances": side(3), "postTokenBalances": side(4)}}


OWN = (1, WALLET, MINT, 0, 50)


def pool_lamports(transaction: dict[str, Any]) -> int | None:
    found = pool_after(transaction, wallet=WALLET, mint=MINT)
    return None if found is None else found.lamports


SOL, TOKENS = (2, POOL, WSOL_MINT, 1_000, 1_100), (3, POOL, MINT, 500, 450)


def test_the_pool_is_whoever_gave_the_tokens_and_took_the_sol() -> None:
    found = pool_lamports(balances(OWN, SOL, TOKENS))
    assert found == 1_100


def test_the_wallets_own_accounts_are_no_pool() -> None:
    own_sol = (2, WALLET, WSOL_MINT, 1_100, 1_000)
    assert pool_lamports(balances(OWN, own_sol)) is None


def test_of_two_pools_the_one_that_moved_more_tokens_counts() -> None:
    small = [(4, OTHER, WSOL_MINT, 10, 11), (5, OTHER, MINT, 20, 19)]
    assert pool_lamports(balances(OWN, SOL, TOKENS, *small)) == 1_100


def test_a_pool_against_another_token_stays_unknown() -> None:
    dollars = (2, POOL, "dollars", 1_000, 1_100)
    assert pool_lamports(balances(OWN, dollars, TOKENS)) is None


def test_an_owner_of_two_sol_accounts_that_moved_stays_unknown() -> None:
    second = (6, POOL, WSOL_MINT, 70, 60)
    assert pool_lamports(balances(OWN, SOL, second, TOKENS)) is None


def test_somebody_who_pays_sol_and_tokens_is_no_pool() -> None:
    payer = [(4, OTHER, WSOL_MINT, 100, 50), (5, OTHER, MINT, 100, 50)]
    assert pool_lamports(balances(OWN, *payer)) is None


def test_a_pool_of_constant_product_tells_its_price_after_the_swap() -> None:
    sol, tokens = (2, POOL, WSOL_MINT, 1_000_000, 1_100_000), (3, POOL, MINT, 550_000, 500_000)
    found = pool_after(balances(OWN, sol, tokens), wallet=WALLET, mint=MINT)
    assert found == Pool(lamports=1_100_000, price=2.2)


def test_a_pool_that_prices_otherwise_tells_none() -> None:
    sol, tokens = (2, POOL, WSOL_MINT, 1_000_000, 1_100_000), (3, POOL, MINT, 550_000, 540_000)
    found = pool_after(balances(OWN, sol, tokens), wallet=WALLET, mint=MINT)
    assert found == Pool(lamports=1_100_000, price=None)


def test_a_pool_that_was_emptied_tells_no_price() -> None:
    sol, tokens = (2, POOL, WSOL_MINT, 1_000_000, 1_100_000), (3, POOL, MINT, 550_000, 0)
    found = pool_after(balances(OWN, sol, tokens), wallet=WALLET, mint=MINT)
    assert found == Pool(lamports=1_100_000, price=None)
