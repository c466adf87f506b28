"""Sends bytes that are already in the books, and books only what is proof; the resolver asks the chain for the rest."""

import logging

from trading import metrics
from trading.domain.values import Route
from trading.gateways.base import GatewayError, RateLimited, Refused
from trading.gateways.http import begins_to_leave
from trading.metrics import Stage
from trading.services.booking import book_refused
from trading.services.orders import Sent, SignedOrder
from workers.desk import Desk
from workers.passage import Passage

log = logging.getLogger("sending")


async def send(
    desk: Desk,
    submission: int,
    order: SignedOrder,
    *,
    watch: Passage,
    may_go_public: bool = True,
) -> None:
    """Send a recorded submission by its route.

    An engine that refuses, or has no time for us, did not take the bundle, so the same bytes go to the RPC
    nodes, where they `may_go_public` (SPEAR may not). They can: the tip is an instruction of the swap
    itself, so the bytes depend on nothing that only a bundle would bring. Refused by all, before anybody
    began to offer the bytes a second time: the submission is booked REFUSED. Anything else is
    unknown and stays in flight.
    """
    watch.reached(Stage.RECORDED)
    metrics.count_submission(order.action, "recorded")
    # Every claim has a task of its own, so this ends with it; the watch counts the first byte only.
    begins_to_leave.set(watch.first_byte)
    sent_at = desk.clock()
    route, remark = order.route, ""
    failures = [await offer(desk, order.wire, route)]
    if isinstance(failures[0], Refused | RateLimited) and route is Route.JITO and may_go_public:
        remark = f"the block engine did not take it: {failures[0]}"
        route = Route.STANDARD
        failures.append(await offer(desk, order.wire, route))
    await desk.mark_sent(Sent(submission=submission, route=route, at=sent_at, remark=remark))
    refusals = [failure for failure in failures if isinstance(failure, Refused)]
    if len(refusals) == len(failures):
        text = str(refusals[-1])
        log.warning("everybody refused %s: %s", order.signature[:8], text)
        await desk.writer.run(lambda: book_refused(submission, text=text, now=desk.clock()))


async def offer(desk: Desk, wire: bytes, route: Route) -> GatewayError | None:
    """Offer bytes once by one way. None when they were taken; a Refused proves that they were not, after
    any other error they may have been.
    """
    try:
        if route is Route.JITO:
            await desk.gateways.block_engine.send_bundle([wire])
        else:
            await desk.gateways.rpc.send_transaction(wire)
    except GatewayError as error:
        log.warning("offered by %s: %s", route, error)
        return error
    return None
