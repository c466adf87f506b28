"""Ten largest holders without pools: who counts, who does not, and what is only bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from trading.domain.holders import (
    AMM_PROGRAMS,
    FROZEN_STATE,
    POOL_AUTHORITIES,
    TokenAccount,
    concentration_bps,
    parse_token_account,
    possible_pools,
)
from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from workers.sandbox.genesis import token_account

MINT = Keypair.from_seed(b"m" * 32).pubkey()
PEOPLE = [str(Keypair.from_seed(bytes([index]) * 32).pubkey()) for index in range(1, 31)]
POOL = str(Pubkey.find_program_address([b"pool"], MINT)[0])


def held(owner: str, amount_raw: int) -> TokenAccount:
    return TokenAccount(mint=str(MINT), owner=owner, amount_raw=amount_raw, is_frozen=False)


def test_the_ten_largest_are_added_up() -> None:
    accounts = [held(owner, 20) for owner in PEOPLE]
    assert concentration_bps(accounts, pools=(), supply_raw=1_000) == 2_000


def test_several_accounts_of_one_owner_are_one_holder() -> None:
    accounts = [held(PEOPLE[0], 30) for _ in range(11)] + [held(each, 10) for each in PEOPLE[1:11]]
    assert concentration_bps(accounts, pools=(), supply_raw=1_000) == 4_200


def test_pools_are_left_out() -> None:
    accounts = [held(POOL, 900), held(PEOPLE[0], 50)]
    assert concentration_bps(accounts, pools={POOL}, supply_raw=1_000) == 500


def test_a_programs_account_that_is_no_known_pool_counts_like_anybody() -> None:
    """Else whoever hides the supply in a program of their own would look like nobody."""
    assert concentration_bps([held(POOL, 900)], pools=(), supply_raw=1_000) == 9_000


def test_without_a_supply_nothing_is_known() -> None:
    assert concentration_bps([held(PEOPLE[0], 1)], pools=(), supply_raw=0) is None


def test_only_owners_without_a_private_key_may_be_pools() -> None:
    assert possible_pools([held(PEOPLE[0], 1), held(POOL, 2), held(POOL, 3)]) == [POOL]


@pytest.mark.parametrize(
    ("program", "seed"),
    [
        ("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8", b"amm authority"),
        ("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C", b"vault_and_lp_mint_auth_seed"),
        ("cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG", b"pool_authority"),
    ],
)
def test_a_pool_authority_is_what_its_program_derives(program: str, seed: bytes) -> None:
    derived, _ = Pubkey.find_program_address([seed], Pubkey.from_string(program))
    assert str(derived) in POOL_AUTHORITIES


def test_every_known_program_is_an_address() -> None:
    assert all(str(Pubkey.from_string(each)) == each for each in AMM_PROGRAMS)
    assert len(POOL_AUTHORITIES) == 3


@pytest.mark.parametrize("program", [TOKEN_PROGRAM, TOKEN_2022_PROGRAM])
def test_a_token_account_is_read(program: str) -> None:
    owner = Pubkey.from_string(PEOPLE[0])
    data = token_account(mint=MINT, owner=owner, amount=2**63 + 1)
    assert parse_token_account(data, program=program) == held(PEOPLE[0], 2**63 + 1)
    frozen = data[:108] + bytes([FROZEN_STATE]) + data[109:]
    parsed = parse_token_account(frozen, program=program)
    assert parsed is not None
    assert parsed.is_frozen


def test_what_is_no_token_account_is_none() -> None:
    data = token_account(mint=MINT, owner=MINT, amount=1)
    assert parse_token_account(data, program=str(MINT)) is None
    assert parse_token_account(data[:164], program=TOKEN_PROGRAM) is None
    assert parse_token_account(data + b"\1", program=TOKEN_2022_PROGRAM) is None, "a mint"
    assert parse_token_account(data + b"\2", program=TOKEN_2022_PROGRAM) is not None
    never_opened = data[:108] + b"\0" + data[109:]
    assert parse_token_account(never_opened, program=TOKEN_PROGRAM) is None


@given(st.binary(max_size=200), st.sampled_from([TOKEN_PROGRAM, TOKEN_2022_PROGRAM]))
def test_any_bytes_are_an_account_or_none(data: bytes, program: str) -> None:
    account = parse_token_account(data, program=program)
    assert account is None or 0 <= account.amount_raw < 2**64


@given(
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 2**64 - 1)), max_size=20),
    st.integers(1, 2**64 - 1),
)
def test_leaving_a_pool_out_never_makes_holders_larger(
    given_accounts: list[tuple[str, int]], supply_raw: int
) -> None:
    accounts = [held(owner, amount) for owner, amount in given_accounts]
    everybody = concentration_bps(accounts, pools=(), supply_raw=supply_raw)
    without = concentration_bps(accounts, pools={PEOPLE[0]}, supply_raw=supply_raw)
    assert everybody is not None
    assert without is not None
    assert 0 <= without <= everybody
