"""A policy is stored and read back as it was, and refused when its numbers cannot be meant."""

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.policy import (
    SHIELD_DEFAULTS,
    SPEAR_DEFAULTS,
    Policy,
    PolicyInvalid,
    as_json,
    from_json,
)


def test_the_defaults_are_valid_and_survive_storage() -> None:
    policy = Policy().validate()
    assert from_json(orjson.loads(orjson.dumps(as_json(policy)))) == policy


def test_an_empty_revision_is_the_defaults() -> None:
    assert from_json({}) == Policy()


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_revision_from_when_both_strategies_shared_an_age_is_still_read(is_whole: bool) -> None:
    stored = as_json(Policy()) if is_whole else {}
    for name in ("shield", "spear") if is_whole else ():
        stored[name] = {**stored[name]}
        del stored[name]["minimum_token_age_seconds"]
    policy = from_json({**stored, "minimum_token_age_seconds": 7_200})
    ages = {part.minimum_token_age_seconds for part in (policy.shield, policy.spear)}
    assert ages == {7_200}
    assert policy.shield.hard_stop_bps == SHIELD_DEFAULTS.hard_stop_bps


def test_blocked_mints_survive_storage() -> None:
    policy = Policy(blocked_mints=("So11111111111111111111111111111111111111112",)).validate()
    assert from_json(orjson.loads(orjson.dumps(as_json(policy)))) == policy


def test_the_strategy_decides_which_numbers_count() -> None:
    policy = Policy()
    assert policy.for_strategy("SPEAR") is SPEAR_DEFAULTS
    assert policy.for_strategy("SHIELD") is SHIELD_DEFAULTS


SHIELD = as_json(Policy())["shield"]
WRONG: list[tuple[str, Any]] = [
    ("shield.allocation_bps", {"shield": {**SHIELD, "allocation_bps": 6_000}}),
    ("minimum_trade_lamports", {"minimum_trade_lamports": 10**9}),
    ("minimum_tip_lamports", {"minimum_tip_lamports": 10**7 + 1}),
    ("hard_stop_bps", {"shield": {**SHIELD, "hard_stop_bps": -800}}),
    ("hard_stop_bps", {"shield": {**SHIELD, "hard_stop_bps": 0}}),
    ("hard_stop_bps", {"shield": {**SHIELD, "hard_stop_bps": 10_000}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": []}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [5_000, 2_500]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [2_500, 2_500]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [0, 2_500]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [-100, 2_500]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": ["2500"]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [2_500.5]}}),
    ("take_profit_bps", {"shield": {**SHIELD, "take_profit_bps": [True]}}),
    ("policy", {"shield": {**SHIELD, "take_profit_bps": 2_500}}),
    ("trailing_distance_bps", {"shield": {**SHIELD, "trailing_distance_bps": 0}}),
    ("trailing_distance_bps", {"shield": {**SHIELD, "trailing_distance_bps": 10_000}}),
    ("time_limit_seconds", {"shield": {**SHIELD, "time_limit_seconds": 0}}),
    ("time_limit_seconds", {"shield": {**SHIELD, "maximum_signal_age_seconds": 0}}),
    ("tip_percentile", {"shield": {**SHIELD, "tip_percentile": 60}}),
    ("shield.maximum_cost_bps", {"shield": {**SHIELD, "maximum_cost_bps": -1}}),
    ("shield.minimum_liquidity_usd", {"shield": {**SHIELD, "minimum_liquidity_usd": -1}}),
    ("reserve_lamports", {"reserve_lamports": -1}),
    ("slippage_bps", {"slippage_bps": 10_001}),
    ("maximum_heat_bps", {"maximum_heat_bps": 20_000}),
    ("maximum_attempts", {"maximum_attempts": 0}),
    ("maximum_positions", {"maximum_positions": "12"}),
    ("maximum_positions", {"maximum_positions": 12.0}),
    ("maximum_positions", {"maximum_positions": True}),
    ("maximum_positions", {"maximum_positions": None}),
    ("mirror_exits", {"mirror_exits": 1}),
    ("blocked_mints", {"blocked_mints": ["not a mint"]}),
    ("blocked_mints", {"blocked_mints": [5]}),
    ("blocked_mints", {"blocked_mints": "So11111111111111111111111111111111111111112"}),
    ("maximum_holder_bps", {"maximum_holder_bps": 10_001}),
    ("minimum_sellback_bps", {"minimum_sellback_bps": -1}),
    ("maximum_postions", {"maximum_postions": 12}),
    ("policy", {"shield": {**SHIELD, "hard_stop": 800}}),
    ("policy", {"shield": {"hard_stop_bps": 800}}),
    ("policy", {"shield": None}),
    ("policy", {"shield": 5}),
    ("policy", []),
    ("policy", None),
    ("policy", "policy"),
]


@pytest.mark.parametrize(("field", "stored"), WRONG)
def test_a_policy_that_cannot_be_meant_is_refused_by_the_fields_name(
    field: str, stored: Any
) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        from_json(stored)
    named = set(caught.value.errors)
    assert any(field.rpartition(".")[2] in name for name in named), named


def test_allocations_that_cancel_out_are_refused_all_the_same() -> None:
    policy = replace(
        Policy(),
        shield=replace(SHIELD_DEFAULTS, allocation_bps=15_000),
        spear=replace(SPEAR_DEFAULTS, allocation_bps=-5_000),
    )
    with pytest.raises(PolicyInvalid) as caught:
        policy.validate()
    assert set(caught.value.errors) == {"shield.allocation_bps", "spear.allocation_bps"}


def test_every_contradiction_is_told_at_once() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        from_json({"reserve_lamports": -1, "minimum_trade_lamports": 10**10})
    assert set(caught.value.errors) == {"reserve_lamports", "minimum_trade_lamports"}


def test_a_gain_may_be_more_than_everything() -> None:
    part = replace(SPEAR_DEFAULTS, trailing_activation_bps=25_000, take_profit_bps=(90_000,))
    assert replace(Policy(), spear=part).validate()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(list(SHIELD)), inner, max_size=4)
    ),
    max_leaves=8,
)
names = st.sampled_from([item.name for item in fields(Policy)])


@given(st.dictionaries(names, anything, max_size=4))
def test_whatever_is_stored_reads_as_a_valid_policy_or_is_refused(stored: dict) -> None:
    try:
        policy = from_json(stored)
    except PolicyInvalid:
        return
    assert policy.validate() == policy
    assert from_json(orjson.loads(orjson.dumps(as_json(policy)))) == policy
