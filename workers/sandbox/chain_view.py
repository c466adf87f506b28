"""What can be asked of the chain; nothing here changes it."""

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey

from workers.sandbox.bank import Bank
from workers.sandbox.ledger import Ledger, address_key
from workers.sandbox.records import (
    AddressEntry,
    Block,
    Blockhash,
    Commitment,
    SignatureStatus,
    TransactionRecord,
)
from workers.sandbox.timeline import Timeline


class ChainView:
    """Reads see the open slot's state, whatever the commitment; only times, heights and what
    counts as landed are told apart by commitment."""

    def __init__(self, *, timeline: Timeline, bank: Bank, ledger: Ledger) -> None:
        self._time = timeline
        self._bank = bank
        self._ledger = ledger

    @property
    def slot(self) -> int:
        """The open slot."""
        return self._time.slot

    @property
    def slot_ms(self) -> int:
        return self._time.slot_ms

    @property
    def genesis_time(self) -> int:
        return self._time.genesis_time

    @property
    def block_height(self) -> int:
        """The height the open slot's block will have."""
        return self._time.block_height

    @property
    def unix_time(self) -> float:
        """The chain's clock: genesis time plus the time its slots took. It moves by closing slots
        and by `advance`, never by itself."""
        return self._time.unix_time

    @property
    def genesis_hash(self) -> Hash:
        return self._time.genesis_hash

    def blockhash(self, commitment: Commitment = "processed") -> Blockhash:
        """The newest blockhash a bank of that commitment knows."""
        return self._time.blockhash(commitment)

    def is_blockhash_valid(self, blockhash: Hash, commitment: Commitment = "processed") -> bool:
        """Whether a bank of that commitment knows the hash and it is at most 150 blocks old."""
        return self._time.is_valid(blockhash, commitment)

    def slot_at(self, commitment: Commitment) -> int:
        """processed = the open slot; confirmed, finalized = the newest slot that has a block."""
        return self._time.slot_at(commitment)

    def block_height_at(self, commitment: Commitment) -> int:
        return self._time.block_height_at(commitment)

    def account(self, address: Pubkey) -> Account | None:
        """The account as of the open slot; None where there is none."""
        return self._bank.account(address)

    def rent_exempt(self, data_length: int) -> int:
        """Lamports an account of that many bytes must hold."""
        return self._bank.rent_exempt(data_length)

    def status(self, signature: str) -> SignatureStatus | None:
        """Where a transaction stands; None when it never landed (or was lost in a fork)."""
        landed = self._ledger.landed(signature)
        if landed is None:
            return None
        slot, err = landed
        reached = self._time.commitment_of(slot)
        return SignatureStatus(
            slot=slot,
            err=err,
            confirmation_status=reached,
            confirmations=None if reached == "finalized" else self.slot - slot,
        )

    def transaction(self, signature: str) -> TransactionRecord | None:
        return self._ledger.transaction(signature)

    def signatures_for(
        self,
        address: str,
        *,
        limit: int = 1000,
        before: str | None = None,
        until: str | None = None,
        commitment: Commitment = "processed",
    ) -> list[AddressEntry]:
        """Newest first, strictly between `before` (newer end) and `until` (older end). Programs
        and sysvars are not indexed."""
        return self._ledger.entries(
            address_key(bytes(Pubkey.from_string(address))),
            limit=limit,
            before=before,
            until=until,
            max_slot=self.slot_at(commitment),
        )

    def block(self, slot: int) -> Block | None:
        """The sealed block of a slot; None for open, skipped and forked-away slots, and for empty
        blocks far below the root (those are pruned)."""
        return self._time.block(slot) or self._ledger.block(slot)

    def block_time(self, slot: int) -> int | None:
        """Unix seconds of a sealed block."""
        block = self.block(slot)
        return None if block is None else block.block_time

    def token_accounts_by_owner(
        self, owner: Pubkey, *, mint: Pubkey | None = None, program_id: Pubkey | None = None
    ) -> list[tuple[Pubkey, Account]]:
        """Token accounts of a wallet, in the order of their addresses."""
        return [
            (address, account)
            for address, account in self._bank.token_accounts(owner)
            if (mint is None or account.data[:32] == bytes(mint))
            and (program_id is None or account.owner == program_id)
        ]

    def largest_token_accounts(self, mint: Pubkey, *, limit: int = 20) -> list[tuple[Pubkey, int]]:
        """(token account, raw amount), largest first."""
        return self._bank.holders(mint)[:limit]

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Every account a program owns, in the order of their addresses."""
        return self._bank.program_accounts(program)

    def state_hash(self) -> str:
        """SHA-256 hex over every account, the open slot and the last blockhash; no clock in it."""
        return self._bank.state_hash(stamp=f"{self.slot} {self._time.tip.blockhash}")
