"""A buy whose facts are gathered: signed ahead, decided, recorded and sent."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from trading import metrics
from trading.domain.decision import SENTENCES, Denial, DenialCode, Order, QuoteFacts
from trading.domain.policy import Policy
from trading.domain.tips import TipPrice
from trading.domain.values import WSOL_MINT, Action, Route, Strategy
from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.jupiter import Quote
from trading.metrics import Stage
from trading.services.claims import Claim, retry_later
from trading.services.decisions import decide_buy, deny
from trading.services.orders import ENTRIES, SignedOrder, record_buy
from trading.services.steps import AlreadyHeld, EntriesHalted
from workers.desk import Desk, Materials
from workers.inquiry import Findings
from workers.knowledge import balance, effective_route, facts_of
from workers.passage import Passage
from workers.sending import send

log = logging.getLogger("buying")
RETRY_DELAY = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAhead:
    """A transaction signed before the decision, for the order that it was expected to be."""

    likely: Order
    signed: SignedOrder

    def is_for(self, order: Order) -> bool:
        """Whether the order came out so: where caps made it smaller, its quote must be for what is really
        bought, and another route may have no place for the tip.
        """
        likely = self.likely
        return (order.size_lamports, order.route) == (likely.size_lamports, likely.route)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One buy whose facts are gathered."""

    desk: Desk
    claim: Claim
    policy: Policy
    tip: TipPrice
    reachable: Route
    watch: Passage

    def sign_ahead(
        self, route: Route, quote: Quote | QuoteFacts, materials: Materials | None
    ) -> SignedAhead | None:
        """The order that most decisions come to, signed before anybody waits for the database; None where
        something is missing for it.
        """
        if not isinstance(quote, Quote) or materials is None:
            return None
        route = effective_route(route, self.reachable)
        likely = Order(size_lamports=quote.in_amount_raw, route=route, gates=())
        try:
            signed = self._signed(route, quote, materials)
        except GatewayError as error:
            log.warning("not signed ahead: %s", error)
            return None
        self.watch.reached(Stage.SIGNED)
        return SignedAhead(likely=likely, signed=signed)

    async def decide(self, found: Findings, ahead: SignedAhead | None) -> None:
        """Decide, and on an order send what was signed for it, recorded in the same transaction, or build
        it now.
        """
        desk, claim = self.desk, self.claim

        def sign(order: Order) -> SignedOrder | None:
            self.watch.reached(Stage.DECIDED)
            return None if ahead is None or not ahead.is_for(order) else ahead.signed

        try:
            decided = await desk.writer.run(
                lambda: decide_buy(
                    claim,
                    build_facts=partial(facts_of, desk, claim, found, self.tip, self.reachable),
                    sign=sign,
                    balance=balance(desk),
                    now=desk.clock(),
                ),
                lane=ENTRIES,
            )
        except AlreadyHeld:
            await self._deny(DenialCode.ALREADY_HELD)
            return
        verdict = decided.verdict
        metrics.count_decision(verdict.code if isinstance(verdict, Denial) else "ORDER")
        if isinstance(verdict, Denial):
            log.info("%s denied: %s", claim.request.symbol, verdict.text)
        elif decided.order is not None and decided.submission is not None:
            await self._send(decided.submission, decided.order)
        elif isinstance(found.quote, Quote):
            await self.build_and_send(verdict, found.quote)

    async def build_and_send(self, order: Order, quote: Quote) -> None:
        """Build what could not be signed with the decision, record it by itself, and send it."""
        desk, claim = self.desk, self.claim
        try:
            if quote.in_amount_raw != order.size_lamports:
                quote = await self._quoted_again(quote, order.size_lamports)
            signed = self._signed(order.route, quote, await desk.materials(quote))
        except GatewayError as error:
            await self._retry_later(str(error))
            return
        self.watch.reached(Stage.SIGNED)
        try:
            submission = await desk.writer.run(
                lambda: record_buy(claim, signed, now=desk.clock()), lane=ENTRIES
            )
        except AlreadyHeld:
            await self._deny(DenialCode.ALREADY_HELD)
        except EntriesHalted as halted:
            await self._deny(halted.code)
        else:
            await self._send(submission, signed)

    async def _quoted_again(self, judged: Quote, size_lamports: int) -> Quote:
        """A quote for what is really bought; Unavailable when it gives less than the judged one allowed."""
        quote = await self.desk.gateways.jupiter.quote(
            input_mint=WSOL_MINT,
            output_mint=self.claim.request.mint,
            amount_raw=size_lamports,
            slippage_bps=self.policy.slippage_bps,
        )
        if quote.out_amount_raw * judged.in_amount_raw < judged.minimum_out_raw * size_lamports:
            raise Unavailable("the price moved since the decision")
        return quote

    async def _send(self, submission: int, order: SignedOrder) -> None:
        may_go_public = self.claim.request.strategy is not Strategy.SPEAR
        await send(self.desk, submission, order, watch=self.watch, may_go_public=may_go_public)

    def _signed(self, route: Route, quote: Quote, materials: Materials) -> SignedOrder:
        desk, claim = self.desk, self.claim
        paid = desk.choose_tip(route=route, lamports=self.tip.lamports)
        if paid is None and claim.request.strategy is Strategy.SPEAR:
            # Decided for a bundle, and by now none can be sent: the next try decides anew.
            raise Unavailable("no tip account is known any more")
        return desk.sign_order(
            action=Action.BUY,
            quote=quote,
            materials=materials,
            tip=paid,
            variant=claim.variant,
            waited_microseconds=self.watch.waited_microseconds,
        )

    async def _deny(self, code: DenialCode) -> None:
        text = f"{SENTENCES[code]}: since the decision"
        await self.desk.writer.run(
            lambda: deny(self.claim, code=code, text=text, now=self.desk.clock())
        )

    async def _retry_later(self, text: str) -> None:
        await self.desk.writer.run(
            lambda: retry_later(
                self.claim,
                code="BUILD_FAILED",
                text=text,
                delay=RETRY_DELAY,
                maximum_attempts=self.policy.maximum_attempts,
                now=self.desk.clock(),
            )
        )
