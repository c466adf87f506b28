"""Landed transactions are read together where nodes take that, and none stays out of the books where they do not."""

import asyncio

import orjson
import pytest

from tests.gateways.outside import Answer, Outside, Seen, error, raw
from tests.gateways.samples import SIGNATURE
from tests.gateways.test_batches import OTHER, batch
from trading.gateways.base import Refused
from trading.gateways.connect import Gateways
from workers.landed import TOGETHER, Landed


def one(slot: int) -> dict[str, object]:
    return {"result": {"slot": slot}}


def told(seen: Seen) -> Answer:
    """Of every transaction that is asked for: with how many it was, as its slot."""
    calls = seen.json if isinstance(seen.json, list) else [seen.json]
    replies = [{"jsonrpc": "2.0", "id": call["id"], **one(len(calls))} for call in calls]
    return Answer(body=orjson.dumps(replies if isinstance(seen.json, list) else replies[0]))


async def both(landed: Landed) -> list[object]:
    """What two that ask at the same moment get, errors too."""
    asked = landed.transaction(SIGNATURE), landed.transaction(OTHER)
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def test_what_is_asked_for_at_once_shares_a_request(
    gateways: Gateways, outside: Outside
) -> None:
    landed = Landed(gateways.rpc)
    outside.will(batch(one(1), {"result": None}))
    found = await both(landed)
    assert found == [{"slot": 1}, None]
    assert len(outside.seen) == 1


async def test_one_alone_is_asked_for_as_ever(gateways: Gateways, outside: Outside) -> None:
    outside.will(told)
    assert await Landed(gateways.rpc).transaction(SIGNATURE) == {"slot": 1}
    assert isinstance(outside.seen[0].json, dict)


async def test_very_many_go_in_several_requests(gateways: Gateways, outside: Outside) -> None:
    landed = Landed(gateways.rpc)
    outside.will(told, told)
    many = [landed.transaction(f"{number}") for number in range(TOGETHER + 5)]
    found = await asyncio.gather(*many)
    assert sorted(each["slot"] for each in found if each) == [5] * 5 + [TOGETHER] * TOGETHER
    assert len(outside.seen) == 2


async def test_what_was_missing_among_many_is_asked_for_alone(
    gateways: Gateways, outside: Outside
) -> None:
    landed = Landed(gateways.rpc)
    behind = {"error": {"code": -32005, "message": "behind"}}
    outside.will(batch(one(1), behind), told)
    found = await both(landed)
    assert found == [{"slot": 1}, {"slot": 1}]
    assert outside.seen[1].json["params"][0] == OTHER


@pytest.mark.parametrize("status", [400, 403, 429, 502])
async def test_who_takes_no_batches_is_asked_one_by_one_from_then_on(
    gateways: Gateways, outside: Outside, status: int
) -> None:
    landed = Landed(gateways.rpc)
    outside.will(raw(b"{}", status=status), told)
    for _ in range(2):
        found = await both(landed)
        assert found == [{"slot": 1}, {"slot": 1}]
    assert [isinstance(seen.json, list) for seen in outside.seen] == [True] + [False] * 4


async def test_what_nobody_tells_is_an_error_of_that_one_alone(
    gateways: Gateways, outside: Outside
) -> None:
    landed = Landed(gateways.rpc)
    refusal = {"error": {"code": -32015, "message": "version"}}
    outside.will(batch(refusal, one(2)), error(-32015))
    first, second = await both(landed)
    assert isinstance(first, Refused)
    assert second == {"slot": 2}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"7", b'[{"id": {}}, {"id": []}]', b"null"]
)
async def test_whatever_comes_instead_of_a_batch_everybody_gets_an_answer(
    gateways: Gateways, outside: Outside, body: bytes
) -> None:
    outside.will(raw(body), told)
    assert await both(Landed(gateways.rpc)) == [{"slot": 1}, {"slot": 1}]
