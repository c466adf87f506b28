"""At the door: what is refused before it becomes a signal."""

import asyncio
import json
from typing import Any
from uuid import UUID

from workers.journey import outcomes, people
from workers.journey.client import Client, sign_standard
from workers.journey.steps import Journey

LIMIT_BYTES = 65_536
BURST = 3
WELCOME_SECONDS = 10.0
PAUSE_SECONDS = 0.5


async def bad_requests(journey: Journey) -> None:
    """Requests that must be refused with the answers of specification §3."""
    good = journey.cast.body("SHIELD", "BUY", "BONK", "0.11")
    forged = journey.client.signed(good, secret=journey.cast.stranger)
    reply = await journey.client.send_signed(forged)
    journey.judge_reply("bad signature", reply, expect="401 authentication_failed")
    unsigned = type(forged)(body=forged.body, headers={"Content-Type": "application/json"})
    reply = await journey.client.send_signed(unsigned)
    journey.judge_reply("no signature", reply, expect="401 authentication_failed")
    for title, age in (("stale timestamp", 120), ("timestamp ahead", -120)):
        await journey.offer(title, good, expect="401 authentication_failed", age_seconds=age)
    await journey.offer("malformed body", b'{"strategy":', expect="422 validation_failed")
    too_large = json.dumps({**good, "note": "x" * LIMIT_BYTES}).encode()
    await journey.offer("body above 64 KiB", too_large, expect="413 body_too_large")
    unknown = {**good, "token": "NOSUCHTOKEN", "token_address": None}
    await _invalid(journey, "unknown symbol", unknown, field="token")
    await _invalid(journey, "amount of 0", {**good, "amount_sol": 0}, field="amount_sol")
    await _invalid(journey, "10 decimals", {**good, "amount_sol": "0.0123456789"}, "amount_sol")
    await _invalid(journey, "EXIT that buys", {**good, "strategy": "EXIT"}, field="action")


async def second_provider(journey: Journey) -> None:
    """Another provider signs the other way, and may send but a few requests at once."""
    secret = await people.invite_provider(
        "journey-second", key=journey.chance.randbytes(24), requests_per_second=1, burst=BURST
    )
    other = journey.client.another(secret=secret, signer=sign_standard)
    body = journey.cast.body("SHIELD", "BUY", "NOVA", "0.2", trade_uuid=journey.name())
    welcomed = await outcomes.appears(
        lambda: _welcomed(other, body), timeout_seconds=WELCOME_SECONDS
    )
    title = "signed as Standard Webhooks"
    if journey.journal.expect(f"{title}: accepted", holds=welcomed is not None):
        assert welcomed is not None
        journey.accepted.add(welcomed)
        outcome = await journey.end(title, welcomed, expect="BOUGHT")
        if outcome is not None:
            journey.bought["NOVA"] = welcomed
    await _too_fast(journey, other)
    journey.client.replies.extend(other.replies)


async def _welcomed(client: Client, body: dict[str, Any]) -> UUID | None:
    """The signal's name once the door has heard of the provider, which takes it a second."""
    reply = await client.send(body)
    if reply.is_accepted:
        return UUID(reply.trade_uuid)
    await asyncio.sleep(PAUSE_SECONDS)
    return None


async def _too_fast(journey: Journey, client: Client) -> None:
    bodies = [f'{{"number": {number}}}'.encode() for number in range(2 * BURST)]
    replies = await asyncio.gather(*map(client.send, bodies))
    refused = next((reply for reply in replies if reply.http_status == 429), replies[-1])
    journey.judge_reply("faster than agreed", refused, expect="429 rate_limited")
    journey.journal.expect("faster than agreed: Retry-After", holds=bool(refused.retry_after))


async def _invalid(journey: Journey, title: str, body: dict[str, Any], field: str) -> None:
    reply = await journey.offer(title, body, expect="422 validation_failed")
    journey.journal.expect(
        f"{title}: details name {field}", holds=field in reply.details, found=dict(reply.details)
    )
