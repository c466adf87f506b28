"""The accounts of the chain: runs transactions against them, takes them back, finds them by owner.

No slots or blockhashes are judged here: the chain decides what may run, and where it stands.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox import messages
from workers.sandbox.holdings import Holdings, amount_of
from workers.sandbox.ledger import address_key
from workers.sandbox.receipts import Receipts
from workers.sandbox.records import Rejected, TransactionRecord
from workers.sandbox.vm import DryRun, Execution, Vm

_SYSVAR_OWNER = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the chain a transaction runs."""

    slot: int
    index: int
    block_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A transaction that ran: its record, and what it did to which accounts."""

    record: TransactionRecord
    run: Execution

    @property
    def writable(self) -> tuple[Pubkey, ...]:
        keys = self.run.accounts.keys
        return tuple(keys[index] for index in self.run.accounts.writable)

    def address_keys(self) -> set[int]:
        """What it is found by later: every account but programs and sysvars."""
        return {
            address_key(bytes(key))
            for key, account in zip(self.run.accounts.keys, self.run.before, strict=True)
            if account is None or not _is_built_in(account)
        }


class Bank:
    """`slot_hashes` is asked for what the lookup-table program needs, only when it is named."""

    def __init__(self, slot_hashes: Callable[[], Iterable[tuple[int, Hash]]]) -> None:
        self._slot_hashes = slot_hashes
        self._vm = Vm()
        self._receipts = Receipts(self._vm.account)
        self._holdings = Holdings()
        self._journal: deque[tuple[int, list[tuple[Pubkey, Account | None]]]] = deque()
        self._unsaved: set[Pubkey] = set()

    def run(self, transaction: VersionedTransaction, place: Place, *, verify: bool) -> Landing:
        """Change the accounts. Rejected when nothing happened; `keep` or `take_back` must follow."""
        message = transaction.message
        wire = bytes(transaction)
        messages.check_size(wire, messages.version_of(message))
        offer = messages.fee_offer(message)
        self._lend_slot_hashes(message.account_keys)
        run = self._vm.run(transaction, verify=verify, priority_lamports=offer.flat_lamports)
        outcome = run.outcome
        if not outcome.included:
            signature = str(transaction.signatures[0])
            raise Rejected(outcome.err or "AccountNotFound", logs=outcome.logs, signature=signature)
        record = self._receipts.record(
            transaction,
            run,
            wire=wire,
            slot=place.slot,
            index=place.index,
            block_time=place.block_time,
            unit_price=offer.unit_price,
        )
        return Landing(record=record, run=run)

    def keep(self, landing: Landing) -> None:
        """The transaction counts: index what it changed, and remember how to undo it."""
        accounts, after = landing.run.accounts, landing.run.after
        for index in accounts.writable:
            self._note(accounts.keys[index], after[index])
        self._journal.append((landing.record.slot, landing.run.undo_log()))

    def take_back(self, landings: Sequence[Landing]) -> None:
        """The transactions, run but not kept, never happened."""
        for landing in reversed(landings):
            self._vm.undo(landing.run.undo_log())
        self._receipts.forget_mints()

    def roll_back(self, first_lost_slot: int) -> None:
        """Nothing kept in that slot or later happened."""
        while self._journal and self._journal[-1][0] >= first_lost_slot:
            log = self._journal.pop()[1]
            self._vm.undo(log)
            for address, account in log:
                self._note(address, account)
        self._receipts.forget_mints()

    def settle(self, confirmed_slot: int) -> None:
        """Slots up to that one are beyond undoing."""
        while self._journal and self._journal[0][0] <= confirmed_slot:
            self._journal.popleft()

    def simulate(self, transaction: VersionedTransaction, *, verify: bool) -> DryRun:
        self._lend_slot_hashes(transaction.message.account_keys)
        return self._vm.simulate(transaction, verify=verify)

    def set_clock(self, *, slot: int, unix_time: int, slot_ms: int) -> None:
        self._vm.set_clock(slot=slot, unix_time=unix_time, slot_ms=slot_ms)

    def account(self, address: Pubkey) -> Account | None:
        account = self._vm.account(address)
        return None if account is None or account.lamports == 0 else account

    def set_account(self, address: Pubkey, account: Account) -> None:
        self._vm.set_account(address, account)
        self._note(address, account)

    def rent_exempt(self, data_length: int) -> int:
        return self._vm.rent_exempt(data_length)

    def token_accounts(self, owner: Pubkey) -> list[tuple[Pubkey, Account]]:
        """In the order of their addresses."""
        return [(address, self._present(address)) for address in self._holdings.of_owner(owner)]

    def holders(self, mint: Pubkey) -> list[tuple[Pubkey, int]]:
        """(token account, raw amount), largest first."""
        held = [(a, amount_of(self._present(a).data)) for a in self._holdings.of_mint(mint)]
        return sorted(held, key=lambda pair: -pair[1])

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        return self._vm.program_accounts(program)

    def accounts(self) -> Iterator[tuple[Pubkey, Account]]:
        """Every account that was ever placed or changed and still lives, in the order of their
        addresses."""
        return ((address, self._present(address)) for address in self._holdings.addresses())

    def state_hash(self, *, stamp: str) -> str:
        """SHA-256 hex over `stamp` and every account."""
        digest = hashlib.sha256(stamp.encode())
        for address, account in self.accounts():
            digest.update(bytes(address) + account.lamports.to_bytes(8, "little"))
            digest.update(bytes(account.owner) + len(account.data).to_bytes(4, "little"))
            digest.update(account.data)
        return digest.hexdigest()

    def take_unsaved(self) -> list[tuple[Pubkey, Account | None]]:
        """What changed since the last call, as it is now; None where it is gone."""
        changed = sorted(self._unsaved, key=bytes)
        self._unsaved.clear()
        return [(address, self.account(address)) for address in changed]

    def restore(self, accounts: Iterable[tuple[Pubkey, Account]]) -> None:
        """Place what a store kept."""
        for address, account in accounts:
            self.set_account(address, account)
        self._unsaved.clear()

    def _present(self, address: Pubkey) -> Account:
        account = self._vm.account(address)
        if account is None:
            raise LookupError(f"{address} is indexed but does not exist")
        return account

    def _note(self, address: Pubkey, account: Account | None) -> None:
        if account is not None and _is_built_in(account):
            return
        self._holdings.note(address, account)
        self._unsaved.add(address)

    def _lend_slot_hashes(self, keys: Sequence[Pubkey]) -> None:
        if messages.LOOKUP_TABLE_PROGRAM in keys:
            self._vm.set_slot_hashes(list(self._slot_hashes()))


def _is_built_in(account: Account) -> bool:
    """Programs and sysvars: every machine has them anew, they are no part of the state."""
    return account.executable or account.owner == _SYSVAR_OWNER
