"""Somebody else on the chain: a funded wallet that issues tokens by the real token program."""

from base64 import b64encode

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction
from spl.token.constants import MINT_LEN, TOKEN_PROGRAM_ID
from spl.token.instructions import (
    create_idempotent_associated_token_account,
    get_associated_token_address,
    initialize_mint2,
    mint_to,
    set_authority,
)
from spl.token.models import (
    AuthorityType,
    InitializeMint2Params,
    MintToParams,
    SetAuthorityParams,
)

from workers.journey.house import House

FUNDS_LAMPORTS = 10**9
SUPPLY_RAW = 10**15
DECIMALS = 6


async def issue_token(house: House, *, owner: Keypair, mint: Keypair) -> str:
    """The address of a new token: no authority left, all of it in one hand, and no pool."""
    funds = {"address": str(owner.pubkey()), "lamports": FUNDS_LAMPORTS}
    await house.sandbox("POST", "fund", funds)
    rent = await house.rpc("getMinimumBalanceForRentExemption", MINT_LEN)
    instructions = _issue(owner.pubkey(), mint.pubkey(), rent_lamports=rent)
    latest = await house.rpc("getLatestBlockhash", {"commitment": "confirmed"})
    recent = Hash.from_string(latest["value"]["blockhash"])
    message = MessageV0.try_compile(owner.pubkey(), instructions, [], recent)
    wire = b64encode(bytes(VersionedTransaction(message, [owner, mint]))).decode()
    await house.rpc("sendTransaction", wire, {"encoding": "base64", "skipPreflight": True})
    return str(mint.pubkey())


def _issue(owner: Pubkey, mint: Pubkey, *, rent_lamports: int) -> list[Instruction]:
    account = get_associated_token_address(owner, mint)
    room = CreateAccountParams(
        from_pubkey=owner,
        to_pubkey=mint,
        lamports=rent_lamports,
        space=MINT_LEN,
        owner=TOKEN_PROGRAM_ID,
    )
    birth = InitializeMint2Params(
        program_id=TOKEN_PROGRAM_ID, mint=mint, decimals=DECIMALS, mint_authority=owner
    )
    supply = MintToParams(
        program_id=TOKEN_PROGRAM_ID,
        mint=mint,
        dest=account,
        mint_authority=owner,
        amount=SUPPLY_RAW,
    )
    renounced = SetAuthorityParams(
        program_id=TOKEN_PROGRAM_ID,
        account=mint,
        authority=AuthorityType.MINT_TOKENS,
        current_authority=owner,
    )
    return [
        create_account(room),
        initialize_mint2(birth),
        create_idempotent_associated_token_account(owner, owner, mint),
        mint_to(supply),
        set_authority(renounced),
    ]
