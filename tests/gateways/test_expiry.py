"""A transaction is dead only with proof: height passed at finalized, and a node that is not behind
knows nothing of it.
"""

import pytest

from tests.gateways.outside import Outside, by_method, error, result
from tests.gateways.samples import SIGNATURE, at_slot
from trading.gateways.base import Unavailable
from trading.gateways.connect import Gateways

STATUS = {"slot": 1, "confirmations": 1, "err": None, "confirmationStatus": "processed"}


def chain(*, height: int, tip_slot: int, answer_slot: int, status: object = None):
    tip = {"absoluteSlot": tip_slot, "blockHeight": height}
    return by_method(
        getEpochInfo=result(tip), getSignatureStatuses=result(at_slot([status], answer_slot))
    )


@pytest.mark.parametrize(
    ("height", "answer_slot", "status", "is_dead"),
    [
        pytest.param(151, 200, None, True, id="passed-and-unknown"),
        pytest.param(151, 300, None, True, id="the-node-is-ahead"),
        pytest.param(150, 200, None, False, id="the-last-valid-height-is-still-alive"),
        pytest.param(151, 199, None, False, id="the-answering-node-is-behind"),
        pytest.param(151, 200, STATUS, False, id="it-has-a-status"),
        pytest.param(151, 200, {**STATUS, "err": "AccountInUse"}, False, id="it-failed-on-chain"),
    ],
)
async def test_death_needs_all_of_its_proof(
    gateways: Gateways,
    outside: Outside,
    height: int,
    answer_slot: int,
    status: object,
    is_dead: bool,
) -> None:
    outside.will(chain(height=height, tip_slot=200, answer_slot=answer_slot, status=status))
    assert await gateways.rpc.has_expired(SIGNATURE, last_valid_block_height=150) is is_dead


async def test_the_height_is_asked_at_finalized_and_the_history_searched(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(chain(height=151, tip_slot=200, answer_slot=200))
    await gateways.rpc.has_expired(SIGNATURE, last_valid_block_height=150)
    assert [seen.json["params"] for seen in outside.seen] == [
        [{"commitment": "finalized"}],
        [[SIGNATURE], {"searchTransactionHistory": True}],
    ]


async def test_without_an_answer_there_is_no_proof(gateways: Gateways, outside: Outside) -> None:
    outside.will(by_method(getEpochInfo=error(-32005)))
    with pytest.raises(Unavailable):
        await gateways.rpc.has_expired(SIGNATURE, last_valid_block_height=150)
