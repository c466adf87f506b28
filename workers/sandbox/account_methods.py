"""RPC methods about accounts and tokens; how an account looks in a reply is `account_views`."""

from base64 import b64decode
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from workers.sandbox import base58
from workers.sandbox.account_views import AccountView, account_json, ui_amount
from workers.sandbox.jsonrpc import invalid_params
from workers.sandbox.node import Method, Node
from workers.sandbox.params import Config, Params, as_list, as_pubkey, as_text, as_whole
from workers.sandbox.spelling import spell
from workers.sandbox.token_layouts import (
    TOKEN_PROGRAMS,
    Mint,
    read_mint,
    read_token_account,
)

Json = Any
_MAX_ACCOUNTS, _MAX_FILTERS, _MAX_MEMCMP_BYTES = 100, 4, 128


def shown(node: Node, account: Account, view: AccountView) -> Json:
    return account_json(account, view=view, mint_of=node.chain.account)


def keyed(node: Node, rows: list[tuple[Pubkey, Account]], view: AccountView) -> list[Json]:
    return [{"account": shown(node, each, view), "pubkey": spell(key)} for key, each in rows]


def get_balance(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    slot = node.context_slot(params.config(1))
    account = node.chain.account(params.pubkey(0))
    return node.with_context(slot, account.lamports if account else 0)


def get_account_info(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    slot = node.context_slot(config)
    account = node.chain.account(params.pubkey(0))
    view = config.view("binary")
    return node.with_context(slot, shown(node, account, view) if account else None)


def get_multiple_accounts(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    slot = node.context_slot(config)
    view = config.view("base64")
    found = [node.chain.account(key) for key in params.pubkeys(0, most=_MAX_ACCOUNTS)]
    return node.with_context(slot, [shown(node, each, view) if each else None for each in found])


def get_program_accounts(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    slot = node.context_slot(config)
    view, filters = config.view("binary"), read_filters(config)
    rows = [
        (key, account)
        for key, account in node.chain.program_accounts(params.pubkey(0))
        if passes(bytes(account.data), filters)
    ]
    rows_json = keyed(node, rows, view)
    return node.with_context(slot, rows_json) if config.flag("withContext") else rows_json


Filter = int | tuple[int, bytes]
"""A data size, or (offset, bytes to find there)."""


def read_filters(config: Config) -> list[Filter]:
    """`filters` of getProgramAccounts and programSubscribe."""
    raw = config.get("filters")
    if raw is None:
        return []
    filters = as_list(raw, most=10**6)
    if len(filters) > _MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {_MAX_FILTERS}")
    return [_read_filter(each) for each in filters]


def _read_filter(raw: Json) -> Filter:
    if not isinstance(raw, dict) or len(raw) != 1:
        raise invalid_params("Invalid params: invalid filter.")
    if "dataSize" in raw:
        return as_whole(raw["dataSize"])
    if "memcmp" not in raw:
        raise invalid_params(
            "Invalid params: unknown variant, expected one of "
            "`dataSize`, `memcmp`, `tokenAccountState`."
        )
    memcmp = Config(raw["memcmp"])
    offset = memcmp.whole("offset")
    if offset is None:
        raise invalid_params("Invalid params: missing field `offset`.")
    return offset, _memcmp_bytes(memcmp)


def _memcmp_bytes(memcmp: Config) -> bytes:
    wanted = memcmp.get("bytes")
    if isinstance(wanted, list):
        if not all(type(each) is int and 0 <= each < 256 for each in wanted):
            raise invalid_params("Invalid param: bytes must be numbers from 0 to 255")
        found = bytes(wanted)
    else:
        encoding = memcmp.choice("encoding", ("base58", "base64"), "base58")
        found = _decoded(as_text(wanted), encoding)
    if len(found) > _MAX_MEMCMP_BYTES:
        raise invalid_params("Invalid param: encoded binary (base 58) data should be less than 129")
    return found


def _decoded(text: str, encoding: str) -> bytes:
    if len(text) > 2 * _MAX_MEMCMP_BYTES:
        raise invalid_params("Invalid param: WrongSize")
    try:
        return base58.decode(text) if encoding == "base58" else b64decode(text, validate=True)
    except ValueError:
        raise invalid_params("Invalid param: unable to decode filter bytes") from None


def passes(data: bytes, filters: list[Filter]) -> bool:
    """Whether an account's data fits every filter."""
    for each in filters:
        if isinstance(each, int):
            if len(data) != each:
                return False
        elif data[each[0] : each[0] + len(each[1])] != each[1]:
            return False
    return True


def get_token_account_balance(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    slot = node.context_slot(params.config(1))
    account = node.chain.account(params.pubkey(0))
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    token_account = read_token_account(account)
    if token_account is None:
        raise invalid_params("Invalid param: not a Token account")
    mint = _mint(node, Pubkey.from_string(token_account.mint))
    return node.with_context(slot, ui_amount(token_account.amount, mint.decimals))


def _mint(node: Node, address: Pubkey) -> Mint:
    account = node.chain.account(address)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    mint = read_mint(account)
    if mint is None:
        raise invalid_params("Invalid param: not a Token mint")
    return mint


def get_token_supply(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    slot = node.context_slot(params.config(1))
    mint = _mint(node, params.pubkey(0))
    return node.with_context(slot, ui_amount(mint.supply, mint.decimals))


def get_token_largest_accounts(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    slot = node.context_slot(params.config(1))
    address = params.pubkey(0)
    mint = _mint(node, address)
    rows = node.chain.largest_token_accounts(address, limit=20)
    value = [{"address": str(key), **ui_amount(amount, mint.decimals)} for key, amount in rows]
    return node.with_context(slot, value)


def get_token_accounts_by_owner(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=3)
    config = params.config(2)
    slot = node.context_slot(config)
    owner, chosen = params.pubkey(0), Config(params.raw(1))
    mint, program = _mint_or_program(node, chosen)
    rows = node.chain.token_accounts_by_owner(owner, mint=mint, program_id=program)
    return node.with_context(slot, keyed(node, rows, config.view("binary")))


def _mint_or_program(node: Node, chosen: Config) -> tuple[Pubkey | None, Pubkey | None]:
    mint, program = chosen.get("mint"), chosen.get("programId")
    if (mint is None) == (program is None):
        raise invalid_params("Invalid params: expected one of `mint`, `programId`.")
    if program is not None:
        address = as_pubkey(program)
        if address not in TOKEN_PROGRAMS:
            raise invalid_params("Invalid param: unrecognized Token program id")
        return None, address
    address = as_pubkey(mint)
    if node.chain.account(address) is None:
        raise invalid_params("Invalid param: could not find mint")
    _mint(node, address)
    return address, None


METHODS: dict[str, Method] = {
    "getBalance": get_balance,
    "getAccountInfo": get_account_info,
    "getMultipleAccounts": get_multiple_accounts,
    "getProgramAccounts": get_program_accounts,
    "getTokenAccountBalance": get_token_account_balance,
    "getTokenSupply": get_token_supply,
    "getTokenLargestAccounts": get_token_largest_accounts,
    "getTokenAccountsByOwner": get_token_accounts_by_owner,
}
