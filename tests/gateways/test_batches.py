"""Several transactions are asked for in one request, and each answer is read by itself."""

import orjson

from tests.gateways.outside import Answer, Outside, Script, Seen, error, json, result
from tests.gateways.samples import SIGNATURE
from trading.gateways.base import GatewayError, InvalidReply, Refused, Unavailable
from trading.gateways.connect import Gateways

OTHER = SIGNATURE[:-1] + ("1" if SIGNATURE[-1] != "1" else "2")


def batch(*members: dict[str, object], is_turned: bool = False) -> Script:
    def answer(seen: Seen) -> Answer:
        replies = [
            {"jsonrpc": "2.0", "id": call["id"], **member}
            for call, member in zip(seen.json, members, strict=True)
        ]
        return Answer(body=orjson.dumps(replies[::-1] if is_turned else replies))

    return answer


async def test_one_request_brings_all_of_them_in_the_order_asked(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(batch({"result": {"slot": 1}}, {"result": None}, is_turned=True))
    assert await gateways.rpc.transactions([SIGNATURE, OTHER]) == [{"slot": 1}, None]
    assert [call["params"][0] for call in outside.seen[0].json] == [SIGNATURE, OTHER]
    assert outside.seen[0].json[0]["params"][1]["maxSupportedTransactionVersion"] == 1


async def test_what_failed_alone_is_its_own_error(gateways: Gateways, outside: Outside) -> None:
    refusal = {"error": {"code": -32015, "message": "version"}}
    outside.will(batch(refusal, {"result": {"slot": 2}}))
    first, second = await gateways.rpc.transactions([SIGNATURE, OTHER])
    assert isinstance(first, Refused)
    assert second == {"slot": 2}


async def test_a_result_of_another_shape_is_an_error_of_its_own(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(batch({"result": "text"}, {"result": {"slot": 2}}))
    first, second = await gateways.rpc.transactions([SIGNATURE, OTHER])
    assert isinstance(first, InvalidReply)
    assert second == {"slot": 2}


async def test_a_node_that_takes_no_batches_is_asked_one_by_one(
    gateways: Gateways, outside: Outside
) -> None:
    def refuse(seen: Seen) -> Answer:
        body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
        return Answer(body=orjson.dumps(body))

    outside.will(refuse, result({"slot": 1}), error(-32015))
    first, second = await gateways.rpc.transactions([SIGNATURE, OTHER])
    assert first == {"slot": 1}
    assert isinstance(second, Refused)


async def test_answers_that_are_not_the_batchs_are_never_taken_for_it(
    gateways: Gateways, outside: Outside
) -> None:
    shapes: list[object] = [[], [1, 2], {"jsonrpc": "2.0", "id": 0, "result": []}, "no", None]
    shapes.append([{"jsonrpc": "2.0", "id": 10**9, "result": {"slot": 1}}] * 2)
    shapes.append([{"jsonrpc": "2.0", "id": [], "result": {"slot": 1}}, {"id": {}}])
    for shape in shapes:
        outside.will(json(shape))
        try:
            found = await gateways.rpc.transactions([SIGNATURE, OTHER])
        except (InvalidReply, Unavailable):
            continue
        assert all(isinstance(each, GatewayError) for each in found), shape
