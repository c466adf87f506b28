"""The VM's compiled programs share the processor's registers with everything else in the process."""

import sqlite3

from tests.sandbox.actors import SOL, Actor, new_chain


def test_a_number_read_by_sqlite_after_a_transaction_is_a_number():
    chain = new_chain()
    maker, trader = Actor(chain, "maker"), Actor(chain, "trader")
    database = sqlite3.connect(":memory:")
    mint = maker.create_mint("token")
    pool = maker.open_pool(mint)
    read = "SELECT CAST('0.00301060455347917' AS REAL)"
    assert database.execute(read).fetchone() == (0.00301060455347917,)
    trader.must(*trader.buy(pool, mint, SOL))
    assert database.execute(read).fetchone() == (0.00301060455347917,)
    database.close()
