"""The cluster's chain: slots, blocks, commitment, and the one way in for every transaction.

How a transaction runs is `vm.py`, what is remembered is `ledger.py`; no network, no market here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox.records import (
    AddressEntry,
    Block,
    Blockhash,
    BundleResult,
    ChainEvent,
    Commitment,
    Mode,
    SignatureStatus,
    Simulation,
    TransactionRecord,
)

Listener = Callable[[ChainEvent], None]


class Chain:
    """One cluster. Everything but the reported times is a function of the seed and of what is
    executed in which slot. Not for more than one thread; listeners must not execute anything."""

    seed: int
    mode: Mode
    slot_ms: int
    genesis_time: int
    is_new: bool
    """Nothing was stored yet: genesis accounts are to be set now."""
    faucet: Keypair
    notes: dict[str, bytes]
    """Small things others want stored with the chain (saved and restored atomically with it)."""

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        seed: int = 1,
        mode: Mode = "instant",
        slot_ms: int = 400,
        genesis_time: int | None = None,
        confirmation_slots: int = 1,
    ) -> "Chain":
        """Continue the chain stored in the SQLite file at `path`, or begin one there (None: in
        memory). A stored chain keeps its genesis time; another seed than its own: ValueError.
        `confirmation_slots`: how many slots behind the tip confirmed is, slot mode only."""
        raise NotImplementedError

    @property
    def slot(self) -> int:
        """The open slot."""
        raise NotImplementedError

    @property
    def block_height(self) -> int:
        """The height the open slot's block will have."""
        raise NotImplementedError

    @property
    def unix_time(self) -> float:
        """The chain's clock: genesis time plus the time its slots took. It moves by closing slots
        and by `advance`, never by itself."""
        raise NotImplementedError

    @property
    def genesis_hash(self) -> Hash:
        raise NotImplementedError

    @property
    def transaction_count(self) -> int:
        """Transactions ever landed."""
        raise NotImplementedError

    def blockhash(self, commitment: Commitment = "processed") -> Blockhash:
        """The newest blockhash a bank of that commitment knows."""
        raise NotImplementedError

    def is_blockhash_valid(self, blockhash: Hash, commitment: Commitment = "processed") -> bool:
        """Whether a bank of that commitment knows the hash and it is at most 150 blocks old."""
        raise NotImplementedError

    def slot_at(self, commitment: Commitment) -> int:
        """processed = the open slot; confirmed, finalized = the newest slot that has a block."""
        raise NotImplementedError

    def block_height_at(self, commitment: Commitment) -> int:
        raise NotImplementedError

    def submit(self, wire: bytes) -> str:
        """Take a signed transaction and return its signature.

        Instant mode: it executes and its slot closes; Rejected when it is not included. Slot mode:
        it waits until it lands or its blockhash dies; later rejections are silent, as on mainnet.
        Malformed in both modes for what no node would take; Rejected("SignatureFailure") too."""
        raise NotImplementedError

    def settle(self) -> None:
        """Instant mode: close the slot now, without time passing. Slot mode: nothing."""
        raise NotImplementedError

    def execute(
        self, transaction: VersionedTransaction, *, trusted: bool = False
    ) -> TransactionRecord:
        """Run a transaction in the open slot, in both modes; the slot stays open. `trusted` leaves
        the signatures unchecked. Rejected when it is not included; a transaction that fails on
        chain is included and has `record.err`."""
        raise NotImplementedError

    def execute_bundle(
        self, transactions: Sequence[VersionedTransaction], *, trusted: bool = False
    ) -> BundleResult:
        """All land in order in the open slot without an error, or nothing happened at all.
        The slot stays open: `settle()` afterwards where instant mode should confirm it."""
        raise NotImplementedError

    def simulate(
        self,
        transaction: VersionedTransaction,
        *,
        sig_verify: bool = False,
        replace_blockhash: bool = False,
        accounts: Sequence[Pubkey] = (),
        commitment: Commitment = "processed",
    ) -> Simulation:
        """Dry run on the open slot's state. The blockhash is judged at `commitment` (preflight).
        Never raises Rejected: `err` says it ("BlockhashNotFound", "SignatureFailure", …)."""
        raise NotImplementedError

    def close_slot(self, *, elapsed_ms: int | None = None) -> None:
        """Seal the block, open the next slot, run what waits in the mempool there, tell listeners.
        `elapsed_ms`: how long the slot took; its nominal length when not given."""
        raise NotImplementedError

    def advance(self, *, slots: int | None = None, seconds: float | None = None) -> None:
        """Let time pass. `slots`: that many blocks are made, so that blockhashes expire.
        `seconds`: the open slot is sealed and the slots of that time are skipped: the clock and
        slot numbers jump, the block height does not, everything before becomes finalized."""
        raise NotImplementedError

    def account(self, address: Pubkey) -> Account | None:
        """The account as of the open slot; None where there is none."""
        raise NotImplementedError

    def set_account(self, address: Pubkey, account: Account) -> None:
        """Place an account without a transaction. Genesis only."""
        raise NotImplementedError

    def rent_exempt(self, data_length: int) -> int:
        """Lamports an account of that many bytes must hold."""
        raise NotImplementedError

    def fund(self, address: Pubkey, lamports: int) -> TransactionRecord:
        """A real transfer signed by the faucet, in the open slot (then `settle()` yourself)."""
        raise NotImplementedError

    def status(self, signature: str) -> SignatureStatus | None:
        raise NotImplementedError

    def transaction(self, signature: str) -> TransactionRecord | None:
        raise NotImplementedError

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
        raise NotImplementedError

    def block(self, slot: int) -> Block | None:
        """The sealed block of a slot; None for open, skipped and forked-away slots, and for empty
        blocks far below the root (those are pruned)."""
        raise NotImplementedError

    def block_time(self, slot: int) -> int | None:
        raise NotImplementedError

    def token_accounts_by_owner(
        self, owner: Pubkey, *, mint: Pubkey | None = None, program_id: Pubkey | None = None
    ) -> list[tuple[Pubkey, Account]]:
        """Token accounts of a wallet, in the order of their addresses."""
        raise NotImplementedError

    def largest_token_accounts(self, mint: Pubkey, *, limit: int = 20) -> list[tuple[Pubkey, int]]:
        """(token account, raw amount), largest first."""
        raise NotImplementedError

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Every account a program owns, in the order of their addresses."""
        raise NotImplementedError

    def fork(self, slots: int = 1) -> None:
        """The newest `slots` processed slots (the open one included) never happened; their
        transactions and blockhashes are gone. Confirmed slots never roll back: ValueError."""
        raise NotImplementedError

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every event from now on; call the result to stop."""
        raise NotImplementedError

    def state_hash(self) -> str:
        """SHA-256 hex over every account, the open slot and the last blockhash; no clock in it."""
        raise NotImplementedError

    def save(self) -> None:
        """Store everything since the last save in one SQLite transaction (cheap: only changes)."""
        raise NotImplementedError

    def close(self) -> None:
        """Save and close the file."""
        raise NotImplementedError
