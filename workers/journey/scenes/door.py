"""At the door: what is refused before it becomes a signal."""

import json
from typing import Any

from workers.journey.steps import Journey

LIMIT_BYTES = 65_536


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


async def _invalid(journey: Journey, title: str, body: dict[str, Any], field: str) -> None:
    reply = await journey.offer(title, body, expect="422 validation_failed")
    journey.journal.expect(
        f"{title}: details name {field}", holds=field in reply.details, found=dict(reply.details)
    )
