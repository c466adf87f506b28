"""A slot is worked off in steps: who asks meanwhile sees what happened so far, and nothing is lost."""

import asyncio
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction

from tests.sandbox.actors import SOL, Actor, new_chain
from workers.sandbox.bundles import TIP_ACCOUNTS
from workers.sandbox.chain import Chain
from workers.sandbox.cluster import Cluster
from workers.sandbox.world import World

COUNT = 6


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    chain = new_chain(path=tmp_path / "chain.sqlite3", mode="slot", slot_ms=10)
    world = World.open(chain, history_days=0, tempo=0, has_leaders=False)
    world.generate()
    world.resume(chain.unix_time)
    cluster = Cluster.assemble(chain, world, seed=1)
    cluster.block_engine.has_auction = False
    return cluster


def payments(cluster: Cluster, *, tip: int = 0) -> list[VersionedTransaction]:
    payer = Actor(cluster.chain, "payer")
    cluster.tick(now=cluster.chain.unix_time, elapsed_ms=10)
    tips = [payer.pay(TIP_ACCOUNTS[0], tip)] if tip else []
    receivers = [Keypair().pubkey() for _ in range(COUNT)]
    return [payer.sign(payer.pay(each, SOL), *tips) for each in receivers]


def landed(cluster: Cluster, sent: list[VersionedTransaction]) -> int:
    statuses = [cluster.chain.status(str(each.signatures[0])) for each in sent]
    return sum(each is not None for each in statuses)


def test_each_step_runs_one_transaction(cluster: Cluster):
    sent = payments(cluster)
    for each in sent:
        cluster.chain.submit(bytes(each))
    steps = cluster.ticking(now=cluster.chain.unix_time, elapsed_ms=10)
    seen = [landed(cluster, sent) for _ in steps]
    assert seen == list(range(1, COUNT + 1))


def test_what_was_told_in_the_middle_of_a_slot_is_stored(cluster: Cluster, tmp_path: Path):
    sent = payments(cluster)
    for each in sent:
        cluster.chain.submit(bytes(each))
    steps = cluster.ticking(now=cluster.chain.unix_time, elapsed_ms=10)
    next(steps)
    cluster.keep()
    found = Chain.open(tmp_path / "chain.sqlite3", mode="slot")
    assert found.state_hash() == cluster.chain.state_hash()
    assert found.status(str(sent[0].signatures[0])) is not None
    found.close()


def test_what_is_left_of_a_slot_lands_in_the_next(cluster: Cluster):
    sent = payments(cluster)
    for each in sent:
        cluster.chain.submit(bytes(each))
    with closing(cluster.ticking(now=cluster.chain.unix_time, elapsed_ms=10)) as steps:
        next(steps)
    assert cluster.chain.is_saved
    assert landed(cluster, sent) == 1
    cluster.tick(now=cluster.chain.unix_time, elapsed_ms=10)
    assert landed(cluster, sent) == COUNT


def test_an_auction_held_in_the_middle_of_another_runs_no_bundle_twice(cluster: Cluster):
    sent = payments(cluster, tip=5_000)
    before = cluster.chain.transaction_count
    for each in sent:
        cluster.block_engine.send_bundle(
            [[b64encode(bytes(each)).decode()], {"encoding": "base64"}]
        )
    auction = cluster.block_engine.auction()
    next(auction)
    cluster.pass_slots(1)
    for _ in auction:
        pass
    assert landed(cluster, sent) == COUNT
    assert cluster.chain.transaction_count == before + COUNT


async def test_a_stopped_clock_leaves_the_rest_of_its_slot_alone(cluster: Cluster):
    sent = payments(cluster)
    for each in sent:
        cluster.chain.submit(bytes(each))
    cluster.chain.listen(lambda event: setattr(cluster, "is_clock_running", False))
    clock = asyncio.create_task(cluster.run_clock())
    while cluster.is_clock_running:
        await asyncio.sleep(0.001)
    slot = cluster.chain.slot
    await asyncio.sleep(0.05)
    assert (landed(cluster, sent), cluster.chain.slot) == (1, slot)
    clock.cancel()
    await asyncio.gather(clock, return_exceptions=True)
    cluster.tick(now=cluster.chain.unix_time, elapsed_ms=10)
    assert landed(cluster, sent) == COUNT


async def test_what_is_pushed_waits_until_it_is_stored(cluster: Cluster):
    with cluster.pubsub.held():
        telling = asyncio.create_task(cluster.pubsub.may_tell())
        await asyncio.sleep(0)
        assert not telling.done()
    await asyncio.wait_for(telling, 10)
