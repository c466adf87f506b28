"""Instructions around a swap (budget, token accounts, wrap, unwrap, tip); nothing is signed."""

from functools import lru_cache
from struct import pack

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer

from workers.sandbox.tokens import TOKEN_PROGRAM, WSOL

COMPUTE_BUDGET_PROGRAM = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")

_SET_UNIT_LIMIT, _SET_UNIT_PRICE = 2, 3
_CREATE_IDEMPOTENT = b"\x01"
_CLOSE_ACCOUNT, _FREEZE_ACCOUNT, _SYNC_NATIVE = b"\x09", b"\x0a", b"\x11"
_TRANSFER_CHECKED = 12


@lru_cache(maxsize=16_384)
def token_account_of(owner: Pubkey, mint: Pubkey, program: Pubkey = TOKEN_PROGRAM) -> Pubkey:
    """The associated token account; derivation is slow enough to be remembered."""
    seeds = [bytes(owner), bytes(program), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM)[0]


def compute_budget(*, unit_limit: int, micro_lamports: int) -> list[Instruction]:
    """Compute unit limit and price; a price of 0 is left out, as clients do."""
    data = [pack("<BI", _SET_UNIT_LIMIT, unit_limit)]
    if micro_lamports:
        data.append(pack("<BQ", _SET_UNIT_PRICE, micro_lamports))
    return [Instruction(COMPUTE_BUDGET_PROGRAM, each, []) for each in data]


def create_token_account(
    *, owner: Pubkey, mint: Pubkey, program: Pubkey = TOKEN_PROGRAM, payer: Pubkey | None = None
) -> Instruction:
    """Create the owner's associated account unless it exists; the owner or `payer` pays."""
    return Instruction(
        ASSOCIATED_TOKEN_PROGRAM,
        _CREATE_IDEMPOTENT,
        [
            AccountMeta(payer or owner, is_signer=True, is_writable=True),
            AccountMeta(token_account_of(owner, mint, program), is_signer=False, is_writable=True),
            AccountMeta(owner, is_signer=False, is_writable=False),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
            AccountMeta(program, is_signer=False, is_writable=False),
        ],
    )


def wrap(*, owner: Pubkey, lamports: int) -> list[Instruction]:
    """Move lamports into the owner's wrapped SOL account and make it count them."""
    account = token_account_of(owner, WSOL)
    return [
        pay(source=owner, destination=account, lamports=lamports),
        sync_native(account),
    ]


def sync_native(account: Pubkey) -> Instruction:
    """Make a wrapped SOL account count the lamports it was sent."""
    return Instruction(
        TOKEN_PROGRAM, _SYNC_NATIVE, [AccountMeta(account, is_signer=False, is_writable=True)]
    )


def close_token_account(
    *, owner: Pubkey, mint: Pubkey, program: Pubkey = TOKEN_PROGRAM
) -> Instruction:
    """Close the owner's associated account; its lamports go to the owner (this unwraps SOL)."""
    return Instruction(
        program,
        _CLOSE_ACCOUNT,
        [
            AccountMeta(token_account_of(owner, mint, program), is_signer=False, is_writable=True),
            AccountMeta(owner, is_signer=False, is_writable=True),
            AccountMeta(owner, is_signer=True, is_writable=False),
        ],
    )


def freeze_token_account(
    *, account: Pubkey, mint: Pubkey, authority: Pubkey, program: Pubkey
) -> Instruction:
    """Freeze somebody's token account by the mint's freeze authority."""
    return Instruction(
        program,
        _FREEZE_ACCOUNT,
        [
            AccountMeta(account, is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(authority, is_signer=True, is_writable=False),
        ],
    )


def transfer_tokens(
    *,
    source: Pubkey,
    destination: Pubkey,
    mint: Pubkey,
    authority: Pubkey,
    amount: int,
    decimals: int,
    program: Pubkey,
) -> Instruction:
    """TransferChecked by the source's owner, or by the mint's permanent delegate."""
    return Instruction(
        program,
        pack("<BQB", _TRANSFER_CHECKED, amount, decimals),
        [
            AccountMeta(source, is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(destination, is_signer=False, is_writable=True),
            AccountMeta(authority, is_signer=True, is_writable=False),
        ],
    )


def pay(*, source: Pubkey, destination: Pubkey, lamports: int) -> Instruction:
    """A plain transfer: a tip, or SOL on its way to be wrapped."""
    return transfer(TransferParams(from_pubkey=source, to_pubkey=destination, lamports=lamports))
