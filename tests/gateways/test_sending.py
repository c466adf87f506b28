"""A signed transaction goes to all endpoints at once, and the answers prove no more than they do."""

import asyncio
import base64
import json

import pytest
from solders.keypair import Keypair

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, envelope, error, late, open_socket, raw, result
from tests.gateways.samples import SIGNATURE, signed_transfer
from trading.gateways.base import RateLimited, Refused, Unavailable
from trading.gateways.connect import connect
from trading.gateways.transactions import MalformedTransaction

WIRE = signed_transfer(Keypair.from_seed(b"\x01" * 32))
TAKEN = result(SIGNATURE)
REFUSED = error(-32003, message="signature verification failure")
LIMITED = raw(b"", status=429, **{"Retry-After": "3"})
SILENT = late(5)


async def test_the_bytes_go_to_every_endpoint_unchanged(outside: Outside, second: Outside) -> None:
    outside.will(TAKEN)
    second.will(TAKEN)
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert await gateways.rpc.send_transaction(WIRE) == SIGNATURE
        while not (outside.seen and second.seen):
            await asyncio.sleep(0.01)
    for server in (outside, second):
        wire, options = server.seen[0].json["params"]
        assert base64.b64decode(wire) == WIRE
        assert options == {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}


@pytest.mark.parametrize("other", [REFUSED, LIMITED, raw(b"", status=503), result("x")])
async def test_one_endpoint_that_took_it_is_enough(
    outside: Outside, second: Outside, other
) -> None:
    outside.will(other)
    second.will(TAKEN)
    async with connect(endpoints(outside.url, second.url)) as gateways:
        assert await gateways.rpc.send_transaction(WIRE) == SIGNATURE


async def test_the_first_success_does_not_wait_for_the_slowest(
    outside: Outside, second: Outside
) -> None:
    outside.will(SILENT)
    second.will(TAKEN)
    async with connect(endpoints(outside.url, second.url, timeout_seconds=30.0)) as gateways:
        async with asyncio.timeout(2):
            assert await gateways.rpc.send_transaction(WIRE) == SIGNATURE


async def test_refused_by_all_is_refused_with_proof(outside: Outside, second: Outside) -> None:
    outside.will(REFUSED)
    second.will(error(-32602))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        with pytest.raises(Refused) as caught:
            await gateways.rpc.send_transaction(WIRE)
    assert caught.value.code in (-32003, -32602)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(SILENT, id="timeout"),
        pytest.param(raw(b"", status=502), id="bad-gateway"),
        pytest.param(raw(b"<html>"), id="html"),
        pytest.param(result(429), id="int"),
        pytest.param(result("1" * 64), id="another-signature"),
        pytest.param(error(-32005), id="behind"),
        pytest.param(error(-31999), id="unknown-code"),
        pytest.param(LIMITED, id="rate-limited"),
    ],
)
async def test_one_endpoint_that_may_have_taken_it_makes_it_unknown(
    outside: Outside, second: Outside, other
) -> None:
    outside.will(REFUSED)
    second.will(other)
    async with connect(endpoints(outside.url, second.url, timeout_seconds=0.3)) as gateways:
        with pytest.raises(Unavailable):
            await gateways.rpc.send_transaction(WIRE)


async def _posted(reader: asyncio.StreamReader) -> int:
    """Read one request whole; its id."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(json.loads(await reader.readexactly(length))["id"])


@pytest.mark.parametrize("is_bundle", [False, True])
@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
async def test_a_refusal_after_a_connection_that_was_cut_off_is_unknown(
    status: bytes, is_bundle: bool
) -> None:
    """Whoever took the bytes and died over it, or a host behind the same address, refuses them when they come again."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        number = await _posted(reader)
        if asked > 1:
            refusal = {"code": -32602, "message": "not today"}
            body = json.dumps({"jsonrpc": "2.0", "id": number, "error": refusal}).encode()
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
            await writer.drain()
        writer.close()

    async with open_socket(talk) as url, connect(endpoints(url)) as gateways:
        engine, nodes = gateways.block_engine, gateways.rpc
        sent = engine.send_bundle([WIRE]) if is_bundle else nodes.send_transaction(WIRE)
        with pytest.raises(Unavailable, match="cut off"):
            await sent
    assert asked == 2


async def test_a_single_garbled_answer_is_unknown_too(outside: Outside) -> None:
    outside.will(raw(b"garbage"))
    async with connect(endpoints(outside.url)) as gateways:
        with pytest.raises(Unavailable):
            await gateways.rpc.send_transaction(WIRE)


async def test_limited_by_all_is_rate_limited(outside: Outside, second: Outside) -> None:
    outside.will(LIMITED)
    second.will(error(429))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        with pytest.raises(RateLimited) as caught:
            await gateways.rpc.send_transaction(WIRE)
    assert caught.value.retry_after_seconds == 3.0


async def test_bytes_that_have_landed_already_count_as_taken(outside: Outside) -> None:
    landed = {"code": -32002, "message": "processed", "data": {"err": "AlreadyProcessed"}}
    outside.will(envelope(error=landed))
    async with connect(endpoints(outside.url)) as gateways:
        assert await gateways.rpc.send_transaction(WIRE) == SIGNATURE


async def test_a_cancelled_caller_does_not_recall_the_bytes(
    outside: Outside, second: Outside
) -> None:
    outside.will(late(0.2))
    second.will(late(0.2))
    async with connect(endpoints(outside.url, second.url)) as gateways:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateways.rpc.send_transaction(WIRE), 0.01)
        async with asyncio.timeout(2):
            while not (outside.seen and second.seen):
                await asyncio.sleep(0.01)


async def test_closing_ends_the_sends_that_still_hang(outside: Outside, second: Outside) -> None:
    outside.will(late(60))
    second.will(TAKEN)
    async with asyncio.timeout(5):
        async with connect(endpoints(outside.url, second.url, timeout_seconds=60.0)) as gateways:
            await gateways.rpc.send_transaction(WIRE)


@pytest.mark.parametrize("wire", [b"", b"\x01", b"\x00" * 200, b"\xff" * 1300, WIRE[:-1]])
async def test_bytes_that_are_no_transaction_are_never_sent(outside: Outside, wire: bytes) -> None:
    async with connect(endpoints(outside.url)) as gateways:
        with pytest.raises(MalformedTransaction):
            await gateways.rpc.send_transaction(wire)
    assert outside.seen == []
