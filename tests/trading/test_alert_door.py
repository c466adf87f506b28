"""Alerts at a real ingress: a secret in the body, addresses, duplicates, and rows without the secret."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trading import door as doors
from tests.trading.door import BONK, Answer, Door, open_door

SECRET = "an alert's own secret"
FOREIGN = "a secret behind a strange address"
WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
SEED = """
from django.utils import timezone
from trading.models import AlertMapping, Provider
from trading.services.alerts import save_mapping
FIELDS = {{"strategy": "{{{{plan|upper}}}}", "token": "{{{{ticker}}}}", "action": "{{{{side}}}}",
    "amount_sol": "{{{{size}}}}", "wallet_address": "{wallet}", "trade_uuid": "{{{{id}}}}"}}
for name, networks, secret in (("tv", "127.0.0.1", {secret!r}), ("far", "52.89.214.238", {foreign!r})):
    mapping = AlertMapping(name=name, provider=Provider.objects.get(name="sandbox"), secret_path="auth.key",
        networks=networks, template=FIELDS, words={{"action": {{"buy": "BUY"}}}}, sample="{{}}")
    save_mapping(mapping, secret=secret, actor="tests", reason="a test", now=timezone.now())
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    directory: Path = tmp_path_factory.mktemp("alerts")
    more = SEED.format(wallet=WALLET, secret=SECRET, foreign=FOREIGN)
    with open_door(directory, more=more, TRUSTED_PROXIES="127.0.0.2") as opened:
        yield opened


def alert(**changes: Any) -> dict[str, Any]:
    return {
        "auth": {"key": SECRET},
        "plan": "shield",
        "ticker": "BONK",
        "side": "buy",
        "size": 0.25,
        **changes,
    }


def post(door: Door, body: Any, *, name: str = "tv", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door.request("POST", f"/api/v1/providers/alerts/{name}", raw, headers)


def test_an_alert_is_a_signal_with_a_row_and_without_its_secret(door: Door) -> None:
    answer = post(door, alert(id="first", note=f"psst: {SECRET}"))
    assert (answer.status, answer.body["status"]) == (202, "accepted")
    [(mint, lamports, source)] = door.rows(
        "SELECT mint, amount_lamports, source FROM trading_signal WHERE provider_trade_uuid = 'first'"
    )
    assert (mint, lamports, source) == (BONK, 250_000_000, "sandbox")
    assert post(door, alert(id="first")).body["reason"] == "duplicate_signal"
    everything = json.dumps(door.rows("SELECT body, details, replay_key FROM trading_delivery"))
    assert '"auth": {\\"key\\": \\"[secret]\\"' in everything.replace('\\"auth\\"', '"auth"')
    assert SECRET not in everything
    assert SECRET not in door.log.read_text()


def test_without_an_id_its_content_within_five_minutes_is_its_identity(door: Door) -> None:
    assert post(door, alert(size=0.125)).status == 202
    assert post(door, alert(size=0.125)).body["reason"] == "duplicate_signal"


@pytest.mark.parametrize(
    "changes", [{"auth": {"key": "wrong"}}, {"auth": {}}, {"auth": None}, {"auth": {"key": 7}}]
)
def test_without_the_secret_nothing_is_told_and_nothing_stored(
    door: Door, changes: dict[str, Any]
) -> None:
    before = door.rows("SELECT count(*) FROM trading_delivery")
    answer = post(door, alert(**changes))
    assert (answer.status, answer.body) == (
        401,
        {"status": "rejected", "reason": "authentication_failed"},
    )
    assert door.rows("SELECT count(*) FROM trading_delivery") == before


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"\xff", b"[" * 50_000])
def test_what_is_no_alert_has_shown_no_secret(door: Door, body: bytes) -> None:
    assert post(door, body).status == 401


def test_an_unknown_name_is_answered_like_a_wrong_secret(door: Door) -> None:
    answer = post(door, alert(), name="nobody")
    assert (answer.status, answer.body["reason"]) == (401, "authentication_failed")


def test_a_wrong_alert_is_named_by_field_and_stored(door: Door) -> None:
    answer = post(door, alert(side="hold", id="wrong"))
    assert answer.status == 422
    assert answer.body["details"] == {"action": "must be BUY or SELL (from {{side}})"}
    [(code, body)] = door.rows(
        "SELECT code, body FROM trading_delivery WHERE http_status = 422 ORDER BY id DESC LIMIT 1"
    )
    assert code == "validation_failed"
    assert "hold" in body


def test_from_a_strange_address_even_the_right_secret_is_turned_away_with_a_row(
    door: Door,
) -> None:
    strange = alert(auth={"key": FOREIGN}, id="far")
    answer = post(door, strange, name="far", **{"X-Forwarded-For": "52.89.214.238"})
    assert (answer.status, answer.body["reason"]) == (403, "address_not_allowed")
    assert "127.0.0.1" in answer.body["details"]["address"]
    [(body, code)] = door.rows("SELECT body, code FROM trading_delivery WHERE http_status = 403")
    assert (body, code) == ("", "address_not_allowed")
    wrong = post(door, alert(auth={"key": "guess"}), name="far")
    assert wrong.status == 401


def test_a_forwarded_address_counts_when_a_trusted_proxy_says_it(door: Door) -> None:
    through = doors.Door(port=door.port, database=door.database, log=door.log, source="127.0.0.2")
    headers = {"X-Forwarded-For": "52.89.214.238"}
    answer = post(through, alert(auth={"key": FOREIGN}, id="near"), name="far", **headers)
    assert answer.status == 202


def test_a_large_alert_is_refused(door: Door) -> None:
    assert post(door, alert(note="x" * 70_000)).status == 413
