"""Whatever the other side answers, a gateway gives a result or a named error, nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Answer, Outside, Script, Seen, error, open_socket, raw, says
from tests.gateways.samples import SAMPLES, signed_transfer
from trading.gateways.base import GatewayError
from trading.gateways.connect import Gateways, connect
from trading.gateways.jupiter import read_quote

ONE_BY_ONE = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "Infinity", "1e999999999", "-1", "18446744073709551616", "٣", ""])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ADDRESS = str(Pubkey.default())
WIRE = signed_transfer(Keypair.from_seed(b"\x01" * 32))
QUOTE = read_quote(SAMPLES["quote"])

CALLS: dict[str, Callable[[Gateways], Awaitable[object]]] = {
    "getLatestBlockhash": lambda g: g.rpc.latest_blockhash(),
    "isBlockhashValid": lambda g: g.rpc.is_blockhash_valid(ADDRESS),
    "getBlockHeight": lambda g: g.rpc.block_height(),
    "getSlot": lambda g: g.rpc.slot(),
    "getEpochInfo": lambda g: g.rpc.tip(),
    "getHealth": lambda g: g.rpc.health(),
    "getSignatureStatuses": lambda g: g.rpc.signature_statuses(["a", "b"]),
    "getTransaction": lambda g: g.rpc.transaction("a"),
    "getSignaturesForAddress": lambda g: g.rpc.signatures_for_address(ADDRESS),
    "getAccountInfo": lambda g: g.rpc.account(ADDRESS),
    "getMultipleAccounts": lambda g: g.rpc.accounts([ADDRESS, ADDRESS]),
    "getBalance": lambda g: g.rpc.balance(ADDRESS),
    "getTokenAccountsByOwner": lambda g: g.rpc.token_holdings(ADDRESS),
    "getTokenLargestAccounts": lambda g: g.rpc.token_largest_accounts(ADDRESS),
    "getMinimumBalanceForRentExemption": lambda g: g.rpc.minimum_rent(165),
    "simulateTransaction": lambda g: g.rpc.simulate_transaction(WIRE, accounts=[ADDRESS]),
    "sendTransaction": lambda g: g.rpc.send_transaction(WIRE),
    "sendBundle": lambda g: g.block_engine.send_bundle([WIRE]),
    "getBundleStatuses": lambda g: g.block_engine.bundle_statuses(["a", "b"]),
    "getInflightBundleStatuses": lambda g: g.block_engine.inflight_statuses(["a"]),
    "getTipAccounts": lambda g: g.block_engine.tip_accounts(),
    "tip_floor": lambda g: g.block_engine.tip_floor(),
    "quote": lambda g: g.jupiter.quote(
        input_mint=QUOTE.input_mint,
        output_mint=QUOTE.output_mint,
        amount_raw=QUOTE.in_amount_raw,
        slippage_bps=50,
    ),
    "swap_instructions": lambda g: g.jupiter.swap_instructions(QUOTE, owner=ADDRESS),
    "prices": lambda g: g.jupiter.prices_usd([ADDRESS]),
    "pairs": lambda g: g.market_data.pair(SAMPLES["pairs"]["pairs"][0]["baseToken"]["address"]),
}


def test_every_call_has_a_sample_of_a_good_reply() -> None:
    assert CALLS.keys() == SAMPLES.keys()


async def outcome(call: Callable[[Gateways], Awaitable[object]], gateways: Gateways) -> str:
    try:
        await call(gateways)
    except GatewayError:
        return "named error"
    return "result"


def replying(value: object) -> Script:
    """The value as the JSON-RPC result of whatever is asked, or as a plain body for a GET."""

    def answer(seen: Seen) -> Answer:
        asked = orjson.loads(seen.body) if seen.body else {}
        is_rpc = isinstance(asked, dict) and "jsonrpc" in asked
        whole = {"jsonrpc": "2.0", "id": asked["id"], "result": value} if is_rpc else value
        return Answer(body=orjson.dumps(whole))

    return answer


async def test_every_sample_is_understood(gateways: Gateways, outside: Outside) -> None:
    for name, call in CALLS.items():
        outside.will(replying(SAMPLES[name]))
        assert (name, await outcome(call, gateways)) == (name, "result")


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, 2**63, "x", "", [], [[]], {}, {"a": 1}])
async def test_every_member_of_every_reply_may_be_wrong(
    gateways: Gateways, outside: Outside, wrong: object
) -> None:
    for name, call in CALLS.items():
        for place in paths(SAMPLES[name]):
            outside.will(replying(replaced(SAMPLES[name], place, wrong)))
            await outcome(call, gateways)


@ONE_BY_ONE
@given(name=st.sampled_from(sorted(CALLS)), value=JSON)
async def test_any_json_is_a_result_or_a_named_error(
    gateways: Gateways, outside: Outside, name: str, value: object
) -> None:
    outside.will(replying(value))
    await outcome(CALLS[name], gateways)


@ONE_BY_ONE
@given(name=st.sampled_from(sorted(CALLS)), data=st.data())
async def test_a_good_reply_with_one_member_replaced_is_a_result_or_a_named_error(
    gateways: Gateways, outside: Outside, name: str, data: st.DataObject
) -> None:
    places = list(paths(SAMPLES[name]))
    place = data.draw(st.sampled_from(places))
    outside.will(replying(replaced(SAMPLES[name], place, data.draw(JSON))))
    await outcome(CALLS[name], gateways)


@ONE_BY_ONE
@given(
    name=st.sampled_from(sorted(CALLS)),
    body=st.binary(max_size=200),
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 413, 418, 429, 500, 503]),
    wait=st.sampled_from(["", "1", "x"]),
)
async def test_any_bytes_with_any_status_are_a_named_error(
    gateways: Gateways, outside: Outside, name: str, body: bytes, status: int, wait: str
) -> None:
    outside.will(raw(body, status=status, **{"Retry-After": wait}))
    await outcome(CALLS[name], gateways)


@ONE_BY_ONE
@given(
    name=st.sampled_from(sorted(CALLS)),
    code=st.integers(-32800, 700) | JSON,
    message=JSON,
    attached=JSON,
)
async def test_any_error_envelope_is_a_named_error(
    gateways: Gateways, outside: Outside, name: str, code: object, message: Any, attached: object
) -> None:
    outside.will(error(code, message=message, data=attached))
    await outcome(CALLS[name], gateways)


@settings(max_examples=60, deadline=None)
@given(
    head=st.sampled_from(
        [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"]
    )
    | st.just(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n")
    | st.just(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    tail=st.binary(max_size=60),
)
async def test_a_server_that_speaks_no_http_is_a_named_error(head: bytes, tail: bytes) -> None:
    async with (
        open_socket(partial(says, head + tail)) as url,
        connect(endpoints(url, timeout_seconds=0.5)) as gateways,
    ):
        assert await outcome(CALLS["getSlot"], gateways) != "result"
        await asyncio.sleep(0)


def paths(value: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*here, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*here, index))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy
