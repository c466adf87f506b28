"""The stock client reads accounts and tokens in every encoding a node offers."""

from base64 import b64decode

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import DataSliceOpts, MemcmpOpts, TokenAccountOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer

SYSTEM = "11111111111111111111111111111111"


async def test_a_balance_is_exact_and_zero_for_nobody(client: AsyncClient, sandbox: Sandbox):
    keypair = sandbox.funded_keypair(1_234_567)
    assert (await client.get_balance(keypair.pubkey(), Confirmed)).value == 1_234_567
    assert (await client.get_balance(Keypair().pubkey())).value == 0


async def test_an_unknown_account_is_null(client: AsyncClient):
    assert (await client.get_account_info(Keypair().pubkey())).value is None


@pytest.mark.parametrize("encoding", ["base64", "base58"])
async def test_a_mint_is_read_raw_in(client: AsyncClient, payer: Payer, encoding: str):
    mint = payer.issue(supply=77)
    account = (await client.get_account_info(mint, Confirmed, encoding)).value
    assert account is not None
    assert account.owner == TOKEN_PROGRAM_ID
    assert int.from_bytes(account.data[36:44], "little") == 77


async def test_a_slice_of_the_data_is_only_that(client: AsyncClient, payer: Payer):
    mint = payer.issue(decimals=9)
    part = DataSliceOpts(offset=44, length=2)
    account = (await client.get_account_info(mint, Confirmed, "base64", part)).value
    assert account is not None
    assert bytes(account.data) == bytes([9, 1])


async def test_more_than_128_bytes_in_base58_are_refused(payer: Payer):
    account = str(payer.token_account(payer.issue()))
    reply = payer.sandbox.rpc("getAccountInfo", account, {"encoding": "base58"})
    assert reply["error"]["code"] == -32600


async def test_a_mint_is_parsed(client: AsyncClient, payer: Payer):
    mint = payer.issue(decimals=3, supply=5_000)
    parsed = (await client.get_account_info_json_parsed(mint, Confirmed)).value
    assert parsed is not None
    assert parsed.data.program == "spl-token"
    info = parsed.data.parsed["info"]
    assert info == {
        "decimals": 3,
        "freezeAuthority": None,
        "isInitialized": True,
        "mintAuthority": str(payer.address),
        "supply": "5000",
    }


async def test_a_token_account_is_parsed_with_the_mints_decimals(client: AsyncClient, payer: Payer):
    mint = payer.issue(decimals=3, supply=5_250)
    account = payer.token_account(mint)
    parsed = (await client.get_account_info_json_parsed(account, Confirmed)).value
    assert parsed is not None
    assert parsed.data.parsed["info"]["tokenAmount"] == {
        "amount": "5250",
        "decimals": 3,
        "uiAmount": 5.25,
        "uiAmountString": "5.25",
    }


async def test_a_wallet_falls_back_to_base64_when_parsing_is_asked(sandbox: Sandbox):
    address = str(sandbox.funded_keypair().pubkey())
    value = sandbox.rpc("getAccountInfo", address, {"encoding": "jsonParsed"})["result"]["value"]
    assert value["data"] == ["", "base64"]
    assert value["owner"] == SYSTEM


async def test_several_accounts_come_in_the_order_asked(client: AsyncClient, sandbox: Sandbox):
    first, second = sandbox.funded_keypair(10**7), sandbox.funded_keypair(2 * 10**7)
    keys = [second.pubkey(), Keypair().pubkey(), first.pubkey()]
    found = (await client.get_multiple_accounts(keys, Confirmed)).value
    assert [each.lamports if each else None for each in found] == [2 * 10**7, None, 10**7]
    assert len((await client.get_multiple_accounts_json_parsed(keys)).value) == 3


async def test_at_most_100_accounts_are_read_at_once(sandbox: Sandbox):
    reply = sandbox.rpc("getMultipleAccounts", [SYSTEM] * 101)
    assert reply["error"] == {"code": -32602, "message": "Too many inputs provided; max 100"}


@pytest.mark.parametrize("program", [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID])
async def test_token_balance_supply_and_holders_agree(
    client: AsyncClient, payer: Payer, program: Pubkey
):
    mint = payer.issue(decimals=2, supply=12_345, program=program)
    account = payer.token_account(mint, program)
    balance = (await client.get_token_account_balance(account, Confirmed)).value
    supply = (await client.get_token_supply(mint, Confirmed)).value
    [holder] = (await client.get_token_largest_accounts(mint, Confirmed)).value
    assert balance.amount == supply.amount == holder.amount.amount == "12345"
    assert balance.ui_amount_string == "123.45"
    assert holder.address == account


@pytest.mark.parametrize("by", ["mint", "program"])
async def test_token_accounts_of_an_owner_are_found_by(client: AsyncClient, payer: Payer, by: str):
    mint = payer.issue()
    opts = (
        TokenAccountOpts(mint=mint)
        if by == "mint"
        else TokenAccountOpts(program_id=TOKEN_PROGRAM_ID)
    )
    found = (await client.get_token_accounts_by_owner(payer.address, opts, Confirmed)).value
    parsed = await client.get_token_accounts_by_owner_json_parsed(payer.address, opts, Confirmed)
    assert payer.token_account(mint) in [each.pubkey for each in found]
    assert [each.pubkey for each in parsed.value] == [each.pubkey for each in found]


async def test_program_accounts_are_filtered_by_size_and_content(client: AsyncClient, payer: Payer):
    mint = payer.issue(supply=9)
    where = MemcmpOpts(offset=0, bytes=str(mint))
    found = await client.get_program_accounts(
        TOKEN_PROGRAM_ID, Confirmed, "base64", filters=[165, where]
    )
    assert [each.pubkey for each in found.value] == [payer.token_account(mint)]
    none = await client.get_program_accounts(
        TOKEN_PROGRAM_ID, Confirmed, "base64", filters=[82, where]
    )
    assert none.value == []


async def test_program_accounts_come_parsed_and_with_context(client: AsyncClient, payer: Payer):
    mint = payer.issue()
    where = MemcmpOpts(offset=0, bytes=str(mint))
    parsed = await client.get_program_accounts_json_parsed(
        TOKEN_PROGRAM_ID, Confirmed, filters=[165, where]
    )
    assert parsed.value[0].account.data.parsed["info"]["mint"] == str(mint)
    config = {"encoding": "base64", "withContext": True, "filters": [{"dataSize": 165}]}
    reply = payer.sandbox.rpc("getProgramAccounts", str(TOKEN_PROGRAM_ID), config)
    assert set(reply["result"]) == {"context", "value"}


KINDS = {
    "transfer_fee": "transferFeeConfig",
    "permanent_delegate": "permanentDelegate",
    "transfer_hook": "transferHook",
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_2022_mint_shows_its_extension(sandbox: Sandbox, kind: str):
    token = sandbox.tokens(kind)[0]
    reply = sandbox.rpc("getAccountInfo", token["mint"], {"encoding": "jsonParsed"})
    data = reply["result"]["value"]["data"]
    shown = {each["extension"]: each["state"] for each in data["parsed"]["info"]["extensions"]}
    assert data["program"] == "spl-token-2022"
    assert shown[KINDS[kind]]


async def test_the_raw_token_2022_mint_has_its_extensions_after_byte_165(sandbox: Sandbox):
    mint = sandbox.tokens("transfer_fee")[0]["mint"]
    value = sandbox.rpc("getAccountInfo", mint, {"encoding": "base64"})["result"]["value"]
    data = b64decode(value["data"][0])
    assert not any(data[82:165])
    assert data[165] == 1
    assert int.from_bytes(data[166:168], "little") == 1


@pytest.mark.parametrize(
    ("method", "address", "message"),
    [
        ("getTokenAccountBalance", SYSTEM, "not a Token account"),
        ("getTokenAccountBalance", "nobody", "could not find account"),
        ("getTokenSupply", SYSTEM, "not a Token mint"),
        ("getTokenLargestAccounts", SYSTEM, "not a Token mint"),
    ],
)
async def test_what_is_no_token_is_refused(
    sandbox: Sandbox, method: str, address: str, message: str
):
    asked = str(Keypair().pubkey()) if address == "nobody" else address
    reply = sandbox.rpc(method, asked)
    assert reply["error"]["code"] == -32602
    assert message in reply["error"]["message"]


async def test_an_owners_tokens_under_a_foreign_program_are_refused(sandbox: Sandbox):
    reply = sandbox.rpc("getTokenAccountsByOwner", SYSTEM, {"programId": SYSTEM})
    assert reply["error"]["message"] == "Invalid param: unrecognized Token program id"
