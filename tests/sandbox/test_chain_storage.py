"""A stored chain goes on where it stopped, and the same seed makes the same chain."""

import os
import subprocess
import sys

import pytest

from tests.sandbox.actors import SOL, Actor, keypair, new_chain
from workers.sandbox.chain import Chain
from workers.sandbox.records import Rejected

RECEIVER = keypair("receiver").pubkey()


def lively(path=None, **options) -> tuple[Chain, list[str]]:
    """A chain with some trade on it."""
    chain = new_chain(path=path, **options)
    maker, alice = Actor(chain, "maker"), Actor(chain, "alice")
    mint = maker.create_mint("token")
    pool = maker.open_pool(mint)
    signatures = []
    for number in range(10):
        signatures.append(alice.must(*alice.buy(pool, mint, SOL + number)).signature)
        chain.advance(seconds=30)
    signatures.append(alice.must(*alice.sell(pool, mint, 10**6)).signature)
    return chain, signatures


def test_a_restart_changes_nothing(tmp_path):
    chain, signatures = lively(tmp_path / "chain", mode="slot")
    chain.notes["market"] = b"state of the market"
    before = (
        chain.state_hash(), chain.slot, chain.block_height, chain.unix_time, chain.blockhash(),
        chain.transaction_count, chain.genesis_hash, chain.block(chain.slot_at("confirmed")),
        chain.signatures_for(str(keypair("alice").pubkey())),
        [chain.transaction(signature) for signature in signatures],
        [chain.status(signature) for signature in signatures],
    )  # fmt: skip
    chain.close()
    chain = Chain.open(tmp_path / "chain", mode="slot", genesis_time=5)
    assert not chain.is_new
    assert chain.notes == {"market": b"state of the market"}
    after = (
        chain.state_hash(), chain.slot, chain.block_height, chain.unix_time, chain.blockhash(),
        chain.transaction_count, chain.genesis_hash, chain.block(chain.slot_at("confirmed")),
        chain.signatures_for(str(keypair("alice").pubkey())),
        [chain.transaction(signature) for signature in signatures],
        [chain.status(signature) for signature in signatures],
    )  # fmt: skip
    assert after == before
    chain.close()


def test_the_next_block_is_the_one_that_would_have_come(tmp_path):
    hashes = []
    for restarts in (False, True):
        path = tmp_path / f"chain-{restarts}"
        chain, _ = lively(path)
        if restarts:
            chain.close()
            chain = Chain.open(path)
        chain.fund(RECEIVER, SOL)
        chain.advance(slots=2)
        hashes.append((chain.state_hash(), chain.blockhash()))
        chain.close()
    assert hashes[0] == hashes[1]


def test_a_duplicate_is_known_after_a_restart(tmp_path):
    chain = new_chain(path=tmp_path / "chain")
    alice = Actor(chain, "alice")
    transaction = alice.sign(alice.pay(RECEIVER, SOL))
    chain.execute(transaction)
    chain.close()
    chain = Chain.open(tmp_path / "chain")
    with pytest.raises(Rejected) as refused:
        chain.execute(transaction)
    assert refused.value.err == "AlreadyProcessed"
    chain.close()


def test_what_was_not_saved_is_lost_as_a_whole(tmp_path):
    chain, _ = lively(tmp_path / "chain")
    chain.save()
    saved = chain.state_hash()
    signature = chain.fund(RECEIVER, SOL).signature
    chain.close_slot()
    del chain
    chain = Chain.open(tmp_path / "chain")
    assert chain.state_hash() == saved
    assert chain.status(signature) is None
    chain.close()


def test_a_file_of_another_seed_is_refused(tmp_path):
    new_chain(path=tmp_path / "chain", seed=1).close()
    with pytest.raises(ValueError, match="seed 1"):
        Chain.open(tmp_path / "chain", seed=2)


def test_old_empty_blocks_are_pruned_and_full_ones_kept(tmp_path):
    chain = new_chain(path=tmp_path / "chain", mode="slot")
    chain.advance(slots=3)
    chain.fund(RECEIVER, SOL)
    full = chain.slot
    chain.advance(slots=600)
    chain.close()
    chain = Chain.open(tmp_path / "chain", mode="slot")
    assert chain.block(2) is None
    kept = chain.block(full)
    assert kept is not None
    assert len(kept.signatures) == 1
    assert chain.block(chain.slot - 500) is not None
    chain.close()


def run_elsewhere(hash_seed: str) -> str:
    """The same trade in another process."""
    code = (
        "from tests.sandbox.test_chain_storage import lively\n"
        "chain, signatures = lively()\n"
        "print(chain.state_hash(), chain.blockhash().hash, chain.genesis_hash, *signatures)\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_same_seed_makes_the_same_chain_in_every_process():
    chain, signatures = lively()
    here = [chain.state_hash(), chain.blockhash().hash, chain.genesis_hash, *signatures]
    for hash_seed in ("1", "4242"):
        assert run_elsewhere(hash_seed).split() == [str(part) for part in here]


def test_another_seed_is_another_cluster():
    one, two = new_chain(seed=1), new_chain(seed=2)
    assert one.genesis_hash != two.genesis_hash
    assert one.faucet.pubkey() != two.faucet.pubkey()
    assert one.blockhash().hash != two.blockhash().hash


def measure(chain: Chain) -> tuple[str, int, int]:
    return chain.state_hash(), chain.slot, chain.transaction_count


def grow(chain: Chain, saved: list[tuple[str, int, int]]) -> None:
    """Until it fails; `saved` gets what each whole save held."""
    for number in range(1, 1_000):
        chain.notes[f"note {number}"] = bytes(1_000 * number)
        chain.fund(RECEIVER, number * SOL)
        chain.advance(slots=1)
        chain._ledger.spill()
        if number % 20 == 0:
            chain.save()
            saved.append(measure(chain))


@pytest.mark.parametrize("room", range(0, 60, 6))
def test_a_full_disk_ends_it_and_leaves_the_last_whole_save(tmp_path, room):
    """Whichever write of a save meets it: nothing half is stored, not even by whoever tidies up."""
    chain, signatures = lively(tmp_path / "chain")
    chain.save()
    saved = [measure(chain)]
    pages = chain._store._sql.execute("PRAGMA page_count").fetchone()[0]
    chain._store._sql.execute(f"PRAGMA max_page_count = {pages + room}")
    with pytest.raises(SystemExit, match="cannot be stored: database or disk is full"):
        grow(chain, saved)
    with pytest.raises(SystemExit):
        chain.close()
    chain = Chain.open(tmp_path / "chain")
    assert measure(chain) == saved[-1]
    assert all(chain.transaction(signature) for signature in signatures)
    chain.close()
