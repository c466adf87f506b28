"""Our own transactions: order of the steps, tip last and never from a table, size, signature."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import decode_transfer
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.transactions import (
    SIZE_LIMIT_BYTES,
    Closing,
    KeySigner,
    MalformedTransaction,
    SignedTransaction,
    SwapInstructions,
    Tip,
    TransactionTooLarge,
    UnableToAssemble,
    assemble,
    round_trip,
    signature_of,
)

PAYER = Keypair.from_seed(b"\x05" * 32)
OWNER = PAYER.pubkey()
BLOCKHASH = str(Hash(b"\x0a" * 32))
ACCOUNT = Pubkey(b"\x0b" * 32)
TIP = Tip(account=TIP_ACCOUNTS[0], lamports=1000)


def key(number: int) -> Pubkey:
    return Pubkey(number.to_bytes(32, "big"))


def step(name: str, *accounts: Pubkey) -> Instruction:
    metas = [AccountMeta(account, is_signer=False, is_writable=True) for account in accounts]
    return Instruction(Pubkey(b"\x0c" * 32), name.encode(), metas)


SWAP = SwapInstructions(
    compute_budget=(set_compute_unit_limit(1_400_000), set_compute_unit_price(9)),
    setup=(step("setup 1"), step("setup 2")),
    swap=step("swap"),
    cleanup=(step("cleanup"),),
    lookup_table_addresses=(),
)


def assembled(**changes: Any) -> SignedTransaction:
    given = {
        "instructions": SWAP,
        "signer": KeySigner(PAYER),
        "blockhash": BLOCKHASH,
    }
    return assemble(**{**given, **changes})


def steps_of(signed: SignedTransaction) -> list[tuple[Pubkey, bytes, list[int]]]:
    message = VersionedTransaction.from_bytes(signed.wire).message
    keys = list(message.account_keys)
    return [
        (keys[compiled.program_id_index], bytes(compiled.data), list(compiled.accounts))
        for compiled in message.instructions
    ]


def test_the_steps_are_in_order_and_the_tip_is_last() -> None:
    signed = assembled(tip=TIP, closing=Closing(account=ACCOUNT))
    steps = steps_of(signed)
    assert [program for program, _, _ in steps[:2]] == [COMPUTE_BUDGET] * 2
    assert [data for _, data, _ in steps[2:6]] == [b"setup 1", b"setup 2", b"swap", b"cleanup"]
    assert [program for program, _, _ in steps[6:]] == [TOKEN_PROGRAM_ID, SYSTEM]


def test_the_tip_goes_from_us_to_the_tip_account() -> None:
    transaction = VersionedTransaction.from_bytes(assembled(tip=TIP).wire)
    keys = list(transaction.message.account_keys)
    _, data, accounts = steps_of(assembled(tip=TIP))[-1]
    metas = [AccountMeta(keys[index], is_signer=False, is_writable=True) for index in accounts]
    sent = decode_transfer(Instruction(SYSTEM, data, metas))
    assert sent["from_pubkey"] == OWNER
    assert str(sent["to_pubkey"]) == TIP.account
    assert sent["lamports"] == TIP.lamports


def test_without_a_tip_nothing_is_transferred() -> None:
    assert SYSTEM not in [program for program, _, _ in steps_of(assembled())]


@pytest.mark.parametrize("program", [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID])
def test_closing_gives_the_rent_back_to_us_by_the_accounts_own_program(program: Pubkey) -> None:
    signed = assembled(closing=Closing(account=ACCOUNT, program=program))
    keys = list(VersionedTransaction.from_bytes(signed.wire).message.account_keys)
    closing, data, accounts = steps_of(signed)[-1]
    assert (closing, data) == (program, b"\x09")
    assert [keys[index] for index in accounts] == [ACCOUNT, OWNER, OWNER]


def budget_of(signed: SignedTransaction) -> list[bytes]:
    return [data for program, data, _ in steps_of(signed) if program == COMPUTE_BUDGET]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(2, 1_400_000), (3, 9)]),
        ({"compute_unit_limit": 200_000}, [(3, 9), (2, 200_000)]),
        ({"compute_unit_price_micro_lamports": 5}, [(2, 1_400_000), (3, 5)]),
        (
            {"compute_unit_limit": 200_000, "compute_unit_price_micro_lamports": 0},
            [(2, 200_000), (3, 0)],
        ),
    ],
)
def test_our_compute_budget_replaces_jupiters(
    changes: dict[str, int], expected: list[tuple[int, int]]
) -> None:
    found = [
        (data[0], int.from_bytes(data[1:], "little")) for data in budget_of(assembled(**changes))
    ]
    assert found == expected


def test_the_signature_is_ours_and_known_before_sending() -> None:
    signed = assembled(tip=TIP)
    transaction = VersionedTransaction.from_bytes(signed.wire)
    assert transaction.verify_with_results() == [True]
    assert str(transaction.signatures[0]) == signed.signature == signature_of(signed.wire)
    assert transaction.message.account_keys[0] == OWNER
    assert str(transaction.message.recent_blockhash) == BLOCKHASH


def test_the_same_steps_give_the_same_bytes() -> None:
    assert assembled(tip=TIP) == assembled(tip=TIP)


def table_of(*addresses: Pubkey) -> AddressLookupTableAccount:
    return AddressLookupTableAccount(key=key(777), addresses=list(addresses))


def with_swap_over(*accounts: Pubkey) -> SwapInstructions:
    return SwapInstructions(
        compute_budget=(),
        setup=(),
        swap=step("swap", *accounts),
        cleanup=(),
        lookup_table_addresses=(),
    )


def test_a_lookup_table_makes_room_for_many_accounts() -> None:
    accounts = [key(number) for number in range(1, 41)]
    wide = with_swap_over(*accounts)
    with pytest.raises(TransactionTooLarge) as caught:
        assembled(instructions=wide)
    assert caught.value.size_bytes > SIZE_LIMIT_BYTES
    signed = assembled(instructions=wide, lookup_tables=[table_of(*accounts)])
    assert len(signed.wire) <= SIZE_LIMIT_BYTES


def test_the_tip_account_never_comes_from_a_lookup_table() -> None:
    accounts = [key(number) for number in range(1, 41)]
    tip_key = Pubkey.from_string(TIP.account)
    table = table_of(accounts[0], tip_key, *accounts[1:])
    signed = assembled(instructions=with_swap_over(*accounts), tip=TIP, lookup_tables=[table])
    message = VersionedTransaction.from_bytes(signed.wire).message
    assert isinstance(message, MessageV0)
    assert tip_key in list(message.account_keys)
    [lookup] = message.address_table_lookups
    used = sorted([*lookup.writable_indexes, *lookup.readonly_indexes])
    assert used == [0, *range(2, 41)]


@pytest.mark.parametrize("blockhash", ["", "x", "0" * 32, "\ud800"])
def test_a_blockhash_that_is_none_is_a_named_error(blockhash: str) -> None:
    with pytest.raises(UnableToAssemble):
        assembled(blockhash=blockhash)


def test_a_tip_account_that_is_no_address_is_a_named_error() -> None:
    with pytest.raises(UnableToAssemble):
        assembled(tip=Tip(account="nonsense", lamports=1))


def test_a_step_that_wants_another_signer_is_a_named_error() -> None:
    meta = AccountMeta(ACCOUNT, is_signer=True, is_writable=False)
    stranger = Instruction(key(9), b"", [meta])
    with pytest.raises(UnableToAssemble):
        assembled(
            instructions=SwapInstructions(
                compute_budget=(), setup=(), swap=stranger, cleanup=(), lookup_table_addresses=()
            )
        )


def test_more_accounts_than_a_message_can_hold_are_a_named_error() -> None:
    accounts = [key(number) for number in range(1, 400)]
    with pytest.raises(UnableToAssemble):
        assembled(instructions=with_swap_over(*accounts))


def test_a_round_trip_buys_first_and_then_sells() -> None:
    sell = SwapInstructions(
        compute_budget=(set_compute_unit_limit(1),),
        setup=(step("sell setup"),),
        swap=step("sell"),
        cleanup=(step("sell cleanup"),),
        lookup_table_addresses=("a", "c"),
    )
    buy = replace(SWAP, lookup_table_addresses=("a", "b"))
    both = round_trip(buy, sell)
    data = [data for _, data, _ in steps_of(assembled(instructions=both))]
    assert data == [
        *(b"setup 1", b"setup 2", b"swap", b"cleanup"),
        *(b"sell setup", b"sell", b"sell cleanup"),
    ]
    assert both.lookup_table_addresses == ("a", "b", "c")


@settings(deadline=None)
@given(
    count=st.integers(0, 60),
    length=st.integers(0, 900),
    lamports=st.integers(1, 10**10),
    with_table=st.booleans(),
)
def test_whatever_fits_is_signed_and_the_rest_is_a_named_error(
    count: int, length: int, lamports: int, with_table: bool
) -> None:
    accounts = [key(number) for number in range(1, count + 1)]
    swap = with_swap_over(*accounts)
    bulky = Instruction(key(900), b"x" * length, [])
    try:
        signed = assembled(
            instructions=SwapInstructions(
                compute_budget=(),
                setup=(bulky,),
                swap=swap.swap,
                cleanup=(),
                lookup_table_addresses=(),
            ),
            tip=Tip(account=TIP_ACCOUNTS[1], lamports=lamports),
            lookup_tables=[table_of(*accounts)] if with_table else [],
        )
    except UnableToAssemble:
        return
    assert len(signed.wire) <= SIZE_LIMIT_BYTES
    assert VersionedTransaction.from_bytes(signed.wire).verify_with_results() == [True]


@settings(deadline=None)
@given(st.binary(max_size=300) | st.binary(min_size=64, max_size=400).map(lambda b: b"\x01" + b))
def test_any_bytes_have_a_signature_or_a_named_error(wire: bytes) -> None:
    with suppress(MalformedTransaction):
        assert signature_of(wire)


@settings(deadline=None)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_transaction_has_a_signature_or_a_named_error(position: int, value: int) -> None:
    wire = bytearray(assembled(tip=TIP).wire)
    wire[position % len(wire)] = value
    with suppress(MalformedTransaction):
        assert signature_of(bytes(wire))
