"""Whatever is wrong in a transaction is named: the parser raises TransactionUnreadable and nothing else."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster import REPOSITORY
from tests.ledger import Ledger, address, vault
from trading.domain.replies import as_json, unwrap
from trading.domain.swaps import TransactionUnreadable, parse_swap
from trading.domain.values import WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS

MAINNET = REPOSITORY.parent / "shared" / "mainnet"
JUNK: list[Any] = [
    None, "", "x", "11111111111111111111111111111111", "9" * 5_000, -1, 0, 1, 2**64, -(10**30), 10**40, 1.5,
    float("nan"), True, [], {}, [None], [[]], [{}], {"a": 1}, {"parsed": {}}, {"parsed": {"type": "transfer"}},
]  # fmt: skip
Path = tuple[str | int, ...]


def played() -> Ledger:
    """A trade with everything in it: rent, tip, payment, wrapping, a fee of the venue, a closed account."""
    wallet, pool, token = address("wallet"), vault("pool"), address("token")
    own, wrapped, theirs = vault("own"), vault("wrapped"), vault("theirs")
    ledger = Ledger(wallet)
    ledger.holds(theirs, token, pool, 10**9)
    ledger.open(own, token, wallet)
    ledger.open(wrapped, WSOL_MINT, wallet)
    ledger.wrap(wallet, wrapped, 10**9)
    with ledger.call(address("venue")):
        ledger.transfer(theirs, own, 777, by=pool)
        ledger.send(wallet, pool, 10**8)
    ledger.close(wrapped, to=wallet, by=wallet)
    ledger.send(wallet, TIP_ACCOUNTS[0], 5)
    ledger.send(wallet, address("friend"), 6)
    return ledger


def _recorded() -> list[dict[str, Any]]:
    """A few of every size and form, where they are at hand."""
    files = sorted(MAINNET.glob("raw/*.json"))[::23] + sorted(MAINNET.glob("helius/*.json"))[::13]
    return [dict(each) for file in files for each in unwrap(json.loads(file.read_bytes()))]


@cache
def samples() -> list[tuple[dict[str, Any], list[Path]]]:
    ledger = played()
    told = [ledger.as_json(), ledger.as_parsed(), ledger.as_enhanced(), *_recorded()]
    return [(each, _paths(each)) for each in told]


def _paths(value: Any, path: Path = ()) -> list[Path]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            found += _paths(inner, (*path, key))
    return found


def _damage(told: dict[str, Any], path: Path, *, junk: Any, is_dropped: bool) -> None:
    owner: Any = told
    try:
        for key in path[:-1]:
            owner = owner[key]
        if is_dropped:
            del owner[path[-1]]
        else:
            owner[path[-1]] = junk
    except (KeyError, IndexError, TypeError):
        return  # an earlier damage took it away


@settings(
    max_examples=600, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_a_damaged_transaction_is_read_or_named(data: st.DataObject) -> None:
    whole, paths = data.draw(st.sampled_from(samples()))
    told = deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        _damage(
            told,
            data.draw(st.sampled_from(paths)),
            junk=data.draw(st.sampled_from(JUNK)),
            is_dropped=data.draw(st.booleans()),
        )
    try:
        parsed = parse_swap(told, tip_accounts=TIP_ACCOUNTS)
    except TransactionUnreadable:
        return
    line = as_json(parsed)
    assert json.loads(json.dumps(line, allow_nan=True)).keys() == line.keys()
    costs = [value for name, value in line.items() if name.endswith("_lamports")]
    assert all(type(cost) is int and cost >= 0 for cost in costs)


@given(st.data())
def test_a_transaction_cut_short_is_read_or_named(data: st.DataObject) -> None:
    """Lists that end too early: fewer accounts than balances, fewer instructions than inner ones."""
    whole, paths = data.draw(st.sampled_from(samples()[:3]))
    told = deepcopy(whole)
    lists = [path for path in paths if isinstance(_at(told, path), list) and _at(told, path)]
    path = data.draw(st.sampled_from(lists))
    found = _at(told, path)
    del found[data.draw(st.integers(0, len(found) - 1)) :]
    try:
        parse_swap(told, tip_accounts=TIP_ACCOUNTS)
    except TransactionUnreadable:
        return


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_other_json_is_named(document: Any) -> None:
    with pytest.raises(TransactionUnreadable):
        [parse_swap(each, tip_accounts=TIP_ACCOUNTS) for each in unwrap(document)]
