"""A funded wallet that builds, signs and sends real transactions to a sandbox; no tests here."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import (
    create_idempotent_associated_token_account,
    get_associated_token_address,
    initialize_mint2,
    mint_to,
)
from spl.token.models import InitializeMint2Params, MintToParams

from tests.cluster import Sandbox

TIP_ACCOUNT = Pubkey.from_string("96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """`keypair` pays and signs first; amounts are lamports or raw token amounts."""

    sandbox: Sandbox
    keypair: Keypair

    @property
    def address(self) -> Pubkey:
        return self.keypair.pubkey()

    def blockhash(self, commitment: str = "confirmed") -> Hash:
        reply = self.sandbox.rpc("getLatestBlockhash", {"commitment": commitment})
        return Hash.from_string(reply["result"]["value"]["blockhash"])

    def sign(
        self,
        *instructions: Instruction,
        signers: Sequence[Keypair] = (),
        blockhash: Hash | None = None,
    ) -> VersionedTransaction:
        recent = blockhash or self.blockhash()
        message = MessageV0.try_compile(self.address, list(instructions), [], recent)
        return VersionedTransaction(message, [self.keypair, *signers])

    def send(self, *instructions: Instruction, signers: Sequence[Keypair] = ()) -> str:
        """The signature; the transaction passed preflight."""
        transaction = self.sign(*instructions, signers=signers)
        reply = send_wire(self.sandbox, transaction, preflightCommitment="processed")
        assert "result" in reply, reply
        return str(reply["result"])

    def pay(self, receiver: Pubkey, lamports: int) -> Instruction:
        return transfer(
            TransferParams(from_pubkey=self.address, to_pubkey=receiver, lamports=lamports)
        )

    def tip(self, lamports: int = 10_000) -> Instruction:
        return self.pay(TIP_ACCOUNT, lamports)

    def token_account(self, mint: Pubkey, program: Pubkey = TOKEN_PROGRAM_ID) -> Pubkey:
        return get_associated_token_address(self.address, mint, program)

    def issue(
        self, *, decimals: int = 6, supply: int = 1_000_000, program: Pubkey = TOKEN_PROGRAM_ID
    ) -> Pubkey:
        """A new plain mint; the whole supply is in our associated token account."""
        mint = Keypair()
        rent = self.sandbox.rpc("getMinimumBalanceForRentExemption", 82)["result"]
        room = CreateAccountParams(
            from_pubkey=self.address,
            to_pubkey=mint.pubkey(),
            lamports=rent,
            space=82,
            owner=program,
        )
        birth = InitializeMint2Params(
            program_id=program, mint=mint.pubkey(), decimals=decimals, mint_authority=self.address
        )
        minting = MintToParams(
            program_id=program,
            mint=mint.pubkey(),
            dest=self.token_account(mint.pubkey(), program),
            mint_authority=self.address,
            amount=supply,
        )
        self.send(
            create_account(room),
            initialize_mint2(birth),
            create_idempotent_associated_token_account(
                self.address, self.address, mint.pubkey(), program
            ),
            mint_to(minting),
            signers=[mint],
        )
        return mint.pubkey()


def in_base64(transaction: VersionedTransaction) -> str:
    return b64encode(bytes(transaction)).decode()


def send_wire(sandbox: Sandbox, transaction: VersionedTransaction, **config: Any) -> dict[str, Any]:
    """The whole reply of sendTransaction."""
    wire = in_base64(transaction)
    return sandbox.rpc("sendTransaction", wire, {"encoding": "base64", **config})
