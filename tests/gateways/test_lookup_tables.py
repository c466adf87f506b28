"""Lookup tables are read from fetched accounts, and only live ones are believed."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from trading.gateways.base import InvalidReply
from trading.gateways.transactions import read_lookup_table


def key(number: int) -> Pubkey:
    return Pubkey(number.to_bytes(32, "big"))


def table_bytes(*addresses: Pubkey, kind: int = 1, deactivation_slot: int = 2**64 - 1) -> bytes:
    meta = kind.to_bytes(4, "little") + deactivation_slot.to_bytes(8, "little")
    return meta.ljust(56, b"\x00") + b"".join(bytes(address) for address in addresses)


def test_a_fetched_lookup_table_is_read_in_order() -> None:
    table = read_lookup_table(str(key(777)), table_bytes(key(1), key(2)))
    assert (table.key, list(table.addresses)) == (key(777), [key(1), key(2)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01" * 55,
        table_bytes(kind=0),
        table_bytes(key(1), deactivation_slot=5),
        table_bytes(key(1))[:-1],
    ],
)
def test_an_account_that_is_no_live_table_is_an_invalid_reply(data: bytes) -> None:
    with pytest.raises(InvalidReply):
        read_lookup_table(str(key(777)), data)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda body: table_bytes() + body))
def test_any_account_is_a_table_or_a_named_error(data: bytes) -> None:
    with suppress(InvalidReply):
        assert read_lookup_table(str(key(777)), data).key == key(777)
