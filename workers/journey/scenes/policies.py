"""Buys that only another policy forbids: each revision is activated, shown, and taken back."""

from typing import Any

from workers.journey import outcomes, people
from workers.journey.steps import Journey

RISE = 1.3
KNOWN_SECONDS = 10.0


async def denials(journey: Journey) -> None:
    """One revision after the other, since there is but one active policy."""
    await _blocked(journey)
    await _denied(journey, "one position at most", "WIF", "TOO_MANY_POSITIONS", maximum_positions=1)
    await _denied(
        journey,
        "nothing for SHIELD",
        "WIF",
        "ALLOCATION_FULL",
        shield={"allocation_bps": 1},
        spear={"allocation_bps": 9_999},
    )
    await _denied(journey, "hardly any heat", "WIF", "PORTFOLIO_HEAT", maximum_heat_bps=1)
    # What it was bought and sold for a moment ago must not be the reason.
    await _denied(
        journey,
        "hardly any impact",
        "GECKO",
        "PRICE_IMPACT",
        maximum_price_impact_bps=1,
        reentry_cooldown_seconds=0,
    )
    await _denied(
        journey,
        "all of it must come back",
        "FRESH",
        "NOT_SELLABLE",
        minimum_sellback_bps=9_999,
        shield={"minimum_token_age_seconds": 0},
    )
    await _bought_once(journey)
    await _price_moved(journey)


async def _denied(journey: Journey, title: str, symbol: str, code: str, **changes: Any) -> None:
    async with people.another_policy(title, **changes):
        await journey.denied(title, symbol, code)


async def _blocked(journey: Journey) -> None:
    """The door knows the policy too."""
    title, mint = "token blocked by the policy", journey.cast.mints["WIF"]
    async with people.another_policy(title, blocked_mints=(mint,)):
        body = journey.cast.body("SHIELD", "BUY", "WIF", "0.2")
        await journey.offer(title, body, expect="200 BLOCKED_MINT")


async def _bought_once(journey: Journey) -> None:
    """BONK was bought after this leader and sold again; now once is enough."""
    title, leader = "once is enough", journey.cast.shield[0]
    async with (
        people.copied_otherwise(leader, maximum_buys_per_token=1),
        people.another_policy(title, reentry_cooldown_seconds=0),
    ):
        await journey.denied(title, "BONK", "MAX_BUYS_PER_TOKEN", wallet_address=leader)


async def _price_moved(journey: Journey) -> None:
    """A wallet buys, is followed only then, the price runs away; then the signal comes after all."""
    house, leader, mint = journey.house, journey.cast.candidate, journey.cast.mints["WIF"]
    await house.sandbox("POST", "provider", {"enabled": False})
    order = {"side": "BUY", "mint": mint, "sol": 0.5}
    traded = await house.sandbox("POST", f"leaders/{leader}/trade", order)
    await house.sandbox("POST", "provider", {"enabled": True})
    confirmed = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    asked = ("getTransaction", traded["signature"], confirmed)
    known = await outcomes.appears(lambda: house.rpc(*asked), timeout_seconds=KNOWN_SECONDS)
    journey.journal.expect("the leader's own transaction is confirmed", holds=known is not None)
    await people.follow_leader(leader, name="followed too late")
    await house.sandbox("POST", f"market/{mint}/price", {"factor": RISE})
    named = {"wallet_address": leader, "source_signature": traded["signature"]}
    await journey.denied("price ran away since", "WIF", "PRICE_MOVED", **named)
    await house.sandbox("POST", f"market/{mint}/price", {"factor": 1 / RISE})
