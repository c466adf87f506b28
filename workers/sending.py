"""Sends bytes that are already in the books, and books only what is proof; the resolver asks the chain for the rest."""

import logging

from trading import metrics
from trading.domain.lifecycle import SubmissionStatus
from trading.domain.values import Route
from trading.gateways.base import GatewayError, Refused
from trading.gateways.http import begins_to_leave
from trading.metrics import Stage
from trading.services.booking import book_dead
from trading.services.orders import SignedOrder, mark_sent
from workers.desk import Desk
from workers.passage import Passage

log = logging.getLogger("sending")
BROADCAST_SECONDS = 2.0
"""How long bytes rest before the resolver offers them again; until then nobody else can have sent them."""


async def send(
    desk: Desk,
    submission: int,
    order: SignedOrder,
    *,
    watch: Passage,
    may_go_public: bool = True,
) -> None:
    """Send a recorded submission by its route.

    A refusal by the engine proves that it did not take the bundle, so the same bytes go to the RPC
    nodes, where they `may_go_public` (SPEAR may not). Refused by all, and too soon for anybody to have
    offered the bytes a second time: the submission is booked REFUSED. Anything else is unknown and stays
    in flight.
    """
    watch.reached(Stage.RECORDED)
    metrics.count_submission(order.action, "recorded")
    # Every claim has a task of its own, so this ends with it; the watch counts the first byte only.
    begins_to_leave.set(watch.first_byte)
    sent_at = desk.clock()
    route = order.route
    refusal = await _offer(desk, order.wire, route)
    if refusal is not None and route is Route.JITO and may_go_public:
        log.warning("block engine refused %s: %s", order.signature[:8], refusal)
        route = Route.STANDARD
        refusal = await _offer(desk, order.wire, route)
    await desk.writer.run(lambda: mark_sent(submission, route=route, now=sent_at))
    took_seconds = (desk.clock() - sent_at).total_seconds()
    if refusal is not None and took_seconds < BROADCAST_SECONDS:
        text = str(refusal)
        log.warning("everybody refused %s: %s", order.signature[:8], text)
        await desk.writer.run(
            lambda: book_dead(
                submission,
                status=SubmissionStatus.REFUSED,
                code="REFUSED",
                text=text,
                now=desk.clock(),
            )
        )


async def broadcast_again(desk: Desk, *, wire: bytes, route: Route, is_exit: bool) -> None:
    """Offer the same bytes once more; they can land only once. Exits try every way there is."""
    await _offer(desk, wire, route)
    if is_exit and route is Route.JITO:
        await _offer(desk, wire, Route.STANDARD)


async def _offer(desk: Desk, wire: bytes, route: Route) -> Refused | None:
    """None when it was taken or may have been; the refusal when it provably was not."""
    try:
        if route is Route.JITO:
            await desk.gateways.block_engine.send_bundle([wire])
        else:
            await desk.gateways.rpc.send_transaction(wire)
    except Refused as refusal:
        return refusal
    except GatewayError as error:
        log.warning("sending by %s: outcome unknown: %s", route, error)
    return None
