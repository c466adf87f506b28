"""The rule list itself: what it takes, how it draws, how it is emptied."""

import pytest

from tests.cluster import Refused, Sandbox
from workers.sandbox.faults import KINDS_OF, FaultKind, Faults, InvalidRule, Plane

ERROR = {"plane": "rpc", "kind": "http_error", "status": 503}


def strikes(faults: Faults, *, times: int, method: str = "getSlot") -> list[bool]:
    struck = (
        faults.strike(Plane.RPC, kinds=[FaultKind.HTTP_ERROR], methods=[method])
        for _ in range(times)
    )
    return [rule is not None for rule in struck]


def test_the_same_seed_draws_the_same_faults():
    lists = []
    for seed in (1, 1, 2):
        faults = Faults(seed=seed)
        faults.add({**ERROR, "probability": 0.5})
        lists.append(strikes(faults, times=60))
    assert lists[0] == lists[1] != lists[2]
    assert 15 < sum(lists[0]) < 45


def test_a_counted_rule_strikes_that_often():
    faults = Faults(seed=1)
    faults.add({**ERROR, "count": 2})
    assert strikes(faults, times=5) == [True, True, False, False, False]
    assert faults.rules[0].as_json()["strikes"] == 2


def test_globs_choose_methods_and_endpoints():
    faults = Faults(seed=1)
    faults.add({**ERROR, "method": "get*Status*", "endpoint": "prim*"})
    kinds = [FaultKind.HTTP_ERROR]

    def hits(method: str, endpoint: str) -> bool:
        rule = faults.strike(Plane.RPC, kinds=kinds, endpoint=endpoint, methods=[method])
        return rule is not None

    assert hits("getSignatureStatuses", "primary")
    assert not hits("getSlot", "primary")
    assert not hits("getSignatureStatuses", "secondary")


NONSENSE = {
    "no plane": {"kind": "latency"},
    "unknown plane": {"plane": "moon", "kind": "latency"},
    "kind of another plane": {"plane": "rpc", "kind": "no_route"},
    "unknown field": {**ERROR, "colour": "red"},
    "probability above one": {**ERROR, "probability": 1.5},
    "negative seconds": {"plane": "rpc", "kind": "latency", "seconds": -1},
    "status as text": {**ERROR, "status": "503"},
    "count of zero": {**ERROR, "count": 0},
    "a boolean count": {**ERROR, "count": True},
    "a list": [ERROR],
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_rule_is_refused_with(name: str):
    with pytest.raises(InvalidRule):
        Faults(seed=1).add(NONSENSE[name])


def test_every_pair_of_plane_and_kind_that_makes_sense_is_taken():
    faults = Faults(seed=1)
    for plane, kinds in KINDS_OF.items():
        for kind in kinds:
            faults.add({"plane": plane, "kind": kind})
    assert {rule.kind for rule in faults.rules} == set(FaultKind)


def test_rules_are_listed_removed_and_cleared_by_rest(sandbox: Sandbox):
    first, second = sandbox.fault(**ERROR), sandbox.fault(**ERROR, method="getSlot")
    assert [each["id"] for each in sandbox.control("GET", "faults")] == [first, second]
    sandbox.control("DELETE", f"faults/{first}")
    assert [each["id"] for each in sandbox.control("GET", "faults")] == [second]
    sandbox.clear()
    assert sandbox.control("GET", "faults") == []


def test_a_bad_rule_by_rest_is_refused_in_words(sandbox: Sandbox):
    with pytest.raises(Refused) as refused:
        sandbox.fault(plane="rpc", kind="earthquake")
    assert refused.value.status == 422
    assert "earthquake" in refused.value.body["error"]
    with pytest.raises(Refused):
        sandbox.control("DELETE", "faults/123456")
