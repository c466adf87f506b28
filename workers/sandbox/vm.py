"""One Solana VM: accounts, and transactions run against them. No slots, no history, no checks of
blockhashes or duplicates: those belong to the chain.

Notes on what LiteSVM leaves to its user are next to the lines that take care of it.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.message import MessageV0, VersionedMessage
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.solders import LiteSVM
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    TransactionMetadata,
    TransactionResult,
)

from workers.sandbox import messages
from workers.sandbox.amm import AMM_PROGRAM_ID
from workers.sandbox.records import InnerCall, InnerCalls, JsonError

SLOTS_PER_EPOCH = 432_000

_AMM_PROGRAM = Path(__file__).parent / "program" / "amm.so"
_NOT_INCLUDED = Signature.default()
_GONE = Account(0, b"", SYSTEM_PROGRAM)
_SCRATCH = sqlite3.connect(":memory:", check_same_thread=False)
# LiteSVM names this failure after the runtime's inside; nodes answer with the other name.
_RENAMED_ERRORS = {"InvalidProgramForExecution": "ProgramAccountNotFound"}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the VM says about one run. `included` is false when nothing happened, not even a fee."""

    included: bool
    err: JsonError | None
    logs: list[str]
    compute_units: int
    fee: int
    inner_calls: InnerCalls = ()
    return_data: tuple[str, bytes] | None = None


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run with the accounts it saw, in index order: `before` and `after` run parallel to
    `accounts.keys`; None where there was no account."""

    outcome: Outcome
    accounts: messages.Accounts
    before: list[Account | None]
    after: list[Account | None]

    def undo_log(self) -> list[tuple[Pubkey, Account | None]]:
        """What has to be put back, and how it was."""
        keys, before = self.accounts.keys, self.before
        return [(keys[i], before[i]) for i in self.accounts.writable]


@dataclass(slots=True, kw_only=True)
class DryRun:
    """A simulation; `post` holds the changed accounts, only when it succeeded."""

    outcome: Outcome
    post: dict[Pubkey, Account] = field(default_factory=dict)


class Vm:
    """A fresh machine with mainnet's programs, token programs and the sandbox's exchange.

    For one thread only: LiteSVM raises "Already borrowed" when two enter it.
    """

    def __init__(self) -> None:
        self._svm = LiteSVM()
        # It accepts its own single latest blockhash only, and forgets transactions after 32.
        self._svm.set_blockhash_check(False)
        self._svm.set_transaction_history(0)
        # The airdrop pool's key is random: leaving it would make no two chains equal.
        self._svm.set_account(self._svm.airdrop_pubkey, _GONE)
        self._svm.add_program(AMM_PROGRAM_ID, _AMM_PROGRAM.read_bytes())
        self._programs: dict[Pubkey, Account] = {}
        self._sigverify = True

    def account(self, address: Pubkey) -> Account | None:
        """The account, None where there is none."""
        program = self._programs.get(address)
        if program is not None:
            return program
        account = self._svm.get_account(address)
        if account is not None and account.executable:
            # The ATA program alone has 105 kB: copying it for every transaction costs dearly.
            self._programs[address] = account
        return account

    def set_account(self, address: Pubkey, account: Account | None) -> None:
        """Place an account as it is; None removes it."""
        self._svm.set_account(address, _GONE if account is None else account)

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        found = self._svm.get_program_accounts(program)
        return sorted(found, key=lambda pair: bytes(pair[0]))

    def rent_exempt(self, data_length: int) -> int:
        return self._svm.minimum_balance_for_rent_exemption(data_length)

    def set_clock(self, *, slot: int, unix_time: int, slot_ms: int) -> None:
        """What programs read from the Clock sysvar."""
        epoch, into_epoch = divmod(slot, SLOTS_PER_EPOCH)
        started = unix_time - into_epoch * slot_ms // 1000
        self._svm.set_clock(Clock(slot, started, epoch, epoch + 1, unix_time))

    def set_slot_hashes(self, hashes: Sequence[tuple[int, Hash]]) -> None:
        """What the lookup-table program reads, newest first. Costs 0.1 ms: only when needed."""
        self._svm.set_slot_hashes(hashes)

    def resolve(self, message: VersionedMessage) -> messages.Accounts:
        """All accounts of the message, those of its lookup tables included."""
        if not isinstance(message, MessageV0) or not message.address_table_lookups:
            return messages.static_accounts(message)
        tables = [self.account(lookup.account_key) for lookup in message.address_table_lookups]
        return messages.with_lookups(message, [t.data if t else None for t in tables])

    def run(
        self, transaction: VersionedTransaction, *, verify: bool, priority_lamports: int = 0
    ) -> Execution:
        """Execute. `verify` checks the signatures. `priority_lamports`: the fee a v1 message
        offers, which this VM does not collect itself."""
        accounts = self.resolve(transaction.message)
        before = [self.account(key) for key in accounts.keys]
        if not self._collect(accounts.keys[0], before[0], priority_lamports):
            unpaid = Outcome(
                included=False, err="InsufficientFundsForFee", logs=[], compute_units=0, fee=0
            )
            return Execution(outcome=unpaid, accounts=accounts, before=before, after=before)
        self._set_sigverify(verify)
        outcome = self._outcome(self._svm.send_transaction(transaction))
        _hand_back_registers()
        after = before.copy()
        if outcome.included:
            outcome.fee += priority_lamports
            for index in accounts.writable:
                after[index] = self.account(accounts.keys[index])
        elif priority_lamports:
            self.set_account(accounts.keys[0], before[0])
        return Execution(outcome=outcome, accounts=accounts, before=before, after=after)

    def undo(self, log: Iterable[tuple[Pubkey, Account | None]]) -> None:
        """Put accounts back as they were; call it in reverse order of the runs."""
        for address, account in log:
            if address not in self._programs:
                self.set_account(address, account)

    def simulate(self, transaction: VersionedTransaction, *, verify: bool) -> DryRun:
        """Execute without leaving a trace."""
        self._set_sigverify(verify)
        result = self._svm.simulate_transaction(transaction)
        _hand_back_registers()
        if isinstance(result, FailedTransactionMetadata):
            return DryRun(outcome=self._outcome(result))
        return DryRun(outcome=_succeeded(result.meta()), post=dict(result.post_accounts()))

    def _collect(self, payer: Pubkey, account: Account | None, lamports: int) -> bool:
        if not lamports:
            return True
        if account is None or account.lamports < lamports:
            return False
        self.set_account(payer, Account(account.lamports - lamports, account.data, account.owner))
        return True

    def _set_sigverify(self, wanted: bool) -> None:
        if wanted is not self._sigverify:
            self._svm.set_sigverify(wanted)
            self._sigverify = wanted

    def _outcome(self, result: TransactionResult) -> Outcome:
        if isinstance(result, TransactionMetadata):
            return _succeeded(result)
        meta = result.meta()
        # to_json has the error in RPC form; its inner instructions are in another one.
        outcome = _succeeded(meta)
        outcome.err = _renamed(json.loads(result.to_json())["err"])
        outcome.included = meta.signature() != _NOT_INCLUDED
        return outcome


def _succeeded(meta: TransactionMetadata) -> Outcome:
    returned = meta.return_data()
    return Outcome(
        included=True,
        err=None,
        logs=meta.logs(),
        compute_units=meta.compute_units_consumed(),
        fee=meta.fee(),
        inner_calls=_inner_calls(meta),
        return_data=(str(returned.program_id), returned.data) if returned.data else None,
    )


def _inner_calls(meta: TransactionMetadata) -> InnerCalls:
    calls = []
    for index, group in enumerate(meta.inner_instructions()):
        if group:
            calls.append((index, tuple(_inner_call(inner) for inner in group)))
    return tuple(calls)


def _inner_call(inner: Any) -> InnerCall:
    instruction = inner.instruction()
    return InnerCall(
        program_id_index=instruction.program_id_index,
        accounts=instruction.accounts,
        data=instruction.data,
        stack_height=inner.stack_height(),
    )


def _renamed(err: JsonError) -> JsonError:
    return _RENAMED_ERRORS.get(err, err) if isinstance(err, str) else err


def _hand_back_registers() -> None:
    """Use up what compiled programs leave in the MMX registers, which are also the x87 ones.

    They never hand them back (EMMS), so the next text that SQLite reads as a real number, anywhere in
    this process, would come out as NaN and be stored as NULL. This is that next text.
    """
    _SCRATCH.execute("SELECT CAST('1.5' AS REAL)").fetchone()
