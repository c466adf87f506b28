"""What the chain hands out: blocks, landed transactions, outcomes and events. Plain values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey

from workers.sandbox.base58 import encode as to_base58

Commitment = Literal["processed", "confirmed", "finalized"]
Mode = Literal["instant", "slot"]
Version = Literal["legacy"] | int
JsonError = dict[str, Any] | str
"""An error in the form RPC nodes write it: `"AccountNotFound"` or `{"InstructionError": [0, …]}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blockhash:
    """The hash a sealed block ended with. Transactions naming it may land while the height of
    their own block is at most `last_valid_block_height`."""

    hash: Hash
    slot: int
    block_height: int
    last_valid_block_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A sealed block. `block_time` in unix seconds; `signatures` in order of execution."""

    slot: int
    parent_slot: int
    block_height: int
    blockhash: str
    previous_blockhash: str
    block_time: int
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBalance:
    """What one token account of a transaction held, as in `meta.preTokenBalances`."""

    account_index: int
    mint: str
    owner: str
    program_id: str
    amount: int
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerCall:
    """One cross-program call: indexes point into the transaction's account keys."""

    program_id_index: int
    accounts: bytes
    data: bytes
    stack_height: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "programIdIndex": self.program_id_index,
            "accounts": list(self.accounts),
            "data": to_base58(self.data),
            "stackHeight": self.stack_height,
        }


InnerCalls = Sequence[tuple[int, Sequence[InnerCall]]]
"""(index of the top-level instruction, its calls in order), only where there were any."""


def inner_calls_json(calls: InnerCalls) -> list[dict[str, Any]]:
    """`meta.innerInstructions` of getTransaction with encoding json."""
    return [
        {"index": index, "instructions": [call.as_json() for call in group]}
        for index, group in calls
    ]


@dataclass(slots=True, kw_only=True)
class TransactionRecord:
    """A transaction that landed, whether it succeeded or failed on chain (`err` is not None).

    `account_keys` are the static keys followed by the loaded writable and loaded read-only ones;
    balances (lamports) run parallel to them. `index` is the place within the block.
    """

    signature: str
    slot: int
    index: int
    block_time: int
    wire: bytes
    version: Version
    account_keys: list[str]
    loaded_writable: list[str]
    loaded_readonly: list[str]
    fee: int
    err: JsonError | None
    logs: list[str]
    compute_units: int
    pre_balances: list[int]
    post_balances: list[int]
    pre_token_balances: list[TokenBalance]
    post_token_balances: list[TokenBalance]
    inner_calls: InnerCalls = field(default_factory=tuple)
    return_data: tuple[str, bytes] | None = None
    """(program id, data), None when no program returned anything."""
    compute_unit_price: int = 0
    """Micro-lamports per compute unit the sender offered."""

    @property
    def inner_instructions(self) -> list[dict[str, Any]]:
        """RPC JSON form, made on demand: base58 in Python is slow and few ever ask."""
        return inner_calls_json(self.inner_calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressEntry:
    """One line of getSignaturesForAddress."""

    signature: str
    slot: int
    block_time: int
    err: JsonError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStatus:
    """One line of getSignatureStatuses; `confirmations` is None once finalized."""

    slot: int
    err: JsonError | None
    confirmation_status: Commitment
    confirmations: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A dry run. `accounts` holds the state after it, for the addresses that were asked for."""

    err: JsonError | None
    logs: list[str]
    units_consumed: int
    fee: int
    slot: int
    inner_calls: InnerCalls = ()
    return_data: tuple[str, bytes] | None = None
    accounts: tuple[Account | None, ...] = ()
    replacement_blockhash: Blockhash | None = None

    @property
    def inner_instructions(self) -> list[dict[str, Any]]:
        return inner_calls_json(self.inner_calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleResult:
    """What became of a bundle. When `landed` is false nothing of it happened: `failed_index` and
    `err` name the first transaction that was refused or failed, `logs` are its logs."""

    landed: bool
    slot: int
    records: tuple[TransactionRecord, ...] = ()
    failed_index: int | None = None
    err: JsonError | None = None
    logs: tuple[str, ...] = ()


class Rejected(Exception):
    """The transaction was never included: no fee, no trace. `err` is in RPC JSON form."""

    def __init__(self, err: JsonError, *, logs: Sequence[str] = (), signature: str = "") -> None:
        super().__init__(str(err))
        self.err = err
        self.logs = list(logs)
        self.signature = signature


class Malformed(Rejected):
    """The bytes are no transaction a node would take at all (size, encoding, no signer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLanded:
    """A transaction reached the open slot; `writable` are the accounts it may have changed."""

    record: TransactionRecord
    writable: tuple[Pubkey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotClosed:
    """`block` was sealed and `open_slot` opened; `root` is the finalized slot as of now."""

    block: Block
    open_slot: int
    root: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """The processed slots from `first_lost_slot` on never happened; building goes on at
    `open_slot` upon `parent_slot`."""

    first_lost_slot: int
    parent_slot: int
    open_slot: int
    signatures: tuple[str, ...]


ChainEvent = TransactionLanded | SlotClosed | Forked
