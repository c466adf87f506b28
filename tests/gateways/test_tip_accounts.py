"""The tip accounts are exactly the eight of the format page; a typo would burn money silently."""

import hashlib
import re

import pytest
from solders.pubkey import Pubkey

from tests.gateways.conftest import SHARED
from tests.gateways.outside import Outside, result
from trading.gateways.base import InvalidReply
from trading.gateways.connect import Gateways
from trading.gateways.jito import TIP_ACCOUNTS

CHECKSUM = "37b5c1a215b0dc3a8635de26c238f6b05971a1ad04dc833cb0ade6243b80f7b8"


def test_the_eight_accounts_have_the_committed_checksum() -> None:
    assert hashlib.sha256(",".join(TIP_ACCOUNTS).encode()).hexdigest() == CHECKSUM


def test_the_eight_accounts_are_distinct_32_byte_addresses() -> None:
    keys = {bytes(Pubkey.from_string(account)) for account in TIP_ACCOUNTS}
    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}


def test_the_eight_accounts_are_those_of_the_format_page() -> None:
    page = SHARED / "design" / "formats.md"
    if not page.is_file():
        pytest.skip("the format page is not beside this checkout")
    section = page.read_text().split("## 3. Jito")[1].split("\n## ")[0]
    assert tuple(re.findall(r"\b[1-9A-HJ-NP-Za-km-z]{43,44}\b", section)) == TIP_ACCOUNTS


async def test_only_accounts_that_both_sides_name_are_tipped(
    gateways: Gateways, outside: Outside
) -> None:
    stranger = str(Pubkey(b"\x09" * 32))
    outside.will(result([stranger, TIP_ACCOUNTS[3], TIP_ACCOUNTS[1]]))
    assert await gateways.block_engine.tip_accounts() == (TIP_ACCOUNTS[1], TIP_ACCOUNTS[3])


async def test_an_engine_that_names_none_of_ours_leaves_nothing_to_tip(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result([str(Pubkey(b"\x09" * 32))]))
    assert await gateways.block_engine.tip_accounts() == ()


async def test_a_tip_account_that_is_no_address_is_an_invalid_reply(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(["nonsense"]))
    with pytest.raises(InvalidReply):
        await gateways.block_engine.tip_accounts()
