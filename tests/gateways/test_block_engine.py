"""Bundles: how they are sent, what the engine says of them, and the tip floor."""

import base64
import json as standard_json
from pathlib import Path

import pytest
from solders.keypair import Keypair

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Outside, Script, envelope, error, json, raw, result
from tests.gateways.samples import SIGNATURE, at_slot, signed_transfer
from trading.domain.tips import TipFloor
from trading.gateways.base import InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.connect import Gateways, connect
from trading.gateways.jito import InflightState, bundle_id
from trading.gateways.transactions import signature_of

PAYER = Keypair.from_seed(b"\x01" * 32)
WIRES = [signed_transfer(PAYER), signed_transfer(PAYER, lamports=2)]


def replay(file: Path) -> Script:
    """The recorded reply, under the id of whatever is asked."""
    whole = standard_json.loads(file.read_text())
    return envelope(**{name: whole[name] for name in ("result", "error") if name in whole})


async def test_a_bundle_is_sent_as_base64_and_says_so(gateways: Gateways, outside: Outside) -> None:
    outside.will(result("the-id"))
    assert await gateways.block_engine.send_bundle(WIRES) == "the-id"
    assert outside.seen[0].path == "/jito/api/v1/bundles"
    encoded, options = outside.seen[0].json["params"]
    assert [base64.b64decode(wire) for wire in encoded] == WIRES
    assert options == {"encoding": "base64"}


async def test_the_engine_is_told_who_asks(outside: Outside) -> None:
    outside.will(result([]))
    async with connect(endpoints(outside.url, jito_auth="some-uuid")) as gateways:
        await gateways.block_engine.tip_accounts()
    assert outside.seen[0].headers["x-jito-auth"] == "some-uuid"


async def test_a_refused_bundle_is_refused(gateways: Gateways, outside: Outside) -> None:
    outside.will(error(-32602, message="Bundles must write lock at least one tip account"))
    with pytest.raises(Refused):
        await gateways.block_engine.send_bundle(WIRES)


async def test_a_bundle_that_landed_already_counts_as_taken(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(error(-32602, message="bundle contains an already processed transaction"))
    expected = bundle_id([signature_of(wire) for wire in WIRES])
    assert await gateways.block_engine.send_bundle(WIRES) == expected


async def test_a_busy_engine_is_rate_limited(gateways: Gateways, outside: Outside) -> None:
    outside.will(raw(b"", status=429))
    with pytest.raises(RateLimited):
        await gateways.block_engine.send_bundle(WIRES)


async def test_an_engine_that_is_down_leaves_it_unknown(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(raw(b"", status=502))
    with pytest.raises(Unavailable):
        await gateways.block_engine.send_bundle(WIRES)


@pytest.mark.parametrize("value", [[], [None], [None, None], None])
async def test_nothing_known_of_a_bundle_comes_in_many_shapes(
    gateways: Gateways, outside: Outside, value: object
) -> None:
    outside.will(result(at_slot(value)))
    assert await gateways.block_engine.bundle_statuses(["a", "b"]) == [None, None]
    assert await gateways.block_engine.inflight_statuses(["a", "b"]) == [None, None]


async def test_a_null_result_is_nothing_known_too(gateways: Gateways, outside: Outside) -> None:
    outside.will(result(None))
    assert await gateways.block_engine.bundle_statuses(["a"]) == [None]


def status(name: str, err: object) -> dict[str, object]:
    return {
        "bundle_id": name,
        "transactions": [SIGNATURE],
        "slot": 5,
        "confirmation_status": "confirmed",
        "err": err,
    }


async def test_statuses_are_matched_by_id_not_by_place(
    gateways: Gateways, outside: Outside
) -> None:
    failed = {"Err": {"InstructionError": [0, {"Custom": 1}]}}
    outside.will(result(at_slot([status("c", {"Ok": None}), status("a", failed)])))
    a, b, c = await gateways.block_engine.bundle_statuses(["a", "b", "c"])
    assert b is None
    assert (a and a.err, c and c.err) == (failed, None)


async def test_more_than_five_bundles_are_asked_five_at_a_time(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(at_slot([])))
    await gateways.block_engine.bundle_statuses([str(number) for number in range(12)])
    assert [len(seen.json["params"][0]) for seen in outside.seen] == [5, 5, 2]


async def test_an_unknown_bundle_state_is_an_invalid_reply(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(at_slot([{"bundle_id": "a", "status": "Maybe", "landed_slot": None}])))
    with pytest.raises(InvalidReply):
        await gateways.block_engine.inflight_statuses(["a"])


async def test_the_tip_floor_may_live_at_a_host_of_its_own(
    outside: Outside, second: Outside
) -> None:
    second.will(json([{f"landed_tips_{p}th_percentile": 0.000001 for p in (25, 50, 75, 95, 99)}]))
    url = second.url + "/api/v1/bundles/tip_floor"
    async with connect(endpoints(outside.url, tip_floor_url=url)) as gateways:
        with pytest.raises(InvalidReply):
            await gateways.block_engine.tip_floor()
    assert [seen.path for seen in second.seen] == ["/api/v1/bundles/tip_floor"]


async def test_the_recorded_tip_floor_is_read_in_lamports(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(raw((recorded / "jito" / "tip_floor_2026-05-16.json").read_bytes()))
    assert await gateways.block_engine.tip_floor() == TipFloor(
        p25_lamports=2737,
        p50_lamports=5517,
        p75_lamports=8135,
        p95_lamports=69260,
        p99_lamports=162477,
        ema50_lamports=4152,
    )
    assert outside.seen[0].path == "/jito/api/v1/bundles/tip_floor"


async def test_the_recorded_bundle_status_is_understood(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "jito" / "getBundleStatuses_result.json"))
    wanted = "892b79ed49138bfb3aa5441f0df6e06ef34f9ee8f3976c15b323605bae0cf51d"
    [found] = await gateways.block_engine.bundle_statuses([wanted])
    assert found is not None
    assert (found.slot, found.confirmation_status, found.err) == (242804011, "finalized", None)
    assert bundle_id(found.signatures) == wanted


async def test_the_recorded_inflight_statuses_are_understood(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "jito" / "getInflightBundleStatuses_result.json"))
    asked = standard_json.loads(
        (recorded / "jito" / "request_getInflightBundleStatuses_22037.json").read_text()
    )["params"][0]
    found = await gateways.block_engine.inflight_statuses(asked)
    assert [entry and entry.state for entry in found] == [InflightState.INVALID] * 5


async def test_the_recorded_tip_accounts_are_all_ours(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "jito" / "getTipAccounts_result.json"))
    assert len(await gateways.block_engine.tip_accounts()) == 8


async def test_the_recorded_congestion_error_is_rate_limited(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(raw((recorded / "jito" / "error_429_rate_limited.json").read_bytes()))
    with pytest.raises(RateLimited):
        await gateways.block_engine.send_bundle(WIRES)


async def test_our_requests_look_like_the_recorded_ones(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    theirs = standard_json.loads((recorded / "jito" / "request_sendBundle_11800.json").read_text())
    wires = [base64.b64decode(wire) for wire in theirs["params"][0]]
    outside.will(result("x"))
    await gateways.block_engine.send_bundle(wires)
    assert outside.seen[0].json == theirs
