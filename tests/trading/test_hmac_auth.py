"""Whose request this is: two schemes, several secrets, a window, and one bad secret that hurts nobody."""

import base64
import hashlib
import hmac
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.hmac_auth import Caller, KnownSecret, NotAuthentic, authenticate, sign

NOW = 1_790_000_000.5
BODY = b'{"token":"BONK"}'
ADA = KnownSecret(provider_id=1, provider_name="ada", secret="ada's")
BOB = KnownSecret(provider_id=2, provider_name="bob", secret="bob's")
KEY = base64.b64encode(b"sixteen bytes...").decode()
EVE = KnownSecret(provider_id=3, provider_name="eve", secret=f"whsec_{KEY}")
BROKEN = KnownSecret(provider_id=4, provider_name="dan", secret="whsec_!")


def asked(headers: dict[str, str], *, body: bytes = BODY, now: float = NOW) -> Caller:
    return authenticate(headers=headers, body=body, secrets=[BROKEN, ADA, BOB, EVE], now=now)


def plain(secret: str, *, stamp: str = "1790000000", body: bytes = BODY) -> dict[str, str]:
    return {"x-timestamp": stamp, "x-signature": sign(secret=secret, timestamp=stamp, body=body)}


def standard(key: bytes, *, before: str = "", stamp: str = "1790000000") -> dict[str, str]:
    digest = hmac.new(key, b"msg_1." + stamp.encode() + b"." + BODY, hashlib.sha256).digest()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": f"{before}v1,{base64.b64encode(digest).decode()}",
    }


def test_the_signature_is_hmac_over_timestamp_and_body() -> None:
    by_hand = hmac.new(b"ada's", b"1790000000" + BODY, hashlib.sha256).hexdigest()
    assert plain("ada's")["x-signature"] == by_hand
    assert asked(plain("ada's")).provider_name == "ada"
    assert asked(plain("bob's")).provider_id == 2


def test_standard_webhooks_are_understood_with_either_kind_of_secret() -> None:
    assert asked(standard(b"ada's")).provider_name == "ada"
    assert asked(standard(b"sixteen bytes...")).provider_name == "eve"
    assert asked(standard(b"bob's", before="v1,bm90IHRoaXM= v2,xx ")).provider_name == "bob"


def test_each_request_has_a_key_of_its_own_for_replays() -> None:
    keys = {
        asked(plain("ada's")).replay_key,
        asked(plain("ada's", stamp="1790000001")).replay_key,
        asked(plain("bob's")).replay_key,
        asked(standard(b"ada's")).replay_key,
        asked(standard(b"ada's", stamp="1790000001")).replay_key,
    }
    assert len(keys) == 5
    assert max(map(len, keys)) <= 130
    again = asked(standard(b"ada's", before="v1,bm90IHRoaXM= "))
    assert again.replay_key == asked(standard(b"ada's")).replay_key


def test_a_message_with_several_signatures_is_one_message_by_each_of_them() -> None:
    """In a rotation it is signed with both secrets; whoever saw it could send it on with one of them."""
    renewed = KnownSecret(provider_id=1, provider_name="ada", secret="ada's new")
    old, new = standard(b"ada's"), standard(b"ada's new")
    both = f"{old['webhook-signature']} {new['webhook-signature']}"
    keys = {
        authenticate(headers=headers, body=BODY, secrets=[ADA, renewed, BOB], now=NOW).replay_key
        for headers in ({**old, "webhook-signature": both}, old, new)
    }
    assert len(keys) == 1
    assert asked(standard(b"bob's")).replay_key not in keys, "another provider's own"


@given(
    st.tuples(st.sampled_from(["", "0", "00"]), st.integers(10**9, 10**10 - 1)),
    st.integers(0, 14),
    st.text("0123456789", max_size=12),
    st.integers(-60, 60),
)
def test_a_signature_has_one_key_wherever_the_timestamp_is_said_to_end(
    parts: tuple[str, int], end: int, digits: str, seconds: int
) -> None:
    """The same bytes, cut elsewhere, carry the same signature: it may still be accepted only once."""
    zeros, moment = parts
    signed = f"{zeros}{moment}{digits}".encode() + BODY
    keys = set()
    for cut in {len(f"{zeros}{moment}"), end}:
        headers = {
            "x-timestamp": signed[:cut].decode(errors="replace"),
            "x-signature": sign(secret="ada's", timestamp="", body=signed),
        }
        with suppress(NotAuthentic):
            keys.add(asked(headers, body=signed[cut:], now=moment + seconds).replay_key)
    assert len(keys) == 1


@pytest.mark.parametrize("seconds", [-60, 0, 60])
def test_the_window_includes_its_limits(seconds: int) -> None:
    assert asked(plain("ada's"), now=1_790_000_000 + seconds)
    with pytest.raises(NotAuthentic):
        asked(plain("ada's"), now=1_790_000_000 + 61 * (1 if seconds >= 0 else -1))


@pytest.mark.parametrize(
    "stamp",
    ["", " 1790000000", "1790000000.0", "-1790000000", "1e9", "１７９００００００0", "9" * 99],
)
def test_a_timestamp_is_plain_digits(stamp: str) -> None:
    with pytest.raises(NotAuthentic):
        asked(plain("ada's", stamp=stamp))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-timestamp": "1790000000"},
        {"x-signature": plain("ada's")["x-signature"]},
        {**plain("ada's"), "x-signature": plain("ada's")["x-signature"].upper()},
        {**plain("ada's"), "x-signature": ""},
        {**plain("ada's"), "x-timestamp": "1790000001"},
        {**standard(b"ada's"), "webhook-id": "msg_2"},
        {**standard(b"ada's"), "webhook-signature": ""},
        {**standard(b"ada's"), "webhook-signature": "v1,"},
        {"x-signature": "", **standard(b"ada's")},
    ],
)
def test_anything_else_is_not_authentic(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthentic) as caught:
        asked(headers)
    assert str(caught.value) == ""


@given(st.binary(max_size=40), st.integers(0, 320))
def test_one_changed_bit_of_the_body_is_another_request(body: bytes, bit: int) -> None:
    headers = plain("ada's", body=body)
    assert asked(headers, body=body).provider_name == "ada"
    changed = bytearray(body + b"\0")
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    with pytest.raises(NotAuthentic):
        asked(headers, body=bytes(changed))


names = st.sampled_from(
    ["x-timestamp", "x-signature", "webhook-id", "webhook-timestamp", "webhook-signature"]
)


@given(st.dictionaries(names, st.text(st.characters(max_codepoint=255), max_size=90)))
def test_any_headers_are_a_caller_or_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthentic):
        asked(headers)
