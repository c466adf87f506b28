"""Addresses that are no token to buy: nothing there, no mint, and a new mint that has no pool."""

import asyncio

from workers.journey import outcomes
from workers.journey.steps import Journey
from workers.journey.stranger import issue_token

BIRTH_SECONDS = 15.0


async def denials(journey: Journey) -> None:
    """Nobody knows these, so the chain itself is what the executor goes by."""
    nowhere, wallet = journey.address(), journey.cast.candidate
    await asyncio.gather(
        journey.denied("mint that does not exist", "NONE", "MINT_NOT_FOUND", token_address=nowhere),
        journey.denied("a wallet instead of a mint", "WALLET", "NOT_A_MINT", token_address=wallet),
        _without_pool(journey),
    )


async def _without_pool(journey: Journey) -> None:
    house = journey.house
    mint = await issue_token(house, owner=journey.keypair(), mint=journey.keypair())

    async def exists() -> bool | None:
        stored = await house.rpc("getAccountInfo", mint, {"commitment": "confirmed"})
        return stored["value"] is not None or None

    is_there = await outcomes.appears(exists, timeout_seconds=BIRTH_SECONDS)
    journey.journal.expect("the new token is on the chain", holds=is_there is not None)
    await journey.denied(
        "new token without a pool", "BARE", "LIQUIDITY_UNKNOWN", token_address=mint
    )
