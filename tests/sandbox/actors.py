"""Wallets that act on an in-memory chain: they make mints, pools and swaps with the real programs."""

import hashlib
import struct
from dataclasses import dataclass

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer
from solders.transaction import VersionedTransaction
from spl.token.instructions import (
    create_idempotent_associated_token_account,
    get_associated_token_address,
)

from workers.sandbox import amm
from workers.sandbox.chain import WSOL_MINT, Chain
from workers.sandbox.holdings import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, amount_of
from workers.sandbox.records import TransactionRecord

SOL = 10**9
BASE_MINT_LENGTH, EXTENDED_MINT_LENGTH = 82, 166


def keypair(name: str) -> Keypair:
    return Keypair.from_seed(hashlib.sha256(name.encode()).digest())


def new_chain(**options) -> Chain:
    return Chain.open(genesis_time=1_700_000_000, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A Token-2022 extension of a mint: its first instruction's data and its length in the mint."""

    setup: bytes
    length: int


def transfer_fee(bps: int, authority: Pubkey | None = None) -> Extension:
    option = b"\1" + bytes(authority) if authority else b"\0"
    return Extension(setup=b"\x1a\0" + option * 2 + struct.pack("<HQ", bps, 2**63), length=108)


def permanent_delegate(delegate: Pubkey) -> Extension:
    return Extension(setup=b"\x23" + bytes(delegate), length=32)


def transfer_hook(program: Pubkey) -> Extension:
    return Extension(setup=b"\x24\0" + bytes(32) + bytes(program), length=64)


def pausable(authority: Pubkey) -> Extension:
    return Extension(setup=b"\x2c\0" + bytes(authority), length=33)


DEFAULT_FROZEN = Extension(setup=b"\x1c\0\2", length=1)
NON_TRANSFERABLE = Extension(setup=b"\x20", length=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    address: Pubkey
    program: Pubkey
    decimals: int

    def account_of(self, owner: Pubkey) -> Pubkey:
        return get_associated_token_address(owner, self.address, self.program)


WSOL = Mint(address=WSOL_MINT, program=TOKEN_PROGRAM, decimals=9)


class Actor:
    """A funded wallet on a chain."""

    def __init__(self, chain: Chain, name: str, *, lamports: int = 1000 * SOL) -> None:
        self.chain = chain
        self.keypair = keypair(name)
        self.address = self.keypair.pubkey()
        if lamports:
            chain.fund(self.address, lamports)

    def sign(self, *instructions: Instruction, signers=()) -> VersionedTransaction:
        blockhash = self.chain.blockhash().hash
        message = MessageV0.try_compile(self.address, list(instructions), [], blockhash)
        return VersionedTransaction(message, [self.keypair, *signers])

    def send(self, *instructions: Instruction, signers=()) -> TransactionRecord:
        return self.chain.execute(self.sign(*instructions, signers=signers))

    def must(self, *instructions: Instruction, signers=()) -> TransactionRecord:
        record = self.send(*instructions, signers=signers)
        assert record.err is None, (record.err, record.logs)
        return record

    def balance(self, mint: Mint) -> int:
        account = self.chain.account(mint.account_of(self.address))
        return 0 if account is None else amount_of(account.data)

    def pay(self, to: Pubkey, lamports: int) -> Instruction:
        return transfer(TransferParams(from_pubkey=self.address, to_pubkey=to, lamports=lamports))

    def open_account(self, mint: Mint, owner: Pubkey | None = None) -> Instruction:
        owner = owner or self.address
        return create_idempotent_associated_token_account(
            self.address, owner, mint.address, mint.program
        )

    def create_mint(
        self,
        name: str,
        *,
        decimals: int = 6,
        freezable: bool = False,
        program: Pubkey = TOKEN_PROGRAM,
        extension: Extension | None = None,
    ) -> Mint:
        """A mint whose authorities are this wallet."""
        key = keypair(f"mint {name}")
        program = TOKEN_2022_PROGRAM if extension else program
        space = EXTENDED_MINT_LENGTH + 4 + extension.length if extension else BASE_MINT_LENGTH
        freeze = b"\1" + bytes(self.address) if freezable else b"\0"
        on_mint = [AccountMeta(key.pubkey(), is_signer=False, is_writable=True)]
        account = CreateAccountParams(
            from_pubkey=self.address,
            to_pubkey=key.pubkey(),
            lamports=self.chain.rent_exempt(space),
            space=space,
            owner=program,
        )
        setup = [Instruction(program, extension.setup, on_mint)] if extension else []
        initialize = Instruction(
            program, bytes([20, decimals]) + bytes(self.address) + freeze, on_mint
        )
        self.must(create_account(account), *setup, initialize, signers=[key])
        return Mint(address=key.pubkey(), program=program, decimals=decimals)

    def mint_to(self, mint: Mint, account: Pubkey, amount: int) -> Instruction:
        return self.on_account(mint, struct.pack("<BQ", 7, amount), mint.address, account)

    def freeze(self, mint: Mint, account: Pubkey) -> Instruction:
        accounts = [writable(account), readonly(mint.address), self.signer()]
        return Instruction(mint.program, b"\x0a", accounts)

    def on_account(self, mint: Mint, data: bytes, *accounts: Pubkey) -> Instruction:
        return Instruction(mint.program, data, [*map(writable, accounts), self.signer()])

    def signer(self) -> AccountMeta:
        return AccountMeta(self.address, is_signer=True, is_writable=False)

    def transfer_tokens(
        self, mint: Mint, to: Pubkey, amount: int, *, source: Pubkey | None = None
    ) -> Instruction:
        """TransferChecked between token accounts; from the own one unless `source` says else."""
        source = source or mint.account_of(self.address)
        data = struct.pack("<BQB", 12, amount, mint.decimals)
        accounts = [writable(source), readonly(mint.address), writable(to), self.signer()]
        return Instruction(mint.program, data, accounts)

    def wrap(self, account: Pubkey, lamports: int) -> list[Instruction]:
        sync = Instruction(TOKEN_PROGRAM, b"\x11", [writable(account)])
        return [self.pay(account, lamports), sync]

    def unwrap(self) -> Instruction:
        own = WSOL.account_of(self.address)
        accounts = [writable(own), writable(self.address), self.signer()]
        return Instruction(TOKEN_PROGRAM, b"\x09", accounts)

    def open_pool(
        self, mint: Mint, *, base: int = 10**15, quote: int = 100 * SOL, fee_bps: int = 30
    ) -> amm.Pool:
        """A pool of `mint` against wrapped SOL with that liquidity; this wallet is its admin."""
        address, _ = amm.pool_address(base_mint=mint.address, quote_mint=WSOL_MINT)
        base_vault, quote_vault = mint.account_of(address), WSOL.account_of(address)
        self.must(self.open_account(mint, address), self.open_account(WSOL, address))
        fill = [self.mint_to(mint, base_vault, base)] if base else []
        fill += self.wrap(quote_vault, quote) if quote else []
        self.must(
            *fill,
            amm.initialize_pool_instruction(
                admin=self.address,
                base_mint=mint.address,
                quote_mint=WSOL_MINT,
                base_vault=base_vault,
                quote_vault=quote_vault,
                base_program=mint.program,
                quote_program=TOKEN_PROGRAM,
                fee_bps=fee_bps,
            ),
        )
        return amm.parse_pool(address, present(self.chain, address).data)

    def swap(
        self, pool: amm.Pool, mint: Mint, *, buys: bool, amount: int, min_out: int = 0
    ) -> Instruction:
        return amm.swap_instruction(
            pool=pool,
            user=self.address,
            user_base=mint.account_of(self.address),
            user_quote=WSOL.account_of(self.address),
            buys_base=buys,
            amount_in=amount,
            min_out=min_out,
        )

    def buy(
        self, pool: amm.Pool, mint: Mint, lamports: int, *, min_out: int = 0
    ) -> list[Instruction]:
        """What a wallet app sends: open accounts, wrap, swap, unwrap."""
        own = WSOL.account_of(self.address)
        return [
            self.open_account(WSOL),
            self.open_account(mint),
            *self.wrap(own, lamports),
            self.swap(pool, mint, buys=True, amount=lamports, min_out=min_out),
            self.unwrap(),
        ]

    def sell(
        self, pool: amm.Pool, mint: Mint, amount: int, *, min_out: int = 0
    ) -> list[Instruction]:
        swap = self.swap(pool, mint, buys=False, amount=amount, min_out=min_out)
        return [self.open_account(WSOL), swap, self.unwrap()]


def writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def readonly(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def present(chain: Chain, address: Pubkey) -> Account:
    """The account, which must exist."""
    account = chain.account(address)
    assert account is not None, address
    return account


def lamports_of(chain: Chain, address: Pubkey) -> int:
    return present(chain, address).lamports


def landed(chain: Chain, signature: str) -> TransactionRecord:
    """The record, which must exist."""
    record = chain.transaction(signature)
    assert record is not None, signature
    return record


def reached(chain: Chain, signature: str) -> tuple[str, int | None]:
    """How far a landed transaction has climbed: commitment and confirmations."""
    status = chain.status(signature)
    assert status is not None, signature
    return status.confirmation_status, status.confirmations


def vault_amounts(chain: Chain, pool: amm.Pool) -> tuple[int, int]:
    """(base, quote) reserves."""
    base, quote = present(chain, pool.base_vault), present(chain, pool.quote_vault)
    return amount_of(base.data), amount_of(quote.data)
