"""The same seed makes the same schedule, and a schedule has everything in it."""

from collections import Counter

import pytest

from trading.services.claims import LEASE
from workers.chaos.faults import FAULTS
from workers.chaos.schedule import CORE, VICTIMS, Kind, plan
from workers.sandbox.faults import Faults, Plane
from workers.sandbox.tokens import universe

SEEDS = range(1, 11)


def test_a_seed_is_its_schedule() -> None:
    one, same, other = (plan(seed=seed, seconds=300) for seed in (1, 1, 2))
    assert [str(act) for act in one.acts] == [str(act) for act in same.acts]
    assert [str(act) for act in one.acts] != [str(act) for act in other.acts]


@pytest.mark.parametrize("seed", SEEDS)
def test_five_minutes_have_everything_in_them(seed: int) -> None:
    acts = plan(seed=seed, seconds=300).acts
    counts = Counter(act.kind for act in acts)
    assert set(counts) == set(Kind)
    killed = {act.details["process"] for act in acts if act.kind is Kind.KILL}
    assert killed == set(VICTIMS) - (set() if seed % 2 else {"rival"})
    assert counts[Kind.KILL] >= 30
    planes = {act.details["plane"] for act in acts if act.kind is Kind.FAULT}
    assert planes >= {Plane.RPC, Plane.JITO, Plane.JUPITER}
    assert [act.at_seconds for act in acts] == sorted(act.at_seconds for act in acts)
    assert all(0 <= act.at_seconds < 300 for act in acts)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_name_of_a_signal_is_used_for_one_body(seed: int) -> None:
    told = [act.details for act in plan(seed=seed, seconds=300).acts if "name" in act.details]
    assert len(told) == len({each["name"] for each in told})


def test_a_frozen_executor_loses_its_lease() -> None:
    freezes = [
        act.details["seconds"]
        for seed in SEEDS
        for act in plan(seed=seed, seconds=300).acts
        if act.kind is Kind.FREEZE
    ]
    assert freezes
    assert min(freezes) > LEASE.total_seconds()


def test_a_short_run_kills_where_it_hurts_most() -> None:
    acts = plan(seed=1, seconds=20).acts
    killed = [act.details["process"] for act in acts if act.kind is Kind.KILL]
    assert sorted(killed) == sorted(CORE)


def test_the_sandbox_knows_every_fault() -> None:
    faults = Faults(seed=1)
    for rule in FAULTS:
        faults.add(dict(rule))
    assert {rule.plane for rule in faults.rules} == set(Plane)


def test_a_fault_keeps_its_own_numbers_beside_how_long_it_holds() -> None:
    acts = [act for act in plan(seed=1, seconds=1_000).acts if act.kind is Kind.FAULT]
    late = [act.details for act in acts if act.details["kind"] == "latency"]
    assert {each["seconds"] for each in late} <= {0.7, 1.0}
    assert all(1.5 <= act.details["holds_seconds"] <= 24 for act in acts)
    assert len({act.details["holds_seconds"] for act in acts}) > len(acts) // 2


def test_the_tokens_of_a_schedule_exist() -> None:
    symbols = {token.symbol for token in universe(seed=1)}
    told = {
        act.details["symbol"] for act in plan(seed=1, seconds=3_000).acts if "symbol" in act.details
    }
    assert told
    assert told <= symbols
