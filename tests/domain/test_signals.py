"""A signal read from outside bytes, and the names under which it may exist only once."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.signature import Signature

from tests.domain.facts import LEADER, MINT, NOW, request
from trading.domain.signals import (
    SignalInvalid,
    SignalRequest,
    identity_keys,
    parse_signal,
    signal_uuid,
)
from trading.domain.values import Action, Strategy, lamports_to_sol

SIGNATURE = str(Keypair.from_seed(bytes(32)).sign_message(b"a swap"))
BODY: dict[str, Any] = {
    "strategy": "SHIELD",
    "token": "BONK",
    "token_address": MINT,
    "action": "BUY",
    "amount_sol": "0.5",
    "wallet_address": LEADER,
}
SELL = {"strategy": "EXIT", "action": "SELL"}


def parsed(**changes: Any) -> SignalRequest:
    return parse_signal(json.dumps({**BODY, **changes}).encode())


def errors(**changes: Any) -> dict[str, str]:
    with pytest.raises(SignalInvalid) as caught:
        parsed(**changes)
    return caught.value.details


def test_a_whole_body_is_read_field_by_field() -> None:
    signal = parsed(
        **SELL, exit_fraction="0.25", trade_uuid="abc-1", source_signature=SIGNATURE, note="ignored"
    )
    assert signal == SignalRequest(
        strategy=Strategy.EXIT,
        action=Action.SELL,
        symbol="BONK",
        mint=MINT,
        amount_lamports=500_000_000,
        leader_address=LEADER,
        trade_uuid="abc-1",
        exit_fraction=Decimal("0.25"),
        source_signature=SIGNATURE,
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "shield"}, "strategy"),
        ({"strategy": None}, "strategy"),
        ({"strategy": ["SHIELD"]}, "strategy"),
        ({"action": "HOLD"}, "action"),
        ({"strategy": "EXIT"}, "action"),
        ({"token": "   "}, "token"),
        ({"token": "A" * 41, "token_address": None}, "token"),
        ({"token": "A\u0000", "token_address": None}, "token"),
        ({"token_address": "BONK"}, "token_address"),
        ({"token_address": ""}, "token_address"),
        ({"token_address": MINT + "1"}, "token_address"),
        ({"token_address": MINT.replace("D", "0", 1)}, "token_address"),
        ({"wallet_address": None}, "wallet_address"),
        ({"wallet_address": 5}, "wallet_address"),
        ({"amount_sol": 0}, "amount_sol"),
        ({"amount_sol": "-1"}, "amount_sol"),
        ({"amount_sol": "100.000000001"}, "amount_sol"),
        ({"amount_sol": "0.0000000001"}, "amount_sol"),
        ({"amount_sol": "NaN"}, "amount_sol"),
        ({"amount_sol": "Infinity"}, "amount_sol"),
        ({"amount_sol": "1e400"}, "amount_sol"),
        ({"amount_sol": True}, "amount_sol"),
        ({"amount_sol": "half"}, "amount_sol"),
        ({"amount_sol": [1]}, "amount_sol"),
        ({"trade_uuid": "x" * 65}, "trade_uuid"),
        ({"trade_uuid": ""}, "trade_uuid"),
        ({"trade_uuid": "a\nb"}, "trade_uuid"),
        ({"exit_fraction": "0.5"}, "exit_fraction"),
        ({**SELL, "exit_fraction": 0}, "exit_fraction"),
        ({**SELL, "exit_fraction": "1.1"}, "exit_fraction"),
        ({**SELL, "exit_fraction": "1.0000000001"}, "exit_fraction"),
        ({"source_signature": "1" * 88}, "source_signature"),
        ({"source_signature": MINT}, "source_signature"),
    ],
)
def test_a_field_that_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    assert set(errors(**changes)) == {field}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(errors(strategy="X", action="Y", token="", amount_sol=0, wallet_address="?")) == {
        "strategy",
        "action",
        "token",
        "amount_sol",
        "wallet_address",
    }


@pytest.mark.parametrize(
    ("written", "lamports"),
    [
        ("0.1", 100_000_000),
        ("0.000000001", 1),
        ("100", 100_000_000_000),
        ("1e-9", 1),
        ("3E1", 30_000_000_000),
    ],
)
def test_an_amount_is_exact_as_a_number_and_as_text(written: str, lamports: int) -> None:
    as_number = json.dumps(BODY).replace('"0.5"', written).encode()
    assert parse_signal(as_number).amount_lamports == lamports
    assert parsed(amount_sol=written).amount_lamports == lamports


def test_an_amount_never_passes_through_a_float() -> None:
    body = json.dumps(BODY).replace('"0.5"', "0.123456789").encode()
    assert parse_signal(body).amount_lamports == 123_456_789
    long = json.dumps(BODY).replace('"0.5"', "99.999999999").encode()
    assert parse_signal(long).amount_lamports == 99_999_999_999


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (1 / 3, "0.333333334"),
        ("0.6666666666666666", "0.666666667"),
        ("0.99999999999", "1"),
        ("1e-400", "0.000000001"),
        ("0.50", "0.5"),
    ],
)
def test_a_share_to_sell_may_have_any_number_of_decimals(written: Any, kept: str) -> None:
    assert parsed(**SELL, exit_fraction=written).exit_fraction == Decimal(kept)


@pytest.mark.parametrize(
    ("symbol", "kept"),
    [
        ("\U0001f468\u200d\U0001f469", "\U0001f468\ufffd\U0001f469"),
        ("B\u0000ON\ud800K", "B\ufffdON\ufffdK"),
        ("A" * 60_000, "A" * 40),
    ],
)
def test_with_an_address_any_name_is_a_name(symbol: str, kept: str) -> None:
    assert parsed(token=symbol).symbol == kept


def test_without_an_address_the_mint_stays_empty() -> None:
    assert parsed(token_address=None).mint == ""


@pytest.mark.parametrize(
    ("changes", "priority"),
    [
        (SELL, 0),
        ({"action": "SELL"}, 0),
        ({"strategy": "SPEAR", "action": "SELL"}, 0),
        ({}, 1),
        ({"strategy": "SPEAR"}, 2),
    ],
)
def test_exits_come_first_and_spear_last(changes: dict[str, Any], priority: int) -> None:
    assert parsed(**changes).priority == priority


texts = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)
requests = st.builds(
    SignalRequest,
    strategy=st.just(Strategy.EXIT),
    action=st.just(Action.SELL),
    symbol=texts,
    mint=st.binary(min_size=32, max_size=32).map(lambda raw: str(Keypair.from_seed(raw).pubkey())),
    amount_lamports=st.integers(1, 100 * 10**9),
    leader_address=st.just(LEADER),
    trade_uuid=st.just("") | texts,
    exit_fraction=st.integers(1, 10**9).map(lambda part: Decimal(part).scaleb(-9)),
    source_signature=st.just("")
    | st.binary(min_size=64, max_size=64).map(lambda raw: str(Signature(raw))),
)


def rendered(signal: SignalRequest) -> bytes:
    body = {
        "strategy": signal.strategy,
        "action": signal.action,
        "token": signal.symbol,
        "token_address": signal.mint,
        "amount_sol": f"{lamports_to_sol(signal.amount_lamports):f}",
        "wallet_address": signal.leader_address,
        "exit_fraction": f"{signal.exit_fraction:f}",
    }
    optional = {"trade_uuid": signal.trade_uuid, "source_signature": signal.source_signature}
    return json.dumps({**body, **{key: text for key, text in optional.items() if text}}).encode()


@given(requests)
def test_what_is_written_down_is_read_back_as_it_was(signal: SignalRequest) -> None:
    assert parse_signal(rendered(signal)) == signal


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_signal_or_are_invalid(body: bytes) -> None:
    with pytest.raises(SignalInvalid):
        parse_signal(body)


odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90) | st.just([{}])


@given(
    st.dictionaries(
        st.sampled_from([*BODY, "trade_uuid", "exit_fraction", "source_signature"]), odd
    )
)
def test_any_fields_are_a_signal_or_are_named(changes: dict[str, Any]) -> None:
    try:
        signal = parsed(**changes)
    except SignalInvalid:
        return
    assert 0 < signal.amount_lamports <= 100 * 10**9
    assert 0 < signal.exit_fraction <= 1


def test_a_body_nested_too_deeply_is_invalid_and_not_a_crash() -> None:
    with pytest.raises(SignalInvalid):
        parse_signal(b"[" * 60_000)


def keys(signal: SignalRequest, at: datetime = NOW, source: str = "ada") -> set[str]:
    return set(identity_keys(signal, source=source, received_at=at))


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.timedeltas(timedelta(), timedelta(seconds=300)))
def test_two_copies_within_five_minutes_always_meet(at: datetime, later: timedelta) -> None:
    assert keys(request(), at) & keys(request(), at + later)


@given(moments, st.timedeltas(timedelta(seconds=600), timedelta(days=99)))
def test_after_ten_minutes_the_same_content_is_a_new_signal(at: datetime, later: timedelta) -> None:
    assert not keys(request(), at) & keys(request(), at + later)


@pytest.mark.parametrize(
    "changes",
    [
        {"leader_address": MINT},
        {"mint": LEADER},
        {"action": Action.SELL},
        {"amount_lamports": 1},
        {"strategy": Strategy.SPEAR},
        {"exit_fraction": Decimal("0.5")},
    ],
)
def test_other_content_is_another_signal(changes: dict[str, Any]) -> None:
    assert not keys(request()) & keys(request(**changes))


def test_another_provider_is_another_signal_by_content_alone() -> None:
    assert not keys(request()) & keys(request(), source="bob")


def test_how_a_fraction_is_written_makes_no_difference() -> None:
    whole, long = request(exit_fraction=Decimal(1)), request(exit_fraction=Decimal("1.000"))
    assert keys(whole) == keys(long)


def test_a_providers_own_id_holds_for_ever_and_for_it_alone() -> None:
    signal = request(trade_uuid="7")
    assert keys(signal) & keys(signal, NOW + timedelta(days=400))
    assert keys(signal) & keys(request(trade_uuid="7", amount_lamports=5))
    assert not keys(signal) & keys(signal, source="bob")


@given(texts, texts, texts, texts)
def test_two_providers_never_share_an_id(ada: str, first: str, bob: str, second: str) -> None:
    one = keys(request(trade_uuid=first), source=ada)
    other = keys(request(trade_uuid=second), source=bob)
    assert bool(one & other) == ((ada, first) == (bob, second))


def test_an_id_with_a_separator_does_not_reach_into_another_provider() -> None:
    assert not keys(request(trade_uuid="b:c"), source="a") & keys(
        request(trade_uuid="c"), source="a:b"
    )


def test_the_leaders_own_transaction_is_one_signal_whoever_tells_it() -> None:
    signal = request(source_signature=SIGNATURE)
    assert keys(signal, source="ada") & keys(signal, NOW + timedelta(days=9), source="bob")
    assert not keys(signal) & keys(request(source_signature=SIGNATURE, mint=LEADER))
    assert not keys(signal) & keys(request(source_signature=SIGNATURE, action=Action.SELL))


def test_an_id_and_a_transaction_are_both_keys() -> None:
    both = keys(request(trade_uuid="7", source_signature=SIGNATURE))
    assert both & keys(request(trade_uuid="7"))
    assert both & keys(request(source_signature=SIGNATURE))


@given(requests)
def test_every_key_fits_its_column(signal: SignalRequest) -> None:
    for key in identity_keys(signal, source="p" * 60, received_at=NOW):
        assert len(key) <= 200


def test_the_name_of_a_signal_is_the_same_every_time() -> None:
    assert signal_uuid("id:ada:7") == signal_uuid("id:ada:7") != signal_uuid("id:ada:8")
    assert signal_uuid("id:ada:7").version == 5
