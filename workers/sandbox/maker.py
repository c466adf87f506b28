"""The market maker: trades pools back to where their paths are; it has no opinion of its own."""

import math

from workers.sandbox import orders
from workers.sandbox.amm import BPS
from workers.sandbox.chain import Chain
from workers.sandbox.listings import Listing, Reserves
from workers.sandbox.wallet import Wallet, holding, swap_with_sol

TOLERANCE = math.log(1.01)
UNIT_LIMIT = 60_000


class Maker:
    """Holds much of every token and of wrapped SOL, so that one bare swap is enough."""

    def __init__(self, chain: Chain, *, wallet: Wallet) -> None:
        self._chain = chain
        self.wallet = wallet

    def rebalance(self, listing: Listing, *, clock: float) -> None:
        """Trade the pool to its target when it is more than 1 % away from it."""
        reserves = listing.reserves(self._chain)
        if not listing.token.is_tradeable or not reserves.base or not reserves.lamports:
            return
        price = listing.target(clock)
        if abs(math.log(reserves.price / price)) < TOLERANCE:
            return
        buys = reserves.price < price
        amount = self._amount(listing, reserves, price)
        if amount > 0:
            self._swap(listing, buys=buys, amount=amount)

    def _amount(self, listing: Listing, reserves: Reserves, price: float) -> int:
        """Closed form of the constant product: the payment that brings the pool to `price`."""
        product = reserves.base * reserves.lamports
        keep = 1 - listing.pool.fee_bps / BPS
        if reserves.price < price:
            return int((math.sqrt(product * price) - reserves.lamports) / keep)
        keep *= 1 - listing.token.transfer_fee_bps / BPS
        wanted = int((math.sqrt(product / price) - reserves.base) / keep)
        token = listing.token
        held = holding(
            self._chain, owner=self.wallet.address, mint=token.mint, program=token.program
        )
        return min(wanted, held)

    def _swap(self, listing: Listing, *, buys: bool, amount: int) -> None:
        swap = swap_with_sol(
            pool=listing.pool,
            owner=self.wallet.address,
            buys_base=buys,
            amount_in=amount,
            min_out=0,
        )
        budget = orders.compute_budget(unit_limit=UNIT_LIMIT, micro_lamports=0)
        self.wallet.run(self._chain, [*budget, swap])
