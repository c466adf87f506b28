"""An alert becomes a signal by a template that runs nothing; what is wrong is named by field and origin."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.alerts import (
    FIELDS,
    HIDDEN,
    AlertTemplate,
    TemplateInvalid,
    read_alert,
    read_template,
    secret_in,
    without_secret,
)
from trading.domain.signals import SignalInvalid, parse_object
from trading.domain.values import Action, Strategy

WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
GOOD = {
    "strategy": "SHIELD",
    "token": "{{ticker|upper}}",
    "action": "{{ order.action }}",
    "amount_sol": "{{order.contracts}}",
    "wallet_address": WALLET,
    "trade_uuid": "tv-{{order.id}}",
    "exit_fraction": "{{order.fraction}}",
}
WORDS = {"action": {"buy": "BUY", "sell": "SELL"}}
ALERT: dict[str, Any] = {
    "secret": "s3cret",
    "ticker": "bonk",
    "order": {"action": "buy", "contracts": Decimal("0.25"), "id": 17},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def alert(**changes: Any) -> dict[str, Any]:
    return parse_object(json.dumps({**ALERT, **changes}, default=float).encode())


def template(**changes: Any) -> AlertTemplate:
    fields = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
    return read_template(fields, WORDS)


def test_an_alert_becomes_the_signal_its_template_says() -> None:
    signal = read_alert(alert(), template())
    assert (signal.strategy, signal.action, signal.symbol) == (Strategy.SHIELD, Action.BUY, "BONK")
    assert (signal.amount_lamports, signal.trade_uuid) == (250_000_000, "tv-17")
    assert signal.exit_fraction == 1


def test_lists_are_walked_by_number() -> None:
    legs = alert(legs=[{"side": "sell"}])
    signal = read_alert(legs, template(strategy="EXIT", action="{{legs.0.side}}"))
    assert signal.action is Action.SELL


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"ticker": None}, "token", "the alert has no `ticker`"),
        (
            {"order": {"action": "hold", "contracts": 1, "id": 1}},
            "action",
            "(from {{ order.action }})",
        ),
        (
            {"order": {"action": "buy", "contracts": "much", "id": 1}},
            "amount_sol",
            "decimal number",
        ),
        (
            {"order": {"action": "buy", "contracts": True, "id": 1}},
            "amount_sol",
            "text or a number",
        ),
        ({"order": {"action": "buy", "contracts": 1}}, "trade_uuid", "the alert has no `order.id`"),
        ({"order": []}, "amount_sol", "the alert has no `order.contracts`"),
    ],
)
def test_what_is_wrong_is_named_by_field(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SignalInvalid) as caught:
        read_alert(alert(**changes), template())
    assert words in caught.value.details[field]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({**GOOD, "token": "{{ticker|eval}}"}, "token"),
        ({**GOOD, "token": "{{ticker.__class__()}}"}, "token"),
        ({**GOOD, "token": "{% if 1 %}{{"}, "token"),
        ({**GOOD, "token": "{{a.b.c.d.e.f.g.h.i}}"}, "token"),
        ({**GOOD, "token": ""}, "token"),
        ({**GOOD, "token": 7}, "token"),
        ({**GOOD, "color": "red"}, "color"),
        ({"token": "x"}, "strategy"),
        (["token"], "template"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_by_field(fields: Any, field: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        read_template(fields, {})
    assert field in caught.value.details


@pytest.mark.parametrize("words", [[], {"action": "BUY"}, {"action": {"buy": 1}}, {"colour": {}}])
def test_words_are_texts_by_field(words: Any) -> None:
    with pytest.raises(TemplateInvalid):
        read_template(GOOD, words)


def test_an_attribute_of_a_value_is_not_reached() -> None:
    with pytest.raises(SignalInvalid) as caught:
        read_alert(alert(), template(token="{{ticker.__class__}}"))
    assert caught.value.details["token"] == "the alert has no `ticker.__class__`"


def test_the_secret_is_taken_out_wherever_it_stands() -> None:
    brought = alert(note="my s3cret!", deep=[{"again": "s3cret"}])
    assert secret_in(brought, "secret") == "s3cret"
    kept = without_secret(brought, "secret")
    assert "s3cret" not in kept
    assert json.loads(kept)["secret"] == HIDDEN


def test_an_alert_with_half_a_character_can_be_stored() -> None:
    brought = parse_object(b'{"secret": "s3cret", "note": "\\ud800 \\u0000"}')
    assert without_secret(brought, "secret").encode()


def test_a_secret_that_is_no_text_is_none() -> None:
    assert secret_in(alert(secret=7), "secret") == secret_in(alert(), "nowhere") == ""


@given(st.dictionaries(st.text(), JSON, max_size=4), st.sampled_from(FIELDS), JSON)
def test_whatever_comes_is_a_signal_or_a_named_error(
    body: dict[str, Any], name: str, value: Any
) -> None:
    fields = {**GOOD, name: "{{value}}"}
    with suppress(SignalInvalid):
        read_alert({**ALERT, **body, "value": value}, read_template(fields, WORDS))


@given(JSON, JSON)
def test_whatever_is_called_a_template_is_one_or_a_named_error(fields: Any, words: Any) -> None:
    with suppress(TemplateInvalid):
        read_template(fields, words)
