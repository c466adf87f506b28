"""What only the pool's admin may do: take liquidity out, stop swaps, set the fee."""

from dataclasses import replace

import pytest

from tests.sandbox.actors import SOL, WSOL, Actor, lamports_of, new_chain, present, vault_amounts
from tests.sandbox.test_program_swap import failed_with
from workers.sandbox import amm


@pytest.fixture
def market():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("token")
    return chain, maker, trader, mint, maker.open_pool(mint)


def rug(actor, pool, mint, base, quote):
    opened = [actor.open_account(mint), actor.open_account(WSOL)]
    withdrawal = amm.withdraw_instruction(
        pool=replace(pool, admin=actor.address),
        admin_base=mint.account_of(actor.address),
        admin_quote=WSOL.account_of(actor.address),
        base_amount=base,
        quote_amount=quote,
    )
    return [*opened, withdrawal]


def test_a_rug_pull_leaves_the_holders_with_nothing_to_sell_into(market):
    chain, maker, trader, mint, pool = market
    trader.must(*trader.buy(pool, mint, SOL))
    base, quote = vault_amounts(chain, pool)
    maker.must(*rug(maker, pool, mint, 0, quote - 1))
    assert maker.balance(WSOL) == quote - 1
    before = lamports_of(chain, trader.address)
    record = trader.must(*trader.sell(pool, mint, trader.balance(mint)))
    assert lamports_of(chain, trader.address) == before - record.fee
    assert vault_amounts(chain, pool)[0] > base


def test_nobody_else_can_withdraw(market):
    chain, _, trader, mint, pool = market
    before = vault_amounts(chain, pool)
    assert failed_with(trader.send(*rug(trader, pool, mint, 1, 1)), amm.ERROR_NOT_ADMIN)
    assert vault_amounts(chain, pool) == before


def test_a_paused_pool_refuses_swaps_until_it_is_resumed(market):
    chain, maker, trader, mint, pool = market
    maker.must(amm.set_params_instruction(pool=pool, fee_bps=100, paused=True))
    paused = amm.parse_pool(pool.address, present(chain, pool.address).data)
    assert (paused.paused, paused.fee_bps) == (True, 100)
    assert failed_with(trader.send(*trader.buy(pool, mint, SOL)), amm.ERROR_PAUSED)
    maker.must(amm.set_params_instruction(pool=pool, fee_bps=100, paused=False))
    trader.must(*trader.buy(pool, mint, SOL + 1))


def test_only_the_admin_sets_parameters(market):
    _, _, trader, _, pool = market
    posing = replace(pool, admin=trader.address)
    record = trader.send(amm.set_params_instruction(pool=posing, fee_bps=9_000, paused=False))
    assert failed_with(record, amm.ERROR_NOT_ADMIN)


def test_a_fee_of_everything_is_refused(market):
    _, maker, _, _, pool = market
    record = maker.send(amm.set_params_instruction(pool=pool, fee_bps=10_000, paused=False))
    assert failed_with(record, amm.ERROR_AMOUNT)


def test_the_layout_survives_packing(market):
    chain, _, _, _, pool = market
    data = present(chain, pool.address).data
    assert pool.pack() == data
    assert amm.parse_pool(pool.address, data) == pool


def test_other_accounts_are_no_pools(market):
    chain, _, _, mint, _ = market
    with pytest.raises(ValueError, match="not a pool"):
        amm.parse_pool(mint.address, present(chain, mint.address).data)
