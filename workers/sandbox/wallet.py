"""A wallet of the sandbox: its key, its signature, its swap orders. It decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox import orders
from workers.sandbox.amm import Pool, swap_instruction
from workers.sandbox.chain import Chain
from workers.sandbox.holdings import amount_of
from workers.sandbox.records import TransactionRecord
from workers.sandbox.tokens import WSOL, keypair_for

SWAP_UNIT_LIMIT = 140_000


class Failed(Exception):
    """A transaction of the sandbox's own people failed on chain or was not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """Key and address together: deriving the address anew costs 20 microseconds each time."""

    keypair: Keypair
    address: Pubkey

    @classmethod
    def named(cls, label: str, *, seed: int) -> "Wallet":
        """The wallet of this name under this seed."""
        keypair = keypair_for(label, seed=seed)
        return cls(keypair=keypair, address=keypair.pubkey())

    def sign(
        self, chain: Chain, instructions: Sequence[Instruction], *others: Keypair
    ) -> VersionedTransaction:
        """A v0 transaction paid by this wallet on the newest blockhash."""
        message = MessageV0.try_compile(self.address, instructions, [], chain.blockhash().hash)
        return VersionedTransaction(message, [self.keypair, *others])

    def run(
        self, chain: Chain, instructions: Sequence[Instruction], *others: Keypair
    ) -> TransactionRecord:
        """Sign and execute in the open slot; the record may carry an error."""
        return chain.execute(self.sign(chain, instructions, *others), trusted=True)

    def must(
        self, chain: Chain, instructions: Sequence[Instruction], *others: Keypair
    ) -> TransactionRecord:
        """`run`, but a failure on chain raises Failed."""
        record = self.run(chain, instructions, *others)
        if record.err is not None:
            raise Failed(f"{record.err}: {record.logs[-3:]}")
        return record


def holding(chain: Chain, *, owner: Pubkey, mint: Pubkey, program: Pubkey) -> int:
    """Raw units in the owner's associated account; 0 where there is none."""
    account = chain.account(orders.token_account_of(owner, mint, program))
    return amount_of(account.data) if account is not None else 0


def swap_with_sol(
    *, pool: Pool, owner: Pubkey, buys_base: bool, amount_in: int, min_out: int
) -> Instruction:
    """The swap itself between the owner's associated accounts of a pool against SOL."""
    return swap_instruction(
        pool=pool,
        user=owner,
        user_base=orders.token_account_of(owner, pool.base_mint, pool.base_program),
        user_quote=orders.token_account_of(owner, pool.quote_mint, pool.quote_program),
        buys_base=buys_base,
        amount_in=amount_in,
        min_out=min_out,
    )


def buy_order(
    *, pool: Pool, owner: Pubkey, lamports: int, min_out: int, micro_lamports: int
) -> list[Instruction]:
    """A whole buy as wallets send it: budget, accounts, wrap, swap, unwrap."""
    return [
        *orders.compute_budget(unit_limit=SWAP_UNIT_LIMIT, micro_lamports=micro_lamports),
        orders.create_token_account(owner=owner, mint=WSOL),
        *orders.wrap(owner=owner, lamports=lamports),
        orders.create_token_account(owner=owner, mint=pool.base_mint, program=pool.base_program),
        swap_with_sol(pool=pool, owner=owner, buys_base=True, amount_in=lamports, min_out=min_out),
        orders.close_token_account(owner=owner, mint=WSOL),
    ]


def sell_order(
    *, pool: Pool, owner: Pubkey, amount: int, min_out: int, micro_lamports: int, closes: bool
) -> list[Instruction]:
    """A whole sale: budget, wrapped account, swap, unwrap, and the emptied account's rent back."""
    base = {"mint": pool.base_mint, "program": pool.base_program}
    closing = [orders.close_token_account(owner=owner, **base)] if closes else []
    return [
        *orders.compute_budget(unit_limit=SWAP_UNIT_LIMIT, micro_lamports=micro_lamports),
        orders.create_token_account(owner=owner, mint=WSOL),
        swap_with_sol(pool=pool, owner=owner, buys_base=False, amount_in=amount, min_out=min_out),
        orders.close_token_account(owner=owner, mint=WSOL),
        *closing,
    ]
