"""Our replies have the shapes recorded on mainnet; values are not compared, names and types are."""

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer
from tests.sandbox.test_rpc_transactions import move_tokens, read
from workers.sandbox.account_views import parsed_json
from workers.sandbox.extensions import extensions_json
from workers.sandbox.token_layouts import read_mint, read_token_account

Shape = Any
# What nodes added or dropped over the years, and the caller's own id.
OPTIONAL = {"id", "costUnits", "stackHeight", "returnData", "apiVersion", "loadedAddresses"}


def shape(value: Any) -> Shape:
    """Names of objects and kinds of values; a list has the shape of its first element."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items() if name not in OPTIONAL}
        case list():
            return [shape(value[0])] if value else []
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case None:
            return None
    return "text"


def agrees(ours: Shape, theirs: Shape) -> bool:
    """Equal where both know: null and the empty list fit anything."""
    if ours is None or theirs is None or ours == [] or theirs == []:
        return True
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return set(ours) == set(theirs) and all(agrees(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return agrees(ours[0], theirs[0])
    return bool(ours == theirs)


def load(file: Path) -> Any:
    return json.loads(file.read_text())


def test_token_supply(sandbox: Sandbox, recorded: Path):
    theirs = load(recorded / "accounts" / "rpc" / "getTokenSupply_BONK.json")
    ours = sandbox.rpc("getTokenSupply", sandbox.tokens("major")[0]["mint"])
    assert agrees(shape(ours), shape(theirs))


def test_largest_token_accounts(sandbox: Sandbox, recorded: Path):
    theirs = load(recorded / "accounts" / "rpc" / "getTokenLargestAccounts_docs.json")
    ours = sandbox.rpc("getTokenLargestAccounts", sandbox.tokens("memecoin")[0]["mint"])
    assert ours["result"]["value"]
    assert agrees(shape(ours), shape(theirs))


def test_a_parsed_mint(sandbox: Sandbox, recorded: Path):
    [file] = (recorded / "accounts" / "mints").glob("Dez*_jsonParsed.json")
    mint = sandbox.tokens("memecoin")[0]["mint"]
    ours = sandbox.rpc("getAccountInfo", mint, {"encoding": "jsonParsed"})
    theirs = load(file)
    assert agrees(shape(ours), shape(theirs))


def test_parsed_token_accounts_of_an_owner(payer: Payer, recorded: Path):
    [file] = (recorded / "accounts" / "token_accounts_by_owner").glob("mm5G1iYs*.json")
    mint = str(payer.issue())
    config = {"encoding": "jsonParsed", "commitment": "confirmed"}
    ours = payer.sandbox.rpc("getTokenAccountsByOwner", str(payer.address), {"mint": mint}, config)
    assert ours["result"]["value"]
    assert agrees(shape(ours), shape(load(file)))


def transactions(recorded: Path, *, parsed: bool) -> Iterator[Any]:
    for file in sorted((recorded / "raw").glob("*.json")):
        body = load(file)
        keys = body["transaction"]["message"]["accountKeys"]
        is_recent = body.get("version", "legacy") != "legacy"
        # A few recordings passed through services that leave out what is empty.
        is_whole = (
            "computeUnitsConsumed" in body["meta"]
            and "addressTableLookups" in body["transaction"]["message"]
        )
        if is_recent and is_whole and isinstance(keys[0], dict) is parsed:
            yield body


@pytest.mark.parametrize("encoding", ["json", "jsonParsed"])
def test_a_transaction(payer: Payer, recorded: Path, encoding: str):
    signature, _ = move_tokens(payer, amount=5)
    ours = read(payer.sandbox, signature, encoding)["result"]
    ours["transaction"]["message"].pop("instructions")
    ours["meta"].pop("innerInstructions")
    theirs = list(transactions(recorded, parsed=encoding == "jsonParsed"))
    assert len(theirs) > 10
    for each in theirs:
        each["transaction"]["message"].pop("instructions")
        each["meta"].pop("innerInstructions")
        each["meta"]["err"] = each["meta"]["status"] = None
        assert agrees(shape(ours), shape(each)), each["transaction"]["signatures"]


def instructions_of(body: Any) -> Iterator[Any]:
    yield from body["transaction"]["message"]["instructions"]
    for group in body["meta"]["innerInstructions"] or []:
        yield from group["instructions"]


def info_fields(bodies: list[Any]) -> dict[tuple[str, str], set[frozenset[str]]]:
    """For each (program, instruction type): the sets of field names that were seen."""
    seen: dict[tuple[str, str], set[frozenset[str]]] = defaultdict(set)
    for body in bodies:
        for each in instructions_of(body):
            parsed = each.get("parsed")
            if isinstance(parsed, dict):
                key = (each["program"], parsed["type"])
                seen[key].add(frozenset(parsed["info"]))
    return seen


def test_parsed_instructions_have_the_recorded_fields(payer: Payer, recorded: Path):
    theirs = info_fields(list(transactions(recorded, parsed=True)))
    signature, _ = move_tokens(payer, amount=5)
    payment = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    mint = str(payer.issue())
    birth = payer.sandbox.rpc("getSignaturesForAddress", mint, {"commitment": "confirmed"})[
        "result"
    ][0]["signature"]
    bodies = [
        read(payer.sandbox, each, "jsonParsed")["result"] for each in (signature, payment, birth)
    ]
    ours = info_fields(bodies)
    common = set(ours) & set(theirs)
    assert {("system", "transfer"), ("spl-token", "transferChecked")} <= common
    assert len(common) >= 6
    for key in common:
        assert ours[key] <= theirs[key], key


def account_of(file: Path) -> Account | None:
    value = load(file)["result"]["value"]
    if value is None or not isinstance(value["data"], list):
        return None
    return Account(
        value["lamports"], b64decode(value["data"][0]), Pubkey.from_string(value["owner"])
    )


def test_every_recorded_mint_is_read(recorded: Path):
    read_ones = 0
    for file in sorted((recorded / "accounts" / "mints").glob("*.json")):
        account = account_of(file)
        if account is None:
            continue
        mint = read_mint(account)
        assert mint is not None, file.name
        assert mint.is_initialized
        read_ones += 1
    assert read_ones > 20


def test_every_recorded_token_account_is_read(recorded: Path):
    files = sorted((recorded / "accounts" / "token_accounts").glob("*.json"))
    accounts = [account for account in map(account_of, files) if account is not None]
    assert len(accounts) > 10
    assert all(read_token_account(each) is not None for each in accounts)


def test_recorded_extensions_are_decoded_under_their_names(recorded: Path):
    """The manifest's author named them from the same bytes by other means."""
    account = account_of(
        recorded / "accounts" / "mints" / "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH.json"
    )
    assert account is not None
    shown = {each["extension"]: each["state"] for each in extensions_json(bytes(account.data))}
    assert list(shown) == [
        "mintCloseAuthority",
        "permanentDelegate",
        "transferFeeConfig",
        "confidentialTransferMint",
        "confidentialTransferFeeConfig",
        "transferHook",
        "metadataPointer",
        "tokenMetadata",
    ]
    assert shown["tokenMetadata"]["symbol"] == "USDG"
    assert shown["transferHook"]["programId"] is None


def test_decoded_extension_states_have_the_recorded_fields(recorded: Path):
    [file] = (recorded / "accounts" / "mints").glob("Xsb*_jsonParsed.json")
    theirs = load(file)["result"]["value"]["data"]["parsed"]["info"]["extensions"]
    named = {each["extension"]: set(each["state"]) for each in theirs}
    ours: dict[str, set[str]] = {}
    for each in sorted((recorded / "accounts" / "mints").glob("*.json")):
        account = account_of(each)
        for extension in extensions_json(bytes(account.data)) if account else []:
            if "state" in extension:
                ours[extension["extension"]] = set(extension["state"])
    common = set(named) & set(ours)
    assert len(common) >= 4
    for name in common:
        assert ours[name] == named[name], name


def test_a_recorded_mint_parses_like_the_node_does(recorded: Path):
    raw = account_of(
        recorded / "accounts" / "mints" / "3CrVKHkxPsjzYRtpDY6LThW6G8U6C6JBVvUvMR5BR6pD.json"
    )
    assert raw is not None
    parsed = parsed_json(raw, mint_of=lambda key: None)
    [file] = (recorded / "accounts" / "mints").glob("Dez*_jsonParsed.json")
    theirs = load(file)["result"]["value"]["data"]
    assert agrees(shape(parsed), shape(theirs))
