"""Swaps in the exchange program: amounts to the unit, slippage, fees of token and pool."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.account import Account

from tests.sandbox.actors import (
    SOL,
    WSOL,
    Actor,
    lamports_of,
    new_chain,
    present,
    transfer_fee,
    vault_amounts,
)
from workers.sandbox import amm
from workers.sandbox.holdings import TOKEN_2022_PROGRAM, amount_of

MAX_RESERVE = 2**63 - 1


def failed_with(record, code: int) -> bool:
    return record.err is not None and record.err["InstructionError"][1] == {"Custom": code}


@pytest.fixture
def market():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("token")
    return chain, maker, trader, mint, maker.open_pool(mint)


def set_amount(chain, address, amount):
    account = chain.account(address)
    data = account.data[:64] + amount.to_bytes(8, "little") + account.data[72:]
    chain.set_account(address, Account(account.lamports, data, account.owner))


scales = st.integers(0, 60).flatmap(lambda bits: st.integers(1, min(2 ** (bits + 3), MAX_RESERVE)))


class TestFormula:
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    base, quote = maker.create_mint("base"), maker.create_mint("quote")
    pools: dict[int, amm.Pool] = {}

    @classmethod
    def pool(cls, fee_bps):
        """A pool of two plain mints, so that any balance can be set."""
        index = len(cls.pools)
        if fee_bps not in cls.pools:
            address, _ = amm.pool_address(
                base_mint=cls.base.address, quote_mint=cls.quote.address, index=index
            )
            vaults = [mint.account_of(address) for mint in (cls.base, cls.quote)]
            cls.maker.must(
                *(cls.maker.open_account(mint, address) for mint in (cls.base, cls.quote)),
                amm.initialize_pool_instruction(
                    admin=cls.maker.address,
                    base_mint=cls.base.address,
                    quote_mint=cls.quote.address,
                    base_vault=vaults[0],
                    quote_vault=vaults[1],
                    base_program=cls.base.program,
                    quote_program=cls.quote.program,
                    fee_bps=fee_bps,
                    index=index,
                ),
            )
            pool = amm.parse_pool(address, present(cls.chain, address).data)
            cls.trader.send(*(cls.trader.open_account(mint) for mint in (cls.base, cls.quote)))
            cls.pools[fee_bps] = pool
        return cls.pools[fee_bps]

    @settings(max_examples=300, deadline=None)
    @given(
        reserve_in=scales,
        reserve_out=scales,
        amount=scales,
        fee_bps=st.sampled_from([0, 1, 30, 100, 2500, 9999]),
        buys=st.booleans(),
    )
    def test_equals_the_off_chain_one_to_the_unit(
        self, reserve_in, reserve_out, amount, fee_bps, buys
    ):
        pool, trader = self.pool(fee_bps), self.trader
        source, target = (self.quote, self.base) if buys else (self.base, self.quote)
        set_amount(self.chain, source.account_of(pool.address), reserve_in)
        set_amount(self.chain, target.account_of(pool.address), reserve_out)
        set_amount(self.chain, source.account_of(trader.address), amount)
        set_amount(self.chain, target.account_of(trader.address), 0)
        self.chain.close_slot()
        record = trader.send(
            amm.swap_instruction(
                pool=pool,
                user=trader.address,
                user_base=self.base.account_of(trader.address),
                user_quote=self.quote.account_of(trader.address),
                buys_base=buys,
                amount_in=amount,
                min_out=0,
            )
        )
        effective = amount * (amm.BPS - fee_bps) // amm.BPS
        if effective == 0:
            assert failed_with(record, amm.ERROR_AMOUNT)
            return
        assert record.err is None, record.logs
        expected = amm.constant_product_out(
            reserve_in=reserve_in, reserve_out=reserve_out, amount_in=amount, fee_bps=fee_bps
        )
        assert trader.balance(target) == expected
        left = amount_of(present(self.chain, target.account_of(pool.address)).data)
        assert left == reserve_out - expected
        assert (reserve_in + amount) * left >= reserve_in * reserve_out


def test_a_buy_moves_exactly_what_the_formula_says(market):
    chain, _, trader, mint, pool = market
    base, quote = vault_amounts(chain, pool)
    trader.must(*trader.buy(pool, mint, SOL))
    expected = amm.constant_product_out(
        reserve_in=quote, reserve_out=base, amount_in=SOL, fee_bps=30
    )
    assert trader.balance(mint) == expected
    assert vault_amounts(chain, pool) == (base - expected, quote + SOL)


def test_a_sell_pays_out_in_lamports(market):
    chain, _, trader, mint, pool = market
    trader.must(*trader.buy(pool, mint, SOL))
    held = trader.balance(mint)
    base, quote = vault_amounts(chain, pool)
    before = lamports_of(chain, trader.address)
    record = trader.must(*trader.sell(pool, mint, held))
    expected = amm.constant_product_out(
        reserve_in=base, reserve_out=quote, amount_in=held, fee_bps=30
    )
    assert lamports_of(chain, trader.address) == before + expected - record.fee


def test_one_unit_less_than_the_minimum_fails_with_6001_and_changes_nothing(market):
    chain, _, trader, mint, pool = market
    base, quote = vault_amounts(chain, pool)
    out = amm.constant_product_out(reserve_in=quote, reserve_out=base, amount_in=SOL, fee_bps=30)
    record = trader.send(*trader.buy(pool, mint, SOL, min_out=out + 1))
    assert failed_with(record, amm.ERROR_SLIPPAGE)
    assert vault_amounts(chain, pool) == (base, quote)
    assert record.post_balances[0] == record.pre_balances[0] - record.fee
    assert trader.must(*trader.buy(pool, mint, SOL, min_out=out)).err is None


def test_the_minimum_counts_what_arrives_after_a_transfer_fee():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("taxed", extension=transfer_fee(500))
    pool = maker.open_pool(mint)
    base, quote = vault_amounts(chain, pool)
    paid = amm.constant_product_out(reserve_in=quote, reserve_out=base, amount_in=SOL, fee_bps=30)
    arrives = paid - -(-paid * 500 // 10_000)
    record = trader.send(*trader.buy(pool, mint, SOL, min_out=paid))
    assert failed_with(record, amm.ERROR_SLIPPAGE)
    trader.must(*trader.buy(pool, mint, SOL, min_out=arrives))
    assert trader.balance(mint) == arrives


def test_a_sell_of_a_taxed_token_counts_what_the_vault_received():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("taxed", extension=transfer_fee(500))
    pool = maker.open_pool(mint)
    trader.must(*trader.buy(pool, mint, SOL))
    base, quote = vault_amounts(chain, pool)
    sold = trader.balance(mint)
    received = sold - -(-sold * 500 // 10_000)
    trader.must(trader.open_account(WSOL), trader.swap(pool, mint, buys=False, amount=sold))
    expected = amm.constant_product_out(
        reserve_in=base, reserve_out=quote, amount_in=received, fee_bps=30
    )
    assert trader.balance(WSOL) == expected


def test_a_plain_token_2022_mint_trades_like_a_classic_one():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("plain", program=TOKEN_2022_PROGRAM)
    pool = maker.open_pool(mint)
    trader.must(*trader.buy(pool, mint, SOL))
    assert trader.balance(mint) == 9_871_580_343_970


def test_an_empty_side_refuses_swaps():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    mint = maker.create_mint("token")
    pool = maker.open_pool(mint, quote=0)
    record = trader.send(*trader.buy(pool, mint, SOL))
    assert failed_with(record, amm.ERROR_AMOUNT)
