"""Helius knocks at the running ingress: whatever it sends is answered at once, and what is accepted is a row."""

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.factories import LEADER, MINT, sol
from tests.trading.door import HELIUS_SECRET, SECRET, Door, open_door
from tests.trading.leader_swaps import enhanced
from trading.domain.values import WSOL_MINT
from trading.reception import NOTICE_LIMIT_BYTES

TOLD = enhanced(LEADER, {WSOL_MINT: -sol(1), MINT: 7_000}, at=datetime.now(UTC))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("helius")) as opened:
        yield opened


def change(door: Door, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(door.database, timeout=10)) as connection:
        connection.execute(statement, values)
        connection.commit()


def notices(door: Door) -> list[tuple[str, int]]:
    return door.rows("SELECT body, transactions FROM trading_notice ORDER BY id")


def test_an_array_is_stored_as_it_came_and_answered(door: Door):
    before = len(notices(door))
    body = json.dumps([TOLD, TOLD])
    answer = door.tell(body)
    assert (answer.status, answer.body) == (200, {"status": "accepted"})
    assert notices(door)[before:] == [(body, 2)]


def test_an_empty_array_and_elements_of_any_kind_are_kept(door: Door):
    before = len(notices(door))
    for body in ("[]", '[null, 7, {"type": "SWAP"}, "\\u0000"]'):
        assert door.tell(body).status == 200
    assert [count for _, count in notices(door)[before:]] == [0, 4]


@pytest.mark.parametrize(
    "secret", ["", "wrong", SECRET, HELIUS_SECRET + " ", "Bearer x", "schlüssel"]
)
def test_without_its_very_secret_nobody_is_heard(door: Door, secret: str):
    before = len(notices(door))
    answer = door.tell("[]", secret=secret.encode())
    assert (answer.status, answer.body["reason"]) == (401, "authentication_failed")
    assert len(notices(door)) == before


def test_the_secret_of_helius_opens_no_other_door(door: Door):
    headers = {"Authorization": HELIUS_SECRET, "X-Timestamp": "1", "X-Signature": HELIUS_SECRET}
    assert door.post(b"{}", headers).status == 401


@pytest.mark.parametrize("body", ["{}", "", "[", "null", "NaN", "[1,]", b"[\xff]"])
def test_what_is_no_array_is_named_and_its_beginning_kept(door: Door, body: str | bytes):
    answer = door.tell(body)
    assert answer.status == 422
    assert answer.body["reason"] == "validation_failed"
    assert "JSON array" in answer.body["details"]["body"]
    kept = door.rows("SELECT http_status, code FROM trading_delivery ORDER BY id DESC LIMIT 1")
    assert kept == [(422, "validation_failed")]


def test_a_body_may_be_larger_than_a_signal_and_not_endless(door: Door):
    large = json.dumps([TOLD] * 300)
    assert len(large) > 3 * 64 * 1024
    assert door.tell(large).status == 200
    assert door.tell(b" " * (NOTICE_LIMIT_BYTES + 1)).status == 413


def test_half_a_body_whose_sender_hung_up_leaves_nothing(door: Door):
    halves = "SELECT body FROM trading_delivery WHERE body LIKE '[1, 2%'"
    before = len(notices(door))
    with socket.create_connection(("127.0.0.1", door.port)) as line:
        head = f"POST /api/v1/providers/helius HTTP/1.1\r\nHost: door\r\nAuthorization: {HELIUS_SECRET}"
        line.sendall(f"{head}\r\nContent-Length: 40\r\n\r\n[1, 2".encode())
    # Whatever was said before it has been dealt with once this is.
    assert [door.tell("{}").status for _ in range(3)] == [422] * 3
    assert door.rows(halves) == []
    assert len(notices(door)) == before


def test_other_methods_are_not_for_this_door(door: Door):
    assert door.request("GET", "/api/v1/providers/helius").status == 405


def test_during_a_rotation_both_secrets_are_good_and_afterwards_one(door: Door):
    # The door reads its secrets again every second.
    def is_heard(secret: str) -> bool:
        return door.tell("[]", secret=secret).status == 200

    change(
        door,
        "INSERT INTO trading_providersecret (provider_id, secret, created_at)"
        " SELECT id, ?, '2026-01-01' FROM trading_provider WHERE door = 'helius'",
        "the new one",
    )
    until = time.monotonic() + 20
    while not is_heard("the new one") and time.monotonic() < until:
        time.sleep(0.1)
    assert is_heard("the new one")
    assert is_heard(HELIUS_SECRET)
    change(
        door,
        "UPDATE trading_providersecret SET valid_until = '2026-01-02' WHERE secret = ?",
        "the new one",
    )
    while is_heard("the new one") and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_heard("the new one")
    assert is_heard(HELIUS_SECRET)


def test_whoever_is_too_fast_is_told_when_to_come_again(door: Door):
    change(door, "UPDATE trading_provider SET bucket_tokens = 0, requests_per_second = 0")
    try:
        answer = door.tell("[]")
    finally:
        change(door, "UPDATE trading_provider SET bucket_tokens = 100, requests_per_second = 100")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")


def test_nothing_of_this_has_broken_the_door(door: Door):
    door.tell("[[[[")
    assert "Traceback" not in door.log.read_text()
