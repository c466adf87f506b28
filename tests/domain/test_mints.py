"""What a mint account holds: mints made by the real token programs, recorded ones, and damaged bytes."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from tests.cluster import REPOSITORY, Sandbox
from tests.sandbox.actors import (
    DEFAULT_FROZEN,
    NON_TRANSFERABLE,
    Actor,
    Extension,
    keypair,
    new_chain,
    pausable,
    permanent_delegate,
    present,
    transfer_fee,
    transfer_hook,
    writable,
)
from trading.domain.safety import MintFacts, parse_mint
from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from workers.sandbox.holdings import TOKEN_2022_PROGRAM as TOKEN_2022
from workers.sandbox.holdings import TOKEN_PROGRAM as SPL_TOKEN

HARMLESS = (3, 4, 10, 16, 18, 19, 20, 21, 22, 23, 24, 25, 28)
SOMEBODY = keypair("somebody").pubkey()
MINTS = REPOSITORY.parent / "shared" / "mainnet" / "accounts" / "mints"
DEFAULT_THAWED = Extension(setup=b"\x1c\0\1", length=1)
CLOSABLE = Extension(setup=b"\x19\1" + bytes(SOMEBODY), length=32)
POINTER = Extension(setup=b"\x27\0" + bytes(32) + bytes(SOMEBODY), length=64)


@pytest.fixture(scope="module")
def maker() -> Actor:
    return Actor(new_chain(), "maker")


def account(maker: Actor, address: Pubkey) -> tuple[bytes, str]:
    stored = present(maker.chain, address)
    return bytes(stored.data), str(stored.owner)


def made(maker: Actor, name: str, **options) -> MintFacts | None:
    """What we read in a mint that the real program has written."""
    data, owner = account(maker, maker.create_mint(name, **options).address)
    return parse_mint(data, owner=owner)


@pytest.mark.parametrize("program", [SPL_TOKEN, TOKEN_2022])
def test_a_plain_mint_of_either_program_is_read_whole(maker: Actor, program: Pubkey) -> None:
    fresh = maker.create_mint(f"plain {program}", decimals=7, program=program, freezable=True)
    maker.must(maker.open_account(fresh))
    maker.must(maker.mint_to(fresh, fresh.account_of(maker.address), 2**63 + 5))
    data, owner = account(maker, fresh.address)
    assert parse_mint(data, owner=owner) == MintFacts(
        token_program=str(program),
        decimals=7,
        supply_raw=2**63 + 5,
        has_mint_authority=True,
        has_freeze_authority=True,
    )


def test_authorities_that_were_given_up_are_gone(maker: Actor) -> None:
    fresh = maker.create_mint("given up", freezable=True)
    for kind in (b"\6\0\0", b"\6\1\0"):
        maker.must(maker.on_account(fresh, kind, fresh.address))
    data, owner = account(maker, fresh.address)
    facts = parse_mint(data, owner=owner)
    assert facts is not None
    assert not facts.has_mint_authority
    assert not facts.has_freeze_authority


@pytest.mark.parametrize(
    ("extension", "unsafe", "fee_bps"),
    [
        (transfer_fee(250), "", 250),
        (transfer_fee(0), "", 0),
        (permanent_delegate(SOMEBODY), "permanent delegate", 0),
        (transfer_hook(SOMEBODY), "transfer hook", 0),
        (pausable(SOMEBODY), "pausable", 0),
        (NON_TRANSFERABLE, "non-transferable", 0),
        (DEFAULT_FROZEN, "frozen by default", 0),
        (DEFAULT_THAWED, "", 0),
        (CLOSABLE, "", 0),
        (POINTER, "", 0),
    ],
    ids=lambda value: value.setup[:3].hex() if isinstance(value, Extension) else str(value),
)
def test_an_extension_that_the_real_program_wrote_is_found(
    maker: Actor, extension: Extension, unsafe: str, fee_bps: int
) -> None:
    facts = made(
        maker,
        f"extended {extension.setup.hex()}",
        extension=extension,
        freezable=extension in (DEFAULT_FROZEN, DEFAULT_THAWED),
    )
    assert facts is not None
    assert (facts.unsafe_extension, facts.transfer_fee_bps) == (unsafe, fee_bps)


def test_a_fee_that_begins_in_a_later_epoch_counts_now(maker: Actor) -> None:
    rising = maker.create_mint("rising", extension=transfer_fee(0, maker.address))
    raise_fee = b"\x1a\5" + (9_000).to_bytes(2, "little") + (2**60).to_bytes(8, "little")
    maker.must(Instruction(TOKEN_2022, raise_fee, [writable(rising.address), maker.signer()]))
    data, owner = account(maker, rising.address)
    facts = parse_mint(data, owner=owner)
    assert facts is not None
    assert facts.transfer_fee_bps == 9_000


def test_a_token_account_is_not_a_mint(maker: Actor) -> None:
    for program in (SPL_TOKEN, TOKEN_2022):
        fresh = maker.create_mint(f"held {program}", program=program)
        maker.must(maker.open_account(fresh))
        data, owner = account(maker, fresh.account_of(maker.address))
        assert parse_mint(data, owner=owner) is None


def test_an_account_of_another_program_is_not_a_mint(maker: Actor) -> None:
    data, _ = account(maker, maker.create_mint("disowned").address)
    assert parse_mint(data, owner="11111111111111111111111111111111") is None
    assert parse_mint(b"", owner=TOKEN_PROGRAM) is None


@pytest.fixture(scope="module")
def extended(maker: Actor) -> bytes:
    """A Token-2022 mint whose one extension is a harmless pointer."""
    return account(maker, maker.create_mint("pointed", extension=POINTER).address)[0]


def read(data: bytes) -> MintFacts | None:
    return parse_mint(data, owner=TOKEN_2022_PROGRAM)


def unsafe(data: bytes) -> str:
    facts = read(data)
    assert facts is not None
    return facts.unsafe_extension


def entry(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value


def test_extensions_begin_at_byte_166(extended: bytes) -> None:
    assert extended[165] == 1
    assert int.from_bytes(extended[166:168], "little") == 18
    assert unsafe(extended) == ""


def test_an_extension_behind_a_harmless_one_is_found(extended: bytes) -> None:
    assert unsafe(extended + entry(12, bytes(SOMEBODY))) == "permanent delegate"
    assert unsafe(extended + entry(12, bytes(32))) == ""


def test_two_fees_count_as_the_higher_one(extended: bytes) -> None:
    def fee(bps: int) -> bytes:
        return entry(1, bytes(106) + bps.to_bytes(2, "little"))

    facts = read(extended + fee(500) + fee(1))
    assert facts is not None
    assert facts.transfer_fee_bps == 500


@pytest.mark.parametrize("at", [82, 100, 164])
def test_bytes_where_padding_belongs_are_refused(extended: bytes, at: int) -> None:
    damaged = bytearray(extended)
    damaged[at] = 1
    assert unsafe(bytes(damaged)) == "padding"


@pytest.mark.parametrize("tail", [b"\1", b"\0\0\1", bytes(9) + b"\1"])
def test_bytes_behind_the_list_are_refused(extended: bytes, tail: bytes) -> None:
    assert unsafe(extended + tail) == "padding"
    assert unsafe(extended + bytes(len(tail))) == ""


@pytest.mark.parametrize("missing", [1, 63, 64])
def test_a_truncated_extension_is_refused(extended: bytes, missing: int) -> None:
    assert unsafe(extended[:-missing]) == "truncated"


@pytest.mark.parametrize("kind", [2, 5, 7, 8, 11, 13, 15, 17, 27, 29, 99, 65_535])
def test_an_unknown_extension_is_refused_by_its_number(extended: bytes, kind: int) -> None:
    assert unsafe(extended + entry(kind, b"\1")) == f"unknown extension {kind}"


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_harmless_extension_is_let_through(extended: bytes, kind: int) -> None:
    assert unsafe(extended + entry(kind, bytes(40))) == ""


def test_a_fee_of_an_unknown_shape_counts_as_everything(extended: bytes) -> None:
    facts = read(extended + entry(1, bytes(107)))
    assert facts is not None
    assert facts.transfer_fee_bps == 10_000


def test_a_pause_outlives_its_authority(extended: bytes) -> None:
    assert unsafe(extended + entry(26, bytes(32) + b"\1")) == "pausable"
    assert unsafe(extended + entry(26, bytes(33))) == ""


def test_another_account_type_or_none_at_all_is_not_a_mint(extended: bytes) -> None:
    other = bytearray(extended)
    for kind in (0, 2, 3):
        other[165] = kind
        assert read(bytes(other)) is None
    assert read(extended[:165]) is None
    assert read(extended[:83]) is None


def test_a_mint_that_was_never_initialised_is_not_a_mint(extended: bytes) -> None:
    blank = bytearray(extended)
    blank[45] = 0
    assert read(bytes(blank)) is None


@given(st.binary(max_size=400), st.sampled_from([TOKEN_PROGRAM, TOKEN_2022_PROGRAM, "other"]))
def test_any_bytes_are_a_mint_or_none(data: bytes, owner: str) -> None:
    facts = parse_mint(data, owner=owner)
    assert facts is None or 0 <= facts.transfer_fee_bps <= 65_535


@given(st.data())
def test_a_damaged_mint_is_judged_and_never_raises(data: st.DataObject) -> None:
    head = bytearray(166)
    head[45], head[165] = 1, 1
    tail = data.draw(
        st.lists(
            st.tuples(st.integers(0, 40), st.binary(max_size=120)).map(lambda each: entry(*each)),
            max_size=4,
        )
    )
    cut = data.draw(st.integers(0, 3))
    facts = read(bytes(head) + b"".join(tail)[: -cut or None])
    assert facts is not None


RECORDED = [file for file in sorted(MINTS.glob("*.json")) if "jsonParsed" not in file.name]


@pytest.mark.skipif(
    not RECORDED, reason="the recorded mainnet accounts are not beside this checkout"
)
@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem[:12])
def test_a_recorded_mint_is_read(file: Path) -> None:
    value = json.loads(file.read_text())
    value = value.get("result", value)["value"]
    data = base64.b64decode(value["data"][0])
    facts = parse_mint(data, owner=value["owner"])
    assert facts is not None
    assert facts.decimals <= 18
    assert facts.token_program == value["owner"]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("freeze_honeypot", {"has_freeze_authority": True}),
        ("mint_authority", {"has_mint_authority": True}),
        ("transfer_fee", {}),
        ("permanent_delegate", {"unsafe_extension": "permanent delegate"}),
        ("transfer_hook", {"unsafe_extension": "transfer hook"}),
        ("major", {}),
        ("memecoin", {}),
    ],
)
def test_every_token_of_the_sandbox_is_read_for_what_it_is(
    sandbox: Sandbox, kind: str, found: dict
) -> None:
    for listed in sandbox.tokens(kind):
        value = sandbox.rpc("getAccountInfo", listed["mint"], {"encoding": "base64"})
        stored = value["result"]["value"]
        facts = parse_mint(base64.b64decode(stored["data"][0]), owner=stored["owner"])
        assert facts == MintFacts(
            token_program=listed["token_program"],
            decimals=listed["decimals"],
            supply_raw=facts.supply_raw if facts else 0,
            transfer_fee_bps=facts.transfer_fee_bps if facts else 0,
            **{"has_mint_authority": False, "has_freeze_authority": False, **found},
        )
        assert facts.supply_raw > 0
        assert (facts.transfer_fee_bps > 100) == (kind == "transfer_fee")
