"""The sandbox's exchange program seen from outside: its account layout, instructions and formula.

The program itself is `program/amm.c`; every offset and number here mirrors it.
"""

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM_ID

AMM_PROGRAM_ID = Pubkey.from_string("SandboxAMM111111111111111111111111111111111")

ERROR_INVALID_INSTRUCTION = 6000
ERROR_SLIPPAGE = 6001
ERROR_PAUSED = 6002
ERROR_WRONG_ACCOUNT = 6003
ERROR_WRONG_PROGRAM = 6004
ERROR_NOT_ADMIN = 6005
ERROR_AMOUNT = 6006

BPS = 10_000
POOL_MAGIC = b"AMMPOOL1"
POOL_LENGTH = 240

_POOL = struct.Struct("<8sBB?xHxx32s32s32s32s32s32s32s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool account. Its reserves are the live balances of the two vaults; `fee_bps` of what is
    paid in stays in the pool. The pool's own address is the vaults' authority."""

    address: Pubkey
    bump: int
    index: int
    paused: bool
    fee_bps: int
    admin: Pubkey
    base_mint: Pubkey
    quote_mint: Pubkey
    base_vault: Pubkey
    quote_vault: Pubkey
    base_program: Pubkey
    quote_program: Pubkey

    def pack(self) -> bytes:
        """The account's 240 bytes."""
        return _POOL.pack(
            POOL_MAGIC,
            self.bump,
            self.index,
            self.paused,
            self.fee_bps,
            *(
                bytes(key)
                for key in (
                    self.admin,
                    self.base_mint,
                    self.quote_mint,
                    self.base_vault,
                    self.quote_vault,
                    self.base_program,
                    self.quote_program,
                )
            ),
        )


def parse_pool(address: Pubkey, data: bytes) -> Pool:
    """Read a pool account; ValueError when the bytes are no pool."""
    if len(data) != POOL_LENGTH or data[: len(POOL_MAGIC)] != POOL_MAGIC:
        raise ValueError(f"{address} is not a pool account")
    _, bump, index, paused, fee_bps, *keys = _POOL.unpack(data)
    names = (
        "admin",
        "base_mint",
        "quote_mint",
        "base_vault",
        "quote_vault",
        "base_program",
        "quote_program",
    )
    parties = {name: Pubkey(key) for name, key in zip(names, keys, strict=True)}
    return Pool(address=address, bump=bump, index=index, paused=paused, fee_bps=fee_bps, **parties)


def pool_address(*, base_mint: Pubkey, quote_mint: Pubkey, index: int = 0) -> tuple[Pubkey, int]:
    """The pool of a pair and its bump; `index` (0-255) tells several pools of one pair apart."""
    seeds = [b"pool", bytes(base_mint), bytes(quote_mint), bytes([index])]
    return Pubkey.find_program_address(seeds, AMM_PROGRAM_ID)


def constant_product_out(*, reserve_in: int, reserve_out: int, amount_in: int, fee_bps: int) -> int:
    """What the program pays for `amount_in` really received: equal to the unit, integers only.

    `amount_in` is what arrives in the vault (after a Token-2022 transfer fee); what the user
    receives is the result less the output mint's own transfer fee. 0 stands for what the program
    refuses with Custom(6006): an amount that the fee eats up, or a pool with an empty side.
    """
    effective = amount_in * (BPS - fee_bps) // BPS
    if effective <= 0 or reserve_in <= 0:
        return 0
    return reserve_out * effective // (reserve_in + effective)


def initialize_pool_instruction(
    *,
    admin: Pubkey,
    base_mint: Pubkey,
    quote_mint: Pubkey,
    base_vault: Pubkey,
    quote_vault: Pubkey,
    base_program: Pubkey,
    quote_program: Pubkey,
    fee_bps: int,
    index: int = 0,
) -> Instruction:
    """Create the pool account (admin pays its rent). Both vaults must exist already as token
    accounts whose owner is the pool's address; liquidity is whatever is transferred to them."""
    pool, bump = pool_address(base_mint=base_mint, quote_mint=quote_mint, index=index)
    accounts = [
        AccountMeta(pool, is_signer=False, is_writable=True),
        AccountMeta(admin, is_signer=True, is_writable=True),
        *_readonly(base_vault, quote_vault, base_mint, quote_mint, base_program, quote_program),
        *_readonly(SYSTEM_PROGRAM_ID),
    ]
    data = struct.pack("<BBBH", 0, bump, index, fee_bps)
    return Instruction(AMM_PROGRAM_ID, data, accounts)


def swap_instruction(
    *,
    pool: Pool,
    user: Pubkey,
    user_base: Pubkey,
    user_quote: Pubkey,
    buys_base: bool,
    amount_in: int,
    min_out: int,
) -> Instruction:
    """Exact-in swap: pays `amount_in` of quote for base when `buys_base`, else of base for quote.

    Fails with Custom(6001) when the user's balance of the other side grows by less than `min_out`.
    """
    accounts = [
        AccountMeta(pool.address, is_signer=False, is_writable=False),
        AccountMeta(user, is_signer=True, is_writable=False),
        *_writable(user_base, user_quote, pool.base_vault, pool.quote_vault),
        *_readonly(pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program),
    ]
    data = struct.pack("<B?QQ", 1, buys_base, amount_in, min_out)
    return Instruction(AMM_PROGRAM_ID, data, accounts)


def withdraw_instruction(
    *,
    pool: Pool,
    admin_base: Pubkey,
    admin_quote: Pubkey,
    base_amount: int,
    quote_amount: int,
) -> Instruction:
    """The admin takes liquidity out into his own token accounts (the rug pull)."""
    accounts = [
        AccountMeta(pool.address, is_signer=False, is_writable=False),
        AccountMeta(pool.admin, is_signer=True, is_writable=False),
        *_writable(admin_base, admin_quote, pool.base_vault, pool.quote_vault),
        *_readonly(pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program),
    ]
    data = struct.pack("<BQQ", 2, base_amount, quote_amount)
    return Instruction(AMM_PROGRAM_ID, data, accounts)


def set_params_instruction(*, pool: Pool, fee_bps: int, paused: bool) -> Instruction:
    """The admin sets the fee and stops or resumes swaps."""
    accounts = [
        AccountMeta(pool.address, is_signer=False, is_writable=True),
        AccountMeta(pool.admin, is_signer=True, is_writable=False),
    ]
    return Instruction(AMM_PROGRAM_ID, struct.pack("<BH?", 3, fee_bps, paused), accounts)


def _writable(*keys: Pubkey) -> list[AccountMeta]:
    return [AccountMeta(key, is_signer=False, is_writable=True) for key in keys]


def _readonly(*keys: Pubkey) -> list[AccountMeta]:
    return [AccountMeta(key, is_signer=False, is_writable=False) for key in keys]
