"""The cluster's chain: slots, blocks, commitment, and the one way in for every transaction.

The accounts are in `bank.py`, time in `timeline.py`, the past in `ledger.py`; no network and no
market here.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from workers.sandbox import messages
from workers.sandbox.bank import Bank, Landing, Place
from workers.sandbox.chain_view import ChainView
from workers.sandbox.holdings import TOKEN_PROGRAM
from workers.sandbox.ledger import Ledger
from workers.sandbox.mempool import Mempool
from workers.sandbox.recent import RecentSignatures
from workers.sandbox.records import (
    BundleResult,
    ChainEvent,
    Commitment,
    Forked,
    JsonError,
    Mode,
    Rejected,
    Simulation,
    SlotClosed,
    TransactionLanded,
    TransactionRecord,
)
from workers.sandbox.saved import Notes, UnableToContinue, number_row, numbers_in
from workers.sandbox.store import Store
from workers.sandbox.timeline import REMEMBERED_BLOCKS, Timeline

Listener = Callable[[ChainEvent], None]

FAUCET_LAMPORTS = 500_000_000 * 10**9

_MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
WSOL_MINT = Pubkey.from_string("So11111111111111111111111111111111111111112")
# No authority, no supply of its own, 9 decimals, initialised, not freezable.
_WSOL_MINT_DATA = bytes(36) + bytes(8) + bytes([9, 1]) + bytes(36)


class Chain(ChainView):
    """One cluster. Everything but the reported times is a function of the seed and of what is
    executed in which slot. Not for more than one thread; listeners must not execute anything."""

    def __init__(self, store: Store, timeline: Timeline, *, seed: int, mode: Mode) -> None:
        """Use `open`."""
        super().__init__(timeline=timeline, bank=Bank(timeline.slot_hashes), ledger=Ledger(store))
        self.seed = seed
        self.mode: Mode = mode
        self.is_new = True
        """Nothing was stored yet: genesis accounts are to be set now."""
        self.notes = Notes()
        """Small things others want stored with the chain, saved and restored atomically with it;
        only the ones replaced since the last save are written."""
        self.is_saved = False
        """Whether a process that ended now would lose nothing of the chain."""
        self.faucet = Keypair.from_seed(hashlib.sha256(b"sandbox faucet %d" % seed).digest())
        self._store = store
        self._mempool = Mempool()
        self._listeners: list[Listener] = []
        self._open_signatures: list[str] = []
        self._recent = RecentSignatures()
        self._saved_slot = -1
        self._fundings = 0
        self.transaction_count = 0
        """Transactions ever landed."""

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
        memory). A stored chain keeps its genesis time; another seed or format: UnableToContinue.
        `confirmation_slots`: how many slots behind the tip confirmed is, slot mode only."""
        store = Store(path)
        stored = store.state()
        try:
            state = numbers_in(stored, seed=seed, path=path)
        except UnableToContinue:
            store.close()
            raise
        began = int(time.time()) if genesis_time is None else genesis_time
        timeline = Timeline(
            seed=seed,
            mode=mode,
            slot_ms=slot_ms,
            genesis_time=state.get("genesis_time", began),
            confirmation_slots=confirmation_slots,
        )
        chain = cls(store, timeline, seed=seed, mode=mode)
        if state:
            chain._restore(state, stored)
        else:
            chain._begin()
        return chain

    def submit(self, wire: bytes) -> str:
        """Take a signed transaction and return its signature.

        Instant mode: it executes and its slot closes; Rejected when it is not included. Slot mode:
        it waits until it lands or its blockhash dies; later rejections are silent, as on mainnet.
        Malformed in both modes for what no node would take; Rejected("SignatureFailure") too."""
        transaction = messages.decode(wire)
        signature = str(transaction.signatures[0])
        if not all(transaction.verify_with_results()):
            raise Rejected("SignatureFailure", signature=signature)
        if self.mode == "slot":
            self._mempool.add(transaction)
            return signature
        self.execute(transaction, trusted=True)
        self.settle()
        return signature

    def settle(self) -> None:
        """Instant mode: close the slot now, without time passing. Slot mode: nothing."""
        if self.mode == "instant":
            self.close_slot(elapsed_ms=0)

    def execute(
        self, transaction: VersionedTransaction, *, trusted: bool = False
    ) -> TransactionRecord:
        """Run a transaction in the open slot, in both modes; the slot stays open. `trusted` leaves
        the signatures unchecked. Rejected when it is not included; a transaction that fails on
        chain is included and has `record.err`."""
        landing = self._run(transaction, trusted=trusted)
        self._land(landing)
        return landing.record

    def execute_bundle(
        self, transactions: Sequence[VersionedTransaction], *, trusted: bool = False
    ) -> BundleResult:
        """All land in order in the open slot without an error, or nothing happened at all.
        The slot stays open: `settle()` afterwards where instant mode should confirm it."""
        landings: list[Landing] = []
        for place, transaction in enumerate(transactions):
            try:
                landing = self._run(transaction, trusted=trusted, behind=landings)
            except Rejected as rejected:
                self._bank.take_back(landings)
                return self._failed_bundle(place, rejected.err, rejected.logs)
            landings.append(landing)
            if landing.record.err is not None:
                self._bank.take_back(landings)
                return self._failed_bundle(place, landing.record.err, landing.record.logs)
        for landing in landings:
            self._land(landing)
        records = tuple(landing.record for landing in landings)
        return BundleResult(landed=True, slot=self.slot, records=records)

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
        if not replace_blockhash:
            err = self._obstacle(transaction, commitment)
            if err is not None:
                return Simulation(err=err, logs=[], units_consumed=0, fee=0, slot=self.slot)
        dry = self._bank.simulate(transaction, verify=sig_verify)
        outcome = dry.outcome
        return Simulation(
            err=outcome.err,
            logs=outcome.logs,
            units_consumed=outcome.compute_units,
            fee=outcome.fee + messages.fee_offer(transaction.message).flat_lamports,
            slot=self.slot,
            inner_calls=outcome.inner_calls,
            return_data=outcome.return_data,
            accounts=tuple(dry.post.get(key) or self.account(key) for key in accounts),
            replacement_blockhash=self.blockhash(commitment) if replace_blockhash else None,
        )

    def close_slot(self, *, elapsed_ms: int | None = None) -> None:
        """Seal the block, open the next slot, run what waits in the mempool there, tell listeners.
        `elapsed_ms`: how long the slot took; its nominal length when not given."""
        for _ in self.closing(elapsed_ms=elapsed_ms):
            pass

    def closing(self, *, elapsed_ms: int | None = None) -> Iterator[None]:
        """`close_slot` in steps: between two transactions anybody may ask, submit, even close the
        slot. What is left when nobody goes on waits for the next slot."""
        yield from self._close(elapsed_ms=self.slot_ms if elapsed_ms is None else elapsed_ms)

    def advance(self, *, slots: int | None = None, seconds: float | None = None) -> None:
        """Let time pass. `slots`: that many blocks are made, so that blockhashes expire.
        `seconds`: the open slot is sealed and the slots of that time are skipped: the clock and
        slot numbers jump, the block height does not, everything before becomes finalized."""
        for _ in range(slots or 0):
            self.close_slot()
        if seconds is not None:
            milliseconds = int(seconds * 1000)
            slot_takes = min(milliseconds, self.slot_ms)
            for _ in self._close(elapsed_ms=slot_takes, skipped_ms=milliseconds - slot_takes):
                pass

    def set_account(self, address: Pubkey, account: Account) -> None:
        """Place an account without a transaction. Genesis only."""
        self.is_saved = False
        self._bank.set_account(address, account)

    def fund(self, address: Pubkey, lamports: int) -> TransactionRecord:
        """A real transfer signed by the faucet, in the open slot (then `settle()` yourself)."""
        payer = self.faucet.pubkey()
        self._fundings += 1  # told in a memo: two equal transfers need different signatures
        instructions = [
            transfer(TransferParams(from_pubkey=payer, to_pubkey=address, lamports=lamports)),
            Instruction(_MEMO_PROGRAM, f"faucet {self._fundings}".encode(), []),
        ]
        message = Message.new_with_blockhash(instructions, payer, self.blockhash().hash)
        return self.execute(VersionedTransaction(message, [self.faucet]), trusted=True)

    def fork(self, slots: int = 1) -> None:
        """The newest `slots` processed slots (the open one included) never happened; their
        transactions and blockhashes are gone. Confirmed slots never roll back: ValueError."""
        first_lost = self._time.roll_back(slots)
        self.is_saved = False
        self._bank.roll_back(first_lost)
        lost = self._recent.forget_from(first_lost)
        self.transaction_count -= len(lost)
        self._open_signatures.clear()
        self._ledger.drop_from_slot(first_lost)
        self._saved_slot = min(self._saved_slot, first_lost - 1)
        self._set_clock()
        self._emit(
            Forked(
                first_lost_slot=first_lost,
                parent_slot=self._time.tip.slot,
                open_slot=self.slot,
                signatures=tuple(lost),
            )
        )

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every event from now on; call the result to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def save(self) -> None:
        """Store everything since the last save in one SQLite transaction (cheap: only changes)."""
        self._ledger.spill(self._time.blocks_after(self._saved_slot))
        self._store.prune_empty_blocks(below=self._time.blocks[0].slot)
        self._store.put_accounts(self._bank.take_unsaved())
        state = {
            "seed": self.seed,
            "genesis_time": self.genesis_time,
            "slot": self.slot,
            "elapsed_ms": self._time.elapsed_ms,
            "forks": self._time.forks,
            "fundings": self._fundings,
            "transactions": self.transaction_count,
        }
        self._store.put_state(number_row(state) | self.notes.rows())
        self._store.commit()
        self._saved_slot = self._time.tip.slot
        self.is_saved = True

    def close(self) -> None:
        """Save and close the file."""
        self.save()
        self._store.close()

    def _begin(self) -> None:
        faucet = Account(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM)
        self.set_account(self.faucet.pubkey(), faucet)
        self.set_account(WSOL_MINT, Account(self.rent_exempt(82), _WSOL_MINT_DATA, TOKEN_PROGRAM))
        self._set_clock()

    def _restore(self, state: dict[str, Any], stored: dict[str, bytes]) -> None:
        self.is_new = False
        self._fundings, self.transaction_count = state["fundings"], state["transactions"]
        self.notes = Notes(stored)
        self._time.restore(
            slot=state["slot"],
            elapsed_ms=state["elapsed_ms"],
            forks=state["forks"],
            blocks=self._store.last_blocks(REMEMBERED_BLOCKS),
        )
        self._saved_slot = self._time.tip.slot
        self._bank.restore(self._store.accounts())
        for slot, signature in self._store.signatures_from(self._time.oldest_usable_slot):
            self._recent.add(signature, slot)
            if slot == self.slot:
                self._open_signatures.append(signature)
        self._set_clock()
        self.is_saved = True

    def _obstacle(
        self, transaction: VersionedTransaction, commitment: Commitment = "processed"
    ) -> str | None:
        """What keeps a transaction from running, before any account is looked at."""
        if not self.is_blockhash_valid(transaction.message.recent_blockhash, commitment):
            return "BlockhashNotFound"
        if str(transaction.signatures[0]) in self._recent:
            return "AlreadyProcessed"
        return None

    def _run(
        self,
        transaction: VersionedTransaction,
        *,
        trusted: bool,
        behind: Sequence[Landing] = (),
    ) -> Landing:
        """`behind`: what of the same bundle ran before it."""
        err = self._obstacle(transaction)
        signature = str(transaction.signatures[0])
        if err is None and any(landing.record.signature == signature for landing in behind):
            err = "AlreadyProcessed"
        if err is not None:
            raise Rejected(err, signature=signature)
        index = len(self._open_signatures) + len(behind)
        place = Place(slot=self.slot, index=index, block_time=int(self.unix_time))
        return self._bank.run(transaction, place, verify=not trusted)

    def _land(self, landing: Landing) -> None:
        record = landing.record
        self.is_saved = False
        self._bank.keep(landing)
        self._ledger.add(record, landing.address_keys())
        self._recent.add(record.signature, record.slot)
        self._open_signatures.append(record.signature)
        self.transaction_count += 1
        self._emit(TransactionLanded(record=record, writable=landing.writable))

    def _failed_bundle(self, place: int, err: JsonError, logs: Sequence[str]) -> BundleResult:
        return BundleResult(
            landed=False, slot=self.slot, failed_index=place, err=err, logs=tuple(logs)
        )

    def _close(self, *, elapsed_ms: int, skipped_ms: int = 0) -> Iterator[None]:
        self.is_saved = False
        block = self._time.seal(self._open_signatures, elapsed_ms=elapsed_ms)
        self._time.skip(skipped_ms)
        self._ledger.seal(block)
        self._open_signatures.clear()
        self._recent.forget_before(self._time.oldest_usable_slot)
        self._bank.settle(self.slot_at("confirmed"))
        self._set_clock()
        self._emit(SlotClosed(block=block, open_slot=self.slot, root=self.slot_at("finalized")))
        for transaction in self._mempool.take_block():
            # An expired or invalid one is dropped without a word, as mainnet's leaders do.
            with contextlib.suppress(Rejected):
                self.execute(transaction, trusted=True)
            yield

    def _set_clock(self) -> None:
        self._bank.set_clock(slot=self.slot, unix_time=int(self.unix_time), slot_ms=self.slot_ms)

    def _emit(self, event: ChainEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)
