"""Carrying out a leader's swap as wallets do: fresh limits, own priority fee, sometimes a tip."""

from dataclasses import dataclass
from random import Random

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from workers.sandbox import orders
from workers.sandbox.amm import BPS, constant_product_out
from workers.sandbox.chain import Chain
from workers.sandbox.listings import Listing
from workers.sandbox.market import Market
from workers.sandbox.records import JsonError
from workers.sandbox.wallet import Wallet, buy_order, holding, sell_order

TIP_ACCOUNTS = tuple(
    Pubkey.from_string(address)
    for address in (
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    )
)
SLIPPAGE_BPS = 1_500
TIP_PROBABILITY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A swap that landed: `lamports` paid or expected back; `err` when it failed on chain."""

    signature: str
    lamports: int
    err: JsonError | None


class Trader:
    """One wallet's hand at the pools; the draws vary fees and tips only."""

    def __init__(self, chain: Chain, market: Market, *, wallet: Wallet, random: Random) -> None:
        self._chain = chain
        self._market = market
        self._random = random
        self.wallet = wallet

    @property
    def lamports(self) -> int:
        """The wallet's spendable SOL."""
        account = self._chain.account(self.wallet.address)
        return account.lamports if account is not None else 0

    def held(self, listing: Listing) -> int:
        """Raw units of the token in the wallet."""
        token = listing.token
        return holding(
            self._chain, owner=self.wallet.address, mint=token.mint, program=token.program
        )

    def buy(
        self, listing: Listing, *, lamports: int, always_tips: bool = False, is_greedy: bool = False
    ) -> Outcome:
        """Spend `lamports`; Rejected when the chain does not take the transaction.

        `is_greedy` asks for more than the pool gives, which fails on chain for slippage."""
        reserves = self._market.reserves(listing)
        out = constant_product_out(
            reserve_in=reserves.lamports,
            reserve_out=reserves.base,
            amount_in=lamports,
            fee_bps=listing.pool.fee_bps,
        )
        order = buy_order(
            pool=listing.pool,
            owner=self.wallet.address,
            lamports=lamports,
            min_out=out * (BPS + SLIPPAGE_BPS * (1 if is_greedy else -1)) // BPS,
            micro_lamports=self._random.randint(1_000, 200_000),
        )
        record = self.wallet.run(self._chain, [*order, *self._tip(always_tips)])
        return Outcome(signature=record.signature, lamports=lamports, err=record.err)

    def sell(self, listing: Listing, *, amount: int, always_tips: bool = False) -> Outcome:
        """Sell `amount` raw units, closing the token account when nothing is left."""
        reserves = self._market.reserves(listing)
        arriving = amount * (BPS - listing.token.transfer_fee_bps) // BPS
        out = constant_product_out(
            reserve_in=reserves.base,
            reserve_out=reserves.lamports,
            amount_in=arriving,
            fee_bps=listing.pool.fee_bps,
        )
        # A fee-bearing account keeps withheld fees, which would make closing it fail.
        closes = amount == self.held(listing) and not listing.token.transfer_fee_bps
        order = sell_order(
            pool=listing.pool,
            owner=self.wallet.address,
            amount=amount,
            min_out=out * (BPS - SLIPPAGE_BPS) // BPS,
            micro_lamports=self._random.randint(1_000, 200_000),
            closes=closes,
        )
        record = self.wallet.run(self._chain, [*order, *self._tip(always_tips)])
        return Outcome(signature=record.signature, lamports=out, err=record.err)

    def _tip(self, always: bool) -> list[Instruction]:
        if not always and self._random.random() >= TIP_PROBABILITY:
            return []
        return [
            orders.pay(
                source=self.wallet.address,
                destination=self._random.choice(TIP_ACCOUNTS),
                lamports=self._random.randint(5_000, 500_000),
            )
        ]
