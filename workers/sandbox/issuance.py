"""Issuing tokens by the real token programs: mint, shares, pool; no price, no later event."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from struct import pack

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from workers.sandbox import orders
from workers.sandbox.amm import Pool, initialize_pool_instruction, parse_pool, pool_address
from workers.sandbox.chain import Chain
from workers.sandbox.tokens import (
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    WSOL,
    Token,
    TokenKind,
    keypair_for,
)
from workers.sandbox.wallet import Wallet

POOL_FEE_BPS = 30
HOLDERS = 48
POOL_SHARE = 0.06
MAKER_SHARE = 0.16
CONCENTRATED_SHARE = 0.60
_PER_TRANSACTION = 6
_MINT_LENGTH, _EXTENDED_LENGTH = 82, 166
_NONE = bytes(32)
_BOTH_FEE_AUTHORITIES_NONE = b"\0\0"
_MAX_FEE = 2**63


class Issuance:
    """Brings tokens to life on the chain: `treasury` pays, `maker` gets the market maker's share."""

    def __init__(self, chain: Chain, *, seed: int, treasury: Wallet, maker: Pubkey) -> None:
        self._chain = chain
        self._seed = seed
        self._treasury = treasury
        self._maker = maker

    def issue(self, token: Token) -> Pool:
        """Create mint, holders and pool of a token; authorities stay only where its kind says so."""
        self._create_mint(token)
        pool = self._open_pool(token)
        for batch in _batches(self.shares(token), _PER_TRANSACTION):
            self._hand_out(token, batch)
        if token.kind is not TokenKind.MINT_AUTHORITY:
            self._treasury.must(self._chain, [self._revoke_mint_authority(token)])
        return pool

    def shares(self, token: Token) -> list[tuple[Pubkey, int]]:
        """Who holds how much besides the pool: the market maker and a crowd of holders."""
        supply = supply_of(token)
        draw = Random(f"holders/{token.symbol}-{self._seed}")
        weights = [draw.uniform(0.6, 1.4) for _ in range(HOLDERS)]
        crowd = 1 - POOL_SHARE - MAKER_SHARE
        if token.kind is TokenKind.CONCENTRATED:
            weights[0] = sum(weights[1:]) * CONCENTRATED_SHARE / (crowd - CONCENTRATED_SHARE)
        unit = supply * crowd / sum(weights)
        owners = [holder(index, seed=self._seed) for index in range(HOLDERS)]
        return [
            (self._maker, int(supply * MAKER_SHARE)),
            *((owner, int(weight * unit)) for owner, weight in zip(owners, weights, strict=True)),
        ]

    def _create_mint(self, token: Token) -> None:
        extension = _extension(token, self._treasury.address)
        initialize = [_on_mint(token, extension[0])] if extension else []
        length = _EXTENDED_LENGTH + 4 + extension[1] if extension else _MINT_LENGTH
        create = create_account(
            CreateAccountParams(
                from_pubkey=self._treasury.address,
                to_pubkey=token.mint,
                lamports=self._chain.rent_exempt(length),
                space=length,
                owner=token.program,
            )
        )
        key = keypair_for(f"mint/{token.symbol}", seed=self._seed)
        self._treasury.must(self._chain, [create, *initialize, self._initialize(token)], key)

    def _initialize(self, token: Token) -> Instruction:
        authority = bytes(self._treasury.address)
        freezes = token.kind is TokenKind.FREEZE_HONEYPOT
        freeze_authority = b"\1" + authority if freezes else b"\0"
        return _on_mint(token, pack("<BB", 20, token.decimals) + authority + freeze_authority)

    def _open_pool(self, token: Token) -> Pool:
        address, _ = pool_address(base_mint=token.mint, quote_mint=WSOL)
        vault = orders.token_account_of(address, token.mint, token.program)
        sol_vault = orders.token_account_of(address, WSOL)
        payer = self._treasury.address
        self._treasury.must(
            self._chain,
            [
                orders.create_token_account(
                    owner=address, mint=token.mint, program=token.program, payer=payer
                ),
                orders.create_token_account(owner=address, mint=WSOL, payer=payer),
                self._mint_to(token, vault, token.pool_raw),
                orders.pay(source=payer, destination=sol_vault, lamports=token.pool_sol_lamports),
                orders.sync_native(sol_vault),
                initialize_pool_instruction(
                    admin=payer,
                    base_mint=token.mint,
                    quote_mint=WSOL,
                    base_vault=vault,
                    quote_vault=sol_vault,
                    base_program=token.program,
                    quote_program=TOKEN_PROGRAM,
                    fee_bps=POOL_FEE_BPS,
                ),
            ],
        )
        return stored_pool(self._chain, token)

    def _hand_out(self, token: Token, shares: Sequence[tuple[Pubkey, int]]) -> None:
        instructions: list[Instruction] = []
        for owner, amount in shares:
            account = orders.token_account_of(owner, token.mint, token.program)
            instructions += [
                orders.create_token_account(
                    owner=owner,
                    mint=token.mint,
                    program=token.program,
                    payer=self._treasury.address,
                ),
                self._mint_to(token, account, amount),
            ]
        self._treasury.must(self._chain, instructions)

    def _mint_to(self, token: Token, account: Pubkey, amount: int) -> Instruction:
        return Instruction(
            token.program,
            pack("<BQ", 7, amount),
            [
                AccountMeta(token.mint, is_signer=False, is_writable=True),
                AccountMeta(account, is_signer=False, is_writable=True),
                AccountMeta(self._treasury.address, is_signer=True, is_writable=False),
            ],
        )

    def _revoke_mint_authority(self, token: Token) -> Instruction:
        return Instruction(
            token.program,
            b"\6\0\0",
            [
                AccountMeta(token.mint, is_signer=False, is_writable=True),
                AccountMeta(self._treasury.address, is_signer=True, is_writable=False),
            ],
        )


def supply_of(token: Token) -> int:
    """Raw supply at launch: the pool holds its fixed share of it."""
    return int(token.pool_raw / POOL_SHARE)


def holder(index: int, *, seed: int) -> Pubkey:
    """One of the crowd, who never trades."""
    return keypair_for(f"holder/{index}", seed=seed).pubkey()


def stored_pool(chain: Chain, token: Token) -> Pool:
    """The token's pool as the chain has it; LookupError before its launch."""
    address, _ = pool_address(base_mint=token.mint, quote_mint=WSOL)
    account = chain.account(address)
    if account is None:
        raise LookupError(f"{token.symbol} has no pool yet")
    return parse_pool(address, account.data)


def _on_mint(token: Token, data: bytes) -> Instruction:
    return Instruction(
        token.program, data, [AccountMeta(token.mint, is_signer=False, is_writable=True)]
    )


def _extension(token: Token, authority: Pubkey) -> tuple[bytes, int] | None:
    """Initialising instruction of the token's Token-2022 extension and the bytes it takes."""
    if token.program != TOKEN_2022_PROGRAM:
        return None
    match token.kind:
        case TokenKind.TRANSFER_FEE:
            fee = pack("<HQ", token.transfer_fee_bps, _MAX_FEE)
            return b"\x1a\0" + _BOTH_FEE_AUTHORITIES_NONE + fee, 108
        case TokenKind.PERMANENT_DELEGATE:
            return b"\x23" + bytes(authority), 32
        case TokenKind.TRANSFER_HOOK:
            hook = keypair_for("hook-program", seed=0).pubkey()
            return b"\x24\0" + bytes(authority) + bytes(hook), 64
    return b"\x27\0" + _NONE + bytes(token.mint), 64


def _batches(shares: Iterable[tuple[Pubkey, int]], size: int) -> Iterator[list[tuple[Pubkey, int]]]:
    rest = iter(shares)
    while batch := list(islice(rest, size)):
        yield batch
