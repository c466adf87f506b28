"""Whatever comes in at the webhook gets its exact answer, leaves its row, and trades nothing."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from socket import create_connection
from typing import Any

import pytest

from tests.trading.door import BONK, Door, open_door, signature
from trading.services.deliveries import REFUSED_BODY_CHARACTERS

LIMIT = 64 * 1024
LEADER = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
GOOD: dict[str, Any] = {
    "strategy": "SHIELD",
    "token": "BONK",
    "token_address": BONK,
    "action": "BUY",
    "amount_sol": "0.25",
    "wallet_address": LEADER,
}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def nothing_traded(door: Door) -> Iterator[None]:
    """No new signal, and no trace of an error in the log."""
    before = signals(door)
    yield
    assert signals(door) == before
    log = door.log.read_text()
    assert "Traceback" not in log
    assert "Internal Server Error" not in log


def signals(door: Door) -> int:
    return int(door.rows("SELECT count(*) FROM trading_signal")[0][0])


def body_with(**changes: Any) -> bytes:
    """The good signal with some fields changed; `...` removes one."""
    fields = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return json.dumps(fields).encode()


def raw_amount(text: str) -> bytes:
    """The good signal with the amount written as given, quotes and all."""
    return body_with(amount_sol="AMOUNT").replace(b'"AMOUNT"', text.encode())


def address_of(length: int) -> str:
    """Base58 text of so many bytes, all 0xff."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(b"\xff" * length), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return text


INVALID: dict[str, tuple[bytes, set[str]]] = {
    "empty body": (b"", {"body"}),
    "no JSON": (b"buy BONK", {"body"}),
    "half an object": (b'{"strategy": "SHIELD"', {"body"}),
    "an array": (b"[]", {"body"}),
    "a string": (b'"SHIELD"', {"body"}),
    "null": (b"null", {"body"}),
    "not UTF-8": (b'{"token": "\xff\xfe"}', {"body"}),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), {"body"}),
    "with a byte order mark": (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), {"body"}),
    "a NUL byte": (b'{"token": "BO\x00NK"}', {"body"}),
    "deep brackets": (b"[" * 60_000, {"body"}),
    "deep and closed": (b"[" * 30_000 + b"]" * 30_000, {"body"}),
    "deep objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {"body"}),
    "a field twice": (
        json.dumps(GOOD).encode()[:-1] + b', "amount_sol": "99"}',
        {"body"},
    ),
    "NaN": (raw_amount("NaN"), {"body"}),
    "Infinity": (raw_amount("Infinity"), {"body"}),
    "-Infinity": (raw_amount("-Infinity"), {"body"}),
    "no fields": (
        b"{}",
        {"strategy", "action", "token", "amount_sol", "wallet_address"},
    ),
    "amount 0": (raw_amount("0"), {"amount_sol"}),
    "amount 0.0": (raw_amount('"0.000"'), {"amount_sol"}),
    "negative": (raw_amount("-0.25"), {"amount_sol"}),
    "negative text": (raw_amount('"-1"'), {"amount_sol"}),
    "above 100": (raw_amount('"100.000000001"'), {"amount_sol"}),
    "1e400": (raw_amount("1e400"), {"amount_sol"}),
    "1e400 text": (raw_amount('"1e400"'), {"amount_sol"}),
    "1e-400": (raw_amount("1e-400"), {"amount_sol"}),
    "an exponent beyond Decimal": (raw_amount('"1e99999999999999999999"'), {"amount_sol"}),
    "10 decimals": (raw_amount("0.1234567891"), {"amount_sol"}),
    "10 decimals, the last 0": (raw_amount('"0.1234567890"'), {"amount_sol"}),
    "60,000 digits": (raw_amount("9" * 60_000), {"amount_sol"}),
    "60,000 decimals": (raw_amount("0." + "1" * 60_000), {"amount_sol"}),
    "NaN text": (raw_amount('"NaN"'), {"amount_sol"}),
    "sNaN text": (raw_amount('"sNaN"'), {"amount_sol"}),
    "Infinity text": (raw_amount('"Infinity"'), {"amount_sol"}),
    "words": (raw_amount('"a quarter"'), {"amount_sol"}),
    "empty text": (raw_amount('""'), {"amount_sol"}),
    "spaces": (raw_amount('" 0.25"'), {"amount_sol"}),
    "underscores": (raw_amount('"1_0"'), {"amount_sol"}),
    "digits of another script": (raw_amount('"١"'), {"amount_sol"}),
    "hexadecimal": (raw_amount('"0x10"'), {"amount_sol"}),
    "amount true": (raw_amount("true"), {"amount_sol"}),
    "amount null": (raw_amount("null"), {"amount_sol"}),
    "amount list": (raw_amount("[0.25]"), {"amount_sol"}),
    "amount object": (raw_amount('{"sol": 1}'), {"amount_sol"}),
    "unknown symbol": (body_with(token="NOSUCH", token_address=...), {"token"}),
    "ambiguous symbol": (body_with(token="TWIN", token_address=...), {"token"}),
    "symbol in other letters": (body_with(token="bonk", token_address=...), {"token"}),
    "blank symbol": (body_with(token="   "), {"token"}),
    "symbol as number": (body_with(token=7), {"token"}),
    "symbol with a bell": (body_with(token="BO\x07NK", token_address=...), {"token"}),
    "symbol of half a character": (body_with(token="\ud800", token_address=...), {"token"}),
    "long symbol": (body_with(token="B" * 41, token_address=...), {"token"}),
    "mint not base58": (body_with(token_address=BONK[:-1] + "0"), {"token_address"}),
    "mint of 31 bytes": (body_with(token_address=address_of(31)), {"token_address"}),
    "mint of 33 bytes": (body_with(token_address=address_of(33)), {"token_address"}),
    "empty mint": (body_with(token_address=""), {"token_address"}),
    "mint as list": (body_with(token_address=[BONK]), {"token_address"}),
    "wallet not base58": (body_with(wallet_address="O" + LEADER[1:]), {"wallet_address"}),
    "wallet of 31 bytes": (body_with(wallet_address=address_of(31)), {"wallet_address"}),
    "wallet of 33 bytes": (body_with(wallet_address=address_of(33)), {"wallet_address"}),
    "no wallet": (body_with(wallet_address=...), {"wallet_address"}),
    "strategy in small letters": (body_with(strategy="shield"), {"strategy"}),
    "strategy as list": (body_with(strategy=["SHIELD"]), {"strategy"}),
    "unknown strategy": (body_with(strategy="SWORD"), {"strategy"}),
    "unknown action": (body_with(action="HOLD"), {"action"}),
    "EXIT that buys": (body_with(strategy="EXIT"), {"action"}),
    "fraction on a buy": (body_with(exit_fraction="0.5"), {"exit_fraction"}),
    "fraction 0": (body_with(action="SELL", exit_fraction=0), {"exit_fraction"}),
    "fraction above 1": (body_with(action="SELL", exit_fraction="1.1"), {"exit_fraction"}),
    "fraction as words": (body_with(action="SELL", exit_fraction="half"), {"exit_fraction"}),
    "long trade_uuid": (body_with(trade_uuid="x" * 65), {"trade_uuid"}),
    "empty trade_uuid": (body_with(trade_uuid=""), {"trade_uuid"}),
    "trade_uuid as number": (body_with(trade_uuid=12), {"trade_uuid"}),
    "trade_uuid with a line end": (body_with(trade_uuid="a\nb"), {"trade_uuid"}),
    "signature of an address": (body_with(source_signature=LEADER), {"source_signature"}),
    "signature not base58": (body_with(source_signature="0" * 88), {"source_signature"}),
    "several wrong at once": (
        body_with(strategy=1, action=2, token=3, amount_sol="x", wallet_address=4),
        {"strategy", "action", "token", "amount_sol", "wallet_address"},
    ),
}


@pytest.mark.usefixtures("nothing_traded")
@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_signal_is_answered_field_by_field_and_stored(door: Door, name: str) -> None:
    body, fields = INVALID[name]
    answer = door.send(body)
    assert (answer.status, answer.body["status"]) == (422, "rejected")
    assert answer.body["reason"] == "validation_failed"
    assert set(answer.body["details"]) == fields
    text = body.decode("utf-8", "replace").replace("\x00", "�")
    # The beginnings of two long ones may be the same.
    status, code, details = door.deliveries(text[:REFUSED_BODY_CHARACTERS])[-1]
    assert (status, code) == (422, "validation_failed")
    assert set(json.loads(details)) == fields


def test_the_details_never_repeat_what_was_sent(door: Door) -> None:
    answer = door.send(body_with(token_address="<script>alert(1)</script>"))
    assert "script" not in json.dumps(answer.body)


HEADERS: dict[str, Any] = {
    "unsigned": lambda body, now: {},
    "timestamp only": lambda body, now: {"X-Timestamp": str(now)},
    "signature only": lambda body, now: {"X-Signature": "0" * 64},
    "another secret": lambda body, now: signature(body, timestamp=now, secret="other"),
    "another body": lambda body, now: signature(body + b" ", timestamp=now),
    "stale": lambda body, now: signature(body, timestamp=now - 62),
    "ahead": lambda body, now: signature(body, timestamp=now + 63),
    "years ahead": lambda body, now: signature(body, timestamp=10**11),
    "timestamp in words": lambda body, now: signature(body, timestamp="now"),
    "timestamp with a fraction": lambda body, now: signature(body, timestamp=f"{now}.5"),
    "negative timestamp": lambda body, now: signature(body, timestamp=-now),
    "endless timestamp": lambda body, now: signature(body, timestamp="9" * 5_000),
    "empty timestamp": lambda body, now: signature(body, timestamp=""),
    "capital letters": lambda body, now: {
        name: value.upper() for name, value in signature(body, timestamp=now).items()
    },
    "half a signature": lambda body, now: {
        "X-Timestamp": str(now),
        "X-Signature": signature(body, timestamp=now)["X-Signature"][:32],
    },
    "a signature of bytes": lambda body, now: {"X-Timestamp": str(now), "X-Signature": "\xff" * 64},
    "standard headers without a key": lambda body, now: {
        "webhook-id": "1",
        "webhook-timestamp": str(now),
        "webhook-signature": "v1,AAAA v2,BBBB nonsense",
    },
}


@pytest.mark.usefixtures("nothing_traded")
@pytest.mark.parametrize("name", HEADERS)
def test_who_cannot_prove_himself_learns_nothing_and_leaves_no_row(door: Door, name: str) -> None:
    body = body_with(trade_uuid=f"headers {name}")
    answer = door.post(body, HEADERS[name](body, int(time.time())))
    assert answer.status == 401
    assert answer.body == {"status": "rejected", "reason": "authentication_failed"}
    assert door.deliveries(body.decode()) == []


@pytest.mark.usefixtures("nothing_traded")
@pytest.mark.parametrize("is_chunked", [False, True])
def test_one_byte_too_many_is_too_large(door: Door, is_chunked: bool) -> None:
    body = b"x" * (LIMIT + 1)
    sent: Any = iter([body[:1_000], body[1_000:]]) if is_chunked else body
    answer = door.post(sent, signature(body, timestamp=int(time.time())))
    assert (answer.status, answer.body["reason"]) == (413, "body_too_large")


@pytest.mark.usefixtures("nothing_traded")
def test_a_head_without_end_is_hung_up_on(door: Door) -> None:
    with create_connection(("127.0.0.1", door.port), timeout=20) as line:
        line.sendall(b"POST /api/v1/webhook HTTP/1.1\r\nHost: door\r\n")
        with suppress(ConnectionError):
            for _ in range(100):
                line.sendall(b"X-More: " + b"x" * 8_000 + b"\r\n")
        answer = line.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 431 "), answer


def test_the_largest_body_is_read(door: Door) -> None:
    start = body_with(amount_sol=0)
    body = start[:-1] + b" " * (LIMIT - len(start)) + b"}"
    assert len(body) == LIMIT
    answer = door.send(body)
    assert (answer.status, set(answer.body["details"])) == (422, {"amount_sol"})


def test_the_same_request_is_accepted_once(door: Door) -> None:
    body = body_with(amount_sol=0, trade_uuid="replayed")
    headers = signature(body, timestamp=int(time.time()))
    assert door.post(body, headers).status == 422
    answer = door.post(body, headers)
    assert answer.status == 401
    assert answer.body == {"status": "rejected", "reason": "replayed_request"}
    stored = [(status, code) for status, code, _ in door.deliveries(body.decode())]
    assert stored == [(422, "validation_failed")]
    replays = "SELECT body FROM trading_delivery WHERE code = 'replayed_request'"
    assert door.rows(replays) == [("",)], "nobody looked at it, so it fills no disk"


@pytest.mark.parametrize("age_seconds", [58, -58])
def test_within_the_window_a_clock_may_be_wrong(door: Door, age_seconds: int) -> None:
    body = body_with(amount_sol=0, trade_uuid=f"age {age_seconds}")
    assert door.send(body, age_seconds=age_seconds).status == 422


@pytest.mark.usefixtures("nothing_traded")
@pytest.mark.parametrize("path", ["/api/v1/webhook", "/api/v1/providers/helius"])
@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_who_offers_another_protocol_is_told_so(door: Door, path: str, protocol: str) -> None:
    """The server keeps nothing of such a body, so its signature cannot be right."""
    body = body_with(trade_uuid=f"by {protocol}")
    headers = signature(body, timestamp=int(time.time()))
    answer = door.request(
        "POST", path, body, headers | {"Connection": "Upgrade", "Upgrade": protocol}
    )
    assert (answer.status, answer.body["reason"]) == (400, "upgrade_not_supported")
    assert set(answer.body["details"]) == {"upgrade"}


def test_an_exit_is_taken_whatever_name_and_share_it_gives(door: Door) -> None:
    body = body_with(
        trade_uuid="odd", action="SELL", strategy="EXIT", token="\ud800\u200d", exit_fraction=1 / 3
    )
    assert door.send(body).status == 202
    found = "SELECT symbol, exit_fraction FROM trading_signal WHERE provider_trade_uuid = 'odd'"
    [(symbol, fraction)] = door.rows(found)
    assert (symbol, Decimal(str(fraction))) == ("\ufffd\ufffd", Decimal("0.333333334"))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_only_post_is_heard(door: Door, method: str) -> None:
    answer = door.request(method, "/api/v1/webhook")
    assert answer.status == 405
    if method != "HEAD":
        assert answer.body == {"status": "rejected", "reason": "method_not_allowed"}


@pytest.mark.parametrize("path", ["/", "/api/v1/webhook/", "/api/v1/../admin/", "/admin/", "/%ff"])
def test_there_is_nothing_else_behind_the_door(door: Door, path: str) -> None:
    answer = door.request("POST", path, b"{}")
    assert answer.status == 404
    assert answer.body == {"status": "rejected", "reason": "not_found"}


def test_amounts_are_exact_to_the_lamport(door: Door) -> None:
    """The counter-proof: what is valid is accepted, written as number or as text, nothing rounded."""
    wanted = {"0.000000001": 1, "100": 100 * 10**9, "2.5e-1": 250_000_000, "0.1": 10**8}
    for number, (text, lamports) in enumerate(wanted.items()):
        for form in (text, f'"{text}"'):
            name = f"exact {number} {len(form)}"
            body = body_with(trade_uuid=name, amount_sol="AMOUNT", action="SELL")
            answer = door.send(body.replace(b'"AMOUNT"', form.encode()))
            assert answer.status == 202, answer.body
            stored = "SELECT amount_lamports FROM trading_signal WHERE provider_trade_uuid = ?"
            assert door.rows(stored, name) == [(lamports,)]
            assert Decimal(text) * 10**9 == lamports
