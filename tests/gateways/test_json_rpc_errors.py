"""Every way a JSON-RPC endpoint can fail becomes the right named error."""

import gzip

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import (
    Answer,
    Outside,
    Script,
    Seen,
    envelope,
    error,
    json,
    late,
    raw,
    result,
)
from trading.gateways.base import GatewayError, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.connect import Gateways, connect

GOOD = b'{"jsonrpc":"2.0","id":1,"result":7}'
DATA = {"numSlotsBehind": 42}


@pytest.mark.parametrize("more", [{}, {"data": DATA}, {"data": None}])
@pytest.mark.parametrize("code", [-32005, -32004, -32014, -32016, -32603, -32011, -32050, 503])
async def test_a_code_that_proves_nothing_is_unavailable(
    gateways: Gateways, outside: Outside, code: int, more: dict
) -> None:
    outside.will(error(code, **more))
    with pytest.raises(Unavailable) as caught:
        await gateways.rpc.slot()
    assert not isinstance(caught.value, RateLimited)


@pytest.mark.parametrize("more", [{}, {"data": DATA}, {"data": None}])
@pytest.mark.parametrize(
    "code", [-32002, -32003, -32007, -32009, -32015, -32600, -32601, -32602, -32700]
)
async def test_a_code_that_says_no_is_refused_with_its_code_and_data(
    gateways: Gateways, outside: Outside, code: int, more: dict
) -> None:
    outside.will(error(code, message="we will not", **more))
    with pytest.raises(Refused) as caught:
        await gateways.rpc.slot()
    refusal = caught.value
    assert (refusal.code, refusal.message, refusal.data) == (code, "we will not", more.get("data"))


@pytest.mark.parametrize("code", [429, -32429, -32097])
async def test_a_rate_limit_inside_a_200_is_rate_limited(
    gateways: Gateways, outside: Outside, code: int
) -> None:
    outside.will(error(code))
    with pytest.raises(RateLimited):
        await gateways.rpc.slot()


async def test_http_429_tells_how_long_to_wait(gateways: Gateways, outside: Outside) -> None:
    outside.will(raw(b"<html>slow down</html>", status=429, **{"Retry-After": "2.5"}))
    with pytest.raises(RateLimited) as caught:
        await gateways.rpc.slot()
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 2.5)


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_wait_that_is_no_number_of_seconds_is_left_out(
    gateways: Gateways, outside: Outside, wait: str
) -> None:
    outside.will(raw(b"", status=429, **{"Retry-After": wait}))
    with pytest.raises(RateLimited) as caught:
        await gateways.rpc.slot()
    assert caught.value.retry_after_seconds is None


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 500, 502, 503, 504])
async def test_other_http_failures_are_unavailable_with_their_status(
    gateways: Gateways, outside: Outside, status: int
) -> None:
    outside.will(raw(b"<html>Bad</html>", status=status))
    with pytest.raises(Unavailable) as caught:
        await gateways.rpc.slot()
    assert caught.value.status == status


async def test_an_error_envelope_counts_even_with_http_400(
    gateways: Gateways, outside: Outside
) -> None:
    def behind(seen: Seen) -> Answer:
        return Answer(body=error(-32005)(seen).body, status=400)

    outside.will(behind)
    with pytest.raises(Unavailable):
        await gateways.rpc.slot()


async def test_http_400_without_an_envelope_is_refused(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(raw(b"bad request", status=400))
    with pytest.raises(Refused) as caught:
        await gateways.rpc.slot()
    assert caught.value.code == 400


async def test_an_error_with_a_null_id_is_still_that_error(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(json({"jsonrpc": "2.0", "error": {"code": -32700, "message": "?"}, "id": None}))
    with pytest.raises(Refused):
        await gateways.rpc.slot()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(raw(b"<html>200 OK</html>"), id="html"),
        pytest.param(raw(b""), id="empty"),
        pytest.param(raw(b"\xff\xfe"), id="no-utf8"),
        pytest.param(raw(b"[" * 100_000), id="deeply-nested"),
        pytest.param(json([]), id="empty-batch"),
        pytest.param(json([{"jsonrpc": "2.0", "id": 1, "result": 5}]), id="batch"),
        pytest.param(json(429), id="int"),
        pytest.param(json(None), id="null"),
        pytest.param(json({"jsonrpc": "2.0", "id": 999, "result": 5}), id="another-id"),
        pytest.param(json({"jsonrpc": "2.0", "id": "1", "result": 5}), id="id-as-text"),
        pytest.param(json({"jsonrpc": "2.0", "result": 5}), id="no-id"),
        pytest.param(envelope(), id="neither-result-nor-error"),
        pytest.param(envelope(error="rate limited"), id="error-as-text"),
        pytest.param(envelope(error={"message": "no code"}), id="error-without-code"),
        pytest.param(error(True), id="code-as-flag"),
        pytest.param(error("-32005"), id="code-as-text"),
        pytest.param(result(None), id="null-result"),
        pytest.param(result({"slot": 5}), id="object-for-int"),
        pytest.param(result(True), id="flag-for-int"),
        pytest.param(result(-1), id="negative"),
        pytest.param(result(1.5), id="fraction"),
    ],
)
async def test_anything_else_is_an_invalid_reply(
    gateways: Gateways, outside: Outside, script: Script
) -> None:
    outside.will(script)
    with pytest.raises(InvalidReply):
        await gateways.rpc.slot()


async def test_an_int_where_an_object_belongs_is_an_invalid_reply(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(429))
    with pytest.raises(InvalidReply):
        await gateways.rpc.latest_blockhash()


async def test_a_reply_beyond_the_size_limit_is_an_invalid_reply(outside: Outside) -> None:
    outside.will(raw(GOOD + b" " * 2_000_000))
    async with connect(endpoints(outside.url, reply_limit_bytes=1_000_000)) as gateways:
        with pytest.raises(InvalidReply):
            await gateways.rpc.slot()


async def test_a_small_reply_that_unpacks_beyond_the_limit_is_a_named_error(
    outside: Outside,
) -> None:
    packed = gzip.compress(GOOD + b" " * 60_000_000)
    headers = {"Content-Encoding": "gzip"}
    outside.will(lambda seen: Answer(body=packed, headers=headers))
    async with connect(endpoints(outside.url, reply_limit_bytes=1_000_000)) as gateways:
        with pytest.raises(GatewayError):
            await gateways.rpc.slot()


async def test_silence_is_unavailable_after_the_timeout(outside: Outside) -> None:
    outside.will(late(5))
    async with connect(endpoints(outside.url, timeout_seconds=0.1)) as gateways:
        with pytest.raises(Unavailable) as caught:
            await gateways.rpc.slot()
    assert "in time" in str(caught.value)


async def test_a_closed_port_is_unavailable(unused_tcp_port: int) -> None:
    async with connect(endpoints(f"http://127.0.0.1:{unused_tcp_port}")) as gateways:
        with pytest.raises(Unavailable):
            await gateways.rpc.slot()


async def test_an_address_that_is_no_url_is_unavailable() -> None:
    async with connect(endpoints("not a url")) as gateways:
        with pytest.raises(Unavailable):
            await gateways.rpc.slot()
