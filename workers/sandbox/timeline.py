"""The chain's sense of time: slots, blocks, blockhashes and how final what is. No transactions run here."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from solders.hash import Hash

from workers.sandbox.records import Block, Blockhash, Commitment, Mode

MAX_BLOCKHASH_AGE = 150
FINALIZATION_SLOTS = 32
INSTANT_CONFIRMATION_SLOTS = 1
INSTANT_FINALITY_SLOTS = 1
REMEMBERED_BLOCKS = 512


def genesis_hash(seed: int) -> Hash:
    """The cluster's identity, a function of the seed."""
    return Hash(hashlib.sha256(b"sandbox cluster %d" % seed).digest())


class Timeline:
    """The open slot on top of the last blocks. Times are milliseconds since genesis, so that
    nothing but what is reported depends on when that was."""

    def __init__(
        self,
        *,
        seed: int,
        mode: Mode,
        slot_ms: int,
        genesis_time: int,
        confirmation_slots: int = 1,
    ) -> None:
        self.slot_ms = slot_ms
        self.genesis_time = genesis_time
        self.genesis_hash = genesis_hash(seed)
        self.confirmation_slots = confirmation_slots
        self._final_after = FINALIZATION_SLOTS
        if mode == "instant":
            self.confirmation_slots = INSTANT_CONFIRMATION_SLOTS
            self._final_after = INSTANT_CONFIRMATION_SLOTS + INSTANT_FINALITY_SLOTS
        self.slot = 0
        self.elapsed_ms = 0
        self.forks = 0
        self._restored_slot = 0
        self._blocks: deque[Block] = deque(maxlen=REMEMBERED_BLOCKS)
        self._hashes: dict[Hash, Blockhash] = {}
        self._append(self._genesis_block())
        self.slot = 1
        self._climb()

    def restore(self, *, slot: int, elapsed_ms: int, forks: int, blocks: Iterable[Block]) -> None:
        """Go on where a stored chain stopped; `blocks` are its newest, oldest first."""
        self._blocks.clear()
        self._hashes.clear()
        for block in blocks:
            self._append(block)
        self.slot, self.elapsed_ms, self.forks = slot, elapsed_ms, forks
        self._restored_slot = slot
        self._climb()

    @property
    def tip(self) -> Block:
        """The newest sealed block."""
        return self._blocks[-1]

    @property
    def block_height(self) -> int:
        return self.tip.block_height + 1

    @property
    def unix_time(self) -> float:
        return self.genesis_time + self.elapsed_ms / 1000

    @property
    def blocks(self) -> Sequence[Block]:
        """The remembered blocks, oldest first."""
        return self._blocks

    def blocks_after(self, slot: int) -> list[Block]:
        """The remembered blocks of later slots, oldest first."""
        newer = list(takewhile(lambda block: block.slot > slot, reversed(self._blocks)))
        return newer[::-1]

    @property
    def oldest_usable_slot(self) -> int:
        """Transactions of older slots cannot come again: their blockhashes are dead."""
        return self._blocks[max(0, len(self._blocks) - MAX_BLOCKHASH_AGE - 1)].slot

    def slot_at(self, commitment: Commitment) -> int:
        return self.slot if commitment == "processed" else self.block_at(commitment).slot

    def block_height_at(self, commitment: Commitment) -> int:
        if commitment == "processed":
            return self.block_height
        return self.block_at(commitment).block_height

    def block_at(self, commitment: Commitment) -> Block:
        """The newest sealed block of that commitment."""
        if commitment == "processed":
            return self.tip
        return self._confirmed if commitment == "confirmed" else self._finalized

    def commitment_of(self, slot: int) -> Commitment:
        if slot <= self._finalized.slot:
            return "finalized"
        return "confirmed" if slot <= self._confirmed.slot else "processed"

    def blockhash(self, commitment: Commitment) -> Blockhash:
        return _blockhash(self.block_at(commitment))

    def is_valid(self, blockhash: Hash, commitment: Commitment) -> bool:
        """Whether a bank of that commitment knows the hash and its age is at most 150 blocks."""
        known = self._hashes.get(blockhash)
        if known is None or known.slot > self.slot_at(commitment):
            return False
        return self.block_height_at(commitment) <= known.last_valid_block_height

    def block(self, slot: int) -> Block | None:
        """The remembered block of a slot."""
        if slot < self._blocks[0].slot or slot > self.tip.slot:
            return None
        return next((block for block in reversed(self._blocks) if block.slot == slot), None)

    def slot_hashes(self) -> Iterator[tuple[int, Hash]]:
        """Newest first, as the SlotHashes sysvar has them."""
        return ((block.slot, Hash.from_string(block.blockhash)) for block in reversed(self._blocks))

    def seal(self, signatures: Sequence[str], *, elapsed_ms: int) -> Block:
        """Make the open slot a block and open the next one."""
        block = self._next_block(signatures)
        self._append(block)
        self.elapsed_ms += elapsed_ms
        self.slot += 1
        self._climb()
        return block

    def skip(self, milliseconds: int) -> None:
        """Time passes without blocks: slot numbers jump as far as it takes."""
        self.elapsed_ms += milliseconds
        self.slot += milliseconds // self.slot_ms
        self._climb()

    def roll_back(self, slots: int) -> int:
        """Forget the newest `slots` slots, the open one included; building goes on one slot later.
        Returns the first lost slot. ValueError when a confirmed slot would be lost, or one from
        before a restart: nobody remembers how accounts were then."""
        first_lost = self.slot - slots + 1
        if slots < 1 or first_lost <= self._confirmed.slot:
            raise ValueError(f"cannot lose {slots} slots: confirmed slots never roll back")
        if first_lost <= self._restored_slot:
            raise ValueError(f"cannot lose {slots} slots: the chain was restarted since")
        while self.tip.slot >= first_lost:
            del self._hashes[Hash.from_string(self._blocks.pop().blockhash)]
        self.slot += 1
        self.elapsed_ms += self.slot_ms
        self.forks += 1
        self._climb()
        return first_lost

    def _genesis_block(self) -> Block:
        digest = hashlib.sha256(b"genesis block" + bytes(self.genesis_hash)).digest()
        return Block(
            slot=0,
            parent_slot=0,
            block_height=0,
            blockhash=str(Hash(digest)),
            previous_blockhash=str(Hash.default()),
            block_time=self.genesis_time,
            signatures=(),
        )

    def _next_block(self, signatures: Sequence[str]) -> Block:
        parent = self.tip
        # The number of forks makes a slot's second life end with another hash than its first.
        content = f"{parent.blockhash} {self.slot} {self.forks} {' '.join(signatures)}"
        return Block(
            slot=self.slot,
            parent_slot=parent.slot,
            block_height=parent.block_height + 1,
            blockhash=str(Hash(hashlib.sha256(content.encode()).digest())),
            previous_blockhash=parent.blockhash,
            block_time=int(self.unix_time),
            signatures=tuple(signatures),
        )

    def _append(self, block: Block) -> None:
        if len(self._blocks) == REMEMBERED_BLOCKS:
            del self._hashes[Hash.from_string(self._blocks[0].blockhash)]
        self._blocks.append(block)
        known = _blockhash(block)
        self._hashes[known.hash] = known

    def _climb(self) -> None:
        self._confirmed = self._newest_at(self.slot - self.confirmation_slots)
        self._finalized = self._newest_at(self.slot - self._final_after)

    def _newest_at(self, slot: int) -> Block:
        for block in reversed(self._blocks):
            if block.slot <= slot:
                return block
        return self._blocks[0]


def _blockhash(block: Block) -> Blockhash:
    return Blockhash(
        hash=Hash.from_string(block.blockhash),
        slot=block.slot,
        block_height=block.block_height,
        last_valid_block_height=block.block_height + MAX_BLOCKHASH_AGE,
    )
