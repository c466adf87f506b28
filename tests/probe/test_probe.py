"""Every fault of the outside turns its own row red and says why; nothing is sent, and no key is shown."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from tests.cluster import Sandbox, running
from trading.gateways.base import Endpoints
from trading.gateways.jito import TIP_ACCOUNTS
from trading.probe.findings import Finding, Outcome, Report, Verdict
from trading.probe.look import Targets, look

SECONDS = 1.0
NOWHERE = Endpoints(rpc_urls=(), jito_url="", jupiter_url="", dexscreener_url="")
FLOOR = {
    f"{name}_percentile": tip
    for name, tip in {
        "landed_tips_25th": 1e-6,
        "landed_tips_50th": 2e-6,
        "landed_tips_75th": 3e-6,
        "landed_tips_95th": 4e-6,
        "landed_tips_99th": 5e-6,
        "ema_landed_tips_50th": 2e-6,
    }.items()
} | {"time": "2026-11-22T12:00:00+00:00"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Slots go on by themselves."""
    with running(tmp_path_factory.mktemp("probe"), "--slot-ms", "200", mode="slot") as started:
        yield started


@pytest.fixture
def outside(cluster: Sandbox) -> Iterator[Sandbox]:
    yield cluster
    cluster.clear()
    cluster.control("POST", "clock", {"running": True})


def endpoints_of(sandbox: Sandbox) -> Endpoints:
    return Endpoints(
        rpc_urls=(f"{sandbox.url}/rpc/first", f"{sandbox.url}/rpc/second"),
        jito_url=sandbox.jito_url,
        jupiter_url=sandbox.jupiter_url,
        dexscreener_url=sandbox.dexscreener_url,
    )


def targets(sandbox: Sandbox, **changes: Any) -> Targets:
    values: dict[str, Any] = {
        "endpoints": endpoints_of(sandbox),
        "ws_url": sandbox.ws_url,
        "is_mainnet_wanted": False,
        "seconds": SECONDS,
        "pause_seconds": 0.0,
        "slots_seconds": 0.5,
    }
    return Targets(**{**values, **changes})


def only(sandbox: Sandbox, plane: str) -> Targets:
    """Nothing but what the plane serves is looked at."""
    known = endpoints_of(sandbox)
    part = {
        "rpc": replace(NOWHERE, rpc_urls=known.rpc_urls[:1]),
        "ws": NOWHERE,
        "jito": replace(NOWHERE, jito_url=known.jito_url),
        "jupiter": replace(NOWHERE, jupiter_url=known.jupiter_url),
        "dexscreener": replace(NOWHERE, dexscreener_url=known.dexscreener_url),
    }[plane]
    return targets(sandbox, endpoints=part, ws_url=sandbox.ws_url if plane == "ws" else "")


def row(report: Report, check: str) -> Finding:
    [found] = [each for each in report.findings if each.check == check]
    return found


def reply(result: Any) -> dict[str, Any]:
    """A fault that answers with this, whatever is asked."""
    return {"kind": "http_error", "status": 200, "data": result}


def result(value: Any) -> dict[str, Any]:
    return reply({"jsonrpc": "2.0", "id": 1, "result": value})


async def test_where_all_is_well_every_row_is_fine_and_nothing_is_sent(outside: Sandbox) -> None:
    sends = [
        outside.fault(plane=plane, method=method, kind="latency", seconds=0)
        for plane, method in (("rpc", "sendTransaction"), ("jito", "send*"))
    ]
    report = await look(targets(outside))
    troubled = [each for each in report.findings if each.verdict is not Verdict.FINE]
    assert [each for each in troubled if "latency" not in each.check] == []
    checks = {each.check for each in report.findings}
    assert {
        "transaction v1",
        "rent",
        "slot push",
        "tip accounts",
        "tip floor",
        "quote v1",
    } <= checks
    assert {"pairs of two", "clock", "slot lag", "holders", "blockhash"} <= checks
    strikes = {each["id"]: each["strikes"] for each in outside.control("GET", "faults")}
    assert [strikes[number] for number in sends] == [0, 0]


BLOCKHASH = {"blockhash": "1" * 32, "lastValidBlockHeight": 1}
FAULTS = [
    ("rpc", "getHealth", {"kind": "http_error", "status": 503}, "health", "HTTP 503"),
    ("rpc", "getHealth", {"kind": "http_error", "status": 401}, "health", "key or address"),
    ("rpc", "getHealth", {"kind": "timeout", "seconds": 30}, "health", "no answer within 1 s"),
    ("rpc", "getHealth", {"kind": "garbage"}, "health", ""),
    ("rpc", "getHealth", {"kind": "rpc_error", "code": -32005}, "health", "-32005"),
    ("rpc", "getGenesisHash", result("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"), "cluster", "mainnet"),
    ("rpc", "getTransaction", {"kind": "rpc_error", "code": -32602}, "transaction v1", "does not take it"),
    ("rpc", "getTokenLargestAccounts", {"kind": "rpc_error", "code": -32601}, "holders", "does not serve it"),
    ("rpc", "getTokenLargestAccounts", result({"context": {}, "value": []}), "holders", "none"),
    ("rpc", "getLatestBlockhash", result({"context": {"slot": 1}, "value": BLOCKHASH}), "blockhash", "more blocks"),
    ("rpc", "isBlockhashValid", result({"context": {}, "value": True}), "blockhash life", "dead"),
    ("rpc", "getMinimumBalanceForRentExemption", result(9_999_999), "rent", "9999999"),
    ("rpc", "getSignatureStatuses", result({"context": {}, "value": []}), "statuses", "0 statuses"),
    ("rpc", "getSlot", result("soon"), "slots", ""),
    ("ws", "*", {"kind": "http_error", "status": 503}, "connection", "WSServerHandshakeError"),
    ("ws", "*", {"kind": "drop_notification"}, "slot push", "nothing came"),
    ("jito", "getTipAccounts", {"kind": "rpc_error", "code": -32097}, "tip accounts", "HTTP 400"),
    ("jito", "getTipAccounts", result(["1" * 32]), "tip accounts", "0 of our 8, 1 that we do not"),
    ("jito", "getTipAccounts", result(TIP_ACCOUNTS[:7]), "tip accounts", "7 of our 8"),
    ("jito", "tip_floor", reply([]), "tip floor", "empty"),
    ("jito", "tip_floor", reply([FLOOR]), "tip floor", "s old"),
    ("jito", "tip_floor", reply([FLOOR | {"landed_tips_50th_percentile": 5_000}]), "tip floor", "p50"),
    ("jupiter", "price", {"kind": "no_route"}, "price v3", "no price of SOL"),
    ("jupiter", "price", {"kind": "http_error", "status": 429}, "price v3", "HTTP 429"),
    ("jupiter", "quote", {"kind": "no_route"}, "quote v1", "Could not find any route"),
    ("jupiter", "quote", reply({"swapMode": "ExactOut"}), "quote v1", "swapMode"),
    ("jupiter", "swap-instructions", {"kind": "garbage"}, "instructions v1", ""),
    ("dexscreener", "*", {"kind": "no_route"}, "pairs", "no trusted pair"),
    ("dexscreener", "*", {"kind": "latency", "seconds": 0.6}, "pairs: latency", "ms in the median"),
]  # fmt: skip
IDS = [f"{plane}-{method}-{check}-{n}" for n, (plane, method, _, check, _) in enumerate(FAULTS)]


@pytest.mark.parametrize(("plane", "method", "fault", "check", "said"), FAULTS, ids=IDS)
async def test_a_fault_turns_its_own_row_red_and_says_why(
    outside: Sandbox, plane: str, method: str, fault: dict[str, Any], check: str, said: str
) -> None:
    outside.fault(plane=plane, method=method, **fault)
    begun = time.monotonic()
    report = await look(only(outside, plane))
    assert time.monotonic() - begun < 20 * SECONDS, "a dead endpoint holds nothing up"
    found = row(report, check)
    assert found.verdict is not Verdict.FINE
    assert found.expected
    assert said in found.measured
    assert report.outcome is not Outcome.FINE


async def test_a_node_that_stands_still_and_one_that_is_behind_are_told(outside: Sandbox) -> None:
    outside.control("POST", "clock", {"running": False})
    outside.advance(slots=60)
    outside.fault(plane="rpc", endpoint="second", method="getSlot", **result(1))
    known = replace(NOWHERE, rpc_urls=endpoints_of(outside).rpc_urls)
    report = await look(targets(outside, endpoints=known, ws_url=""))
    still = [each.measured for each in report.findings if each.check == "slots"]
    assert all(text.startswith("no new slot") for text in still)
    first, second = [each for each in report.findings if each.check == "slot lag"]
    assert (first.verdict, second.verdict) == (Verdict.FINE, Verdict.BROKEN)


async def test_a_sandbox_is_no_mainnet(outside: Sandbox) -> None:
    # Somebody may have traded the token here by now.
    outside.fault(plane="rpc", method="getSignaturesForAddress", **result([]))
    report = await look(replace(only(outside, "rpc"), is_mainnet_wanted=True))
    assert row(report, "cluster").verdict is Verdict.BROKEN
    assert row(report, "history").verdict is Verdict.BROKEN


async def test_a_dead_host_is_one_red_row_a_service_and_no_error(outside: Sandbox) -> None:
    dead = "http://127.0.0.1:9"
    known = Endpoints(
        rpc_urls=(dead,), jito_url=dead, jupiter_url=dead, dexscreener_url=dead, tip_floor_url=dead
    )
    report = await look(targets(outside, endpoints=known, ws_url="ws://127.0.0.1:9/"))
    assert {each.verdict for each in report.findings} == {Verdict.BROKEN}
    assert {each.endpoint.split()[0] for each in report.findings} == {
        *("rpc", "socket", "jito", "tip", "jupiter", "dexscreener")
    }
    assert report.outcome is Outcome.BROKEN


async def test_no_key_is_shown_whatever_comes_back(outside: Sandbox) -> None:
    key = "SECRET-0123456789"
    data = {"error": f"bad key {key}", "message": f"bad key {key}"}
    for plane, method in (("rpc", "*"), ("jito", "get*"), ("jupiter", "*")):
        outside.fault(plane=plane, method=method, kind="http_error", status=400, data=data)
    known = replace(
        endpoints_of(outside),
        rpc_urls=(f"{outside.url}/rpc/first?api-key={key}",),
        jupiter_api_key=key,
        jito_auth=key,
    )
    ws_url = f"{outside.ws_url}?api-key={key}"
    report = await look(targets(outside, endpoints=known, ws_url=ws_url))
    assert report.outcome is Outcome.BROKEN
    assert "bad key ***" in row(report, "price v3").measured
    assert key not in json.dumps(report.as_json()) + "\n".join(report.as_lines())


def test_the_command_prints_a_table_or_json_and_ends_with_the_outcome(
    outside: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    known = endpoints_of(outside)
    places = override_settings(
        RPC_URLS=list(known.rpc_urls[:1]),
        WS_URL="",
        JITO_URL="",
        TIP_FLOOR_URL="",
        JUPITER_URL="",
        DEXSCREENER_URL=known.dexscreener_url,
    )
    outside.fault(plane="dexscreener", kind="no_route")
    with places, pytest.raises(SystemExit) as ended:
        call_command("probe", "--json", "--seconds", "2")
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["outcome"]) == (1, "broken")
    assert any(each["verdict"] == "fine" for each in told["findings"])
    with places, pytest.raises(SystemExit):
        call_command("probe")
    assert "no trusted pair; expected: a pair against SOL, USDC or USDT" in capsys.readouterr().out
