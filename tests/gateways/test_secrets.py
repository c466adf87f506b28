"""No key of ours is ever in an error's text, whichever way things go wrong."""

import traceback

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Answer, Outside, Script, Seen, error, json, late, raw
from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.connect import connect

QUERY_KEY = "query-key-0123456789"
PATH_KEY = "path-key-0123456789"
HEADER_KEY = "header-key-0123456789"
PASSWORD = "password-0123456789"
SECRETS = (QUERY_KEY, PATH_KEY, HEADER_KEY, PASSWORD)


def echo(seen: Seen) -> Answer:
    words = f"bad key {seen.query} {seen.path} {seen.headers}"
    return Answer(body=error(-32602, message=words)(seen).body)


def echo_with_400(seen: Seen) -> Answer:
    words = f"bad key {seen.headers} {seen.query}"
    return Answer(body=json({"error": words})(seen).body, status=400)


def echo_with_200(seen: Seen) -> Answer:
    return json({"error": f"bad key {seen.headers}"})(seen)


SCRIPTS = [
    echo,
    echo_with_400,
    echo_with_200,
    raw(b"<html>"),
    raw(b"", status=401),
    raw(b"", status=429),
    raw(b"", status=301, Location="http://127.0.0.1:1/"),
    late(2),
]


def assert_clean(failure: GatewayError) -> None:
    told = "".join(traceback.format_exception(failure)) + repr(failure) + str(failure)
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_an_rpc_failure_tells_no_key(outside: Outside, script: Script) -> None:
    outside.will(script)
    host = outside.url.removeprefix("http://")
    url = f"http://user:{PASSWORD}@{host}/{PATH_KEY}/?api-key={QUERY_KEY}"
    async with connect(endpoints(url, timeout_seconds=0.2)) as gateways:
        with pytest.raises(GatewayError) as caught:
            await gateways.rpc.slot()
    assert_clean(caught.value)
    assert host in str(caught.value)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_jupiter_failure_tells_no_key(outside: Outside, script: Script) -> None:
    outside.will(script if script is not echo else echo_with_400)
    settings = endpoints(outside.url, jupiter_api_key=HEADER_KEY, timeout_seconds=1.0)
    async with connect(settings) as gateways:
        with pytest.raises(GatewayError) as caught:
            await gateways.jupiter.prices_usd(["x"])
    assert outside.seen[0].headers["x-api-key"] == HEADER_KEY
    assert_clean(caught.value)


async def test_a_redirect_is_not_followed_with_our_key(outside: Outside, second: Outside) -> None:
    outside.will(raw(b"", status=307, Location=second.url + "/price/v3"))
    async with connect(endpoints(outside.url, jupiter_api_key=HEADER_KEY)) as gateways:
        with pytest.raises(Unavailable):
            await gateways.jupiter.prices_usd(["x"])
    assert second.seen == []


async def test_a_closed_port_tells_no_key(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/{PATH_KEY}?api-key={QUERY_KEY}"
    async with connect(endpoints(url)) as gateways:
        with pytest.raises(GatewayError) as caught:
            await gateways.rpc.slot()
    assert_clean(caught.value)


@pytest.mark.parametrize("url", [f"http://[{QUERY_KEY}", f"{QUERY_KEY}", f"http://a:b:{QUERY_KEY}"])
async def test_a_broken_url_tells_no_key(url: str) -> None:
    async with connect(endpoints("http://127.0.0.1:1", rpc_urls=(url,))) as gateways:
        with pytest.raises(GatewayError) as caught:
            await gateways.rpc.slot()
    assert_clean(caught.value)


async def test_a_message_is_one_short_printable_line(outside: Outside) -> None:
    outside.will(error(-32602, message="a\nb\x1b[31m" + "x" * 1000))
    async with connect(endpoints(outside.url)) as gateways:
        with pytest.raises(GatewayError) as caught:
            await gateways.rpc.slot()
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 300
