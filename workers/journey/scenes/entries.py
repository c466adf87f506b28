"""Entries: what is bought, what is bought once only, and what is not bought."""

import asyncio
from uuid import UUID, uuid4

from solders.signature import Signature

from workers.journey import outcomes
from workers.journey.steps import LATE_BUY, Journey

COPIES = 10
ARRIVAL_SECONDS = 20.0


async def safe_tokens(journey: Journey) -> None:
    """Both strategies, several tokens, two token programs, every kind of identity."""
    await asyncio.gather(
        journey.buy("SHIELD buy", "SHIELD", "BONK", "0.25", trade_uuid=_trade_uuid("bonk")),
        _by_symbol_only(journey),
        journey.buy("Token-2022 buy", "SHIELD", "NEXT", "0.2", trade_uuid=str(uuid4())),
        journey.buy("SPEAR buy", "SPEAR", "PIXEL", "0.15"),
        journey.buy("SPEAR buy of a mover", "SPEAR", "TURBO", "0.15"),
        journey.buy("SPEAR buy, small pool", "SPEAR", "MICRO", "0.1"),
        _copies_at_once(journey),
        leader_buys(journey),
    )


def _trade_uuid(name: str) -> str:
    return f"journey-{name}"


def _source_signature(journey: Journey) -> str:
    return str(Signature.from_bytes(journey.chance.randbytes(64)))


async def _by_symbol_only(journey: Journey) -> None:
    """No address: the symbol is looked up. The leader's transaction is the identity."""
    source = _source_signature(journey)
    extra = {"token_address": None, "source_signature": source}
    await journey.buy("symbol-only buy", "SHIELD", "MANGO", "0.3", **extra)
    if "MANGO" not in journey.bought:
        return
    body = journey.cast.body("SHIELD", "BUY", "MANGO", "0.31", source_signature=source)
    await journey.offer("same leader transaction again", body, expect="200 duplicate_signal")


async def _copies_at_once(journey: Journey) -> None:
    """Many copies of one signal at the same moment are one trade."""
    body = journey.cast.body("SHIELD", "BUY", "GECKO", "0.12", trade_uuid=_trade_uuid("gecko"))
    copies = [{**body, "note": number} for number in range(COPIES)]
    replies = await asyncio.gather(*map(journey.client.send, copies))
    names = {reply.trade_uuid for reply in replies}
    first = [reply for reply in replies if reply.http_status == 202]
    is_one = len(names) == 1 and "" not in names
    holds = journey.journal.expect(
        f"{COPIES} copies at once: one name, at most one accepted",
        holds=is_one and (len(first) == 1 or (journey.is_rough and not first)),
        found=[str(reply) for reply in replies],
    )
    if not holds:
        return
    uuid = UUID(names.pop())
    journey.accepted.add(uuid)
    title = f"{COPIES} copies at once"
    outcome = await journey.end(title, uuid, expect="BOUGHT", late=LATE_BUY)
    if outcome is not None and outcome.code == "BOUGHT":
        journey.bought["GECKO"] = uuid


async def leader_buys(journey: Journey) -> None:
    """A leader really trades and the sandbox's own provider tells us."""
    leader = journey.cast.shield[1]
    order = {"side": "BUY", "mint": journey.cast.mints["JUP"], "sol": 0.4}
    traded = await journey.house.sandbox("POST", f"leaders/{leader}/trade", order)
    await _copied(journey, "a leader's own buy", traded["signature"], expect="BOUGHT")


async def leader_sells(journey: Journey) -> None:
    """The leader leaves and we follow."""
    leader = journey.cast.shield[1]
    order = {"side": "SELL", "mint": journey.cast.mints["JUP"], "fraction": 1.0}
    traded = await journey.house.sandbox("POST", f"leaders/{leader}/trade", order)
    await _copied(journey, "a leader's own sale", traded["signature"], expect="SOLD")
    await journey.expect_position("JUP", status="CLOSED")


async def _copied(journey: Journey, title: str, signature: str, *, expect: str) -> None:
    journey.foreign_signals += 1
    uuid = await outcomes.signal_of(signature, timeout_seconds=ARRIVAL_SECONDS)
    if not journey.journal.expect(f"{title}: its signal arrives", holds=uuid is not None):
        return
    assert uuid is not None
    journey.accepted.add(uuid)
    late = LATE_BUY if expect == "BOUGHT" else frozenset({"NO_POSITION", "POSITION_CLOSED"})
    outcome = await journey.end(title, uuid, expect=expect, late=late, answer="202 to the provider")
    if outcome is not None and outcome.code == "BOUGHT":
        journey.bought["JUP"] = uuid


async def duplicates(journey: Journey) -> None:
    """The same signal again, by each identity; and the same request again."""
    body = journey.cast.body("SHIELD", "BUY", "BONK", "0.26", trade_uuid=_trade_uuid("bonk"))
    reply = await journey.offer("same trade_uuid again", body, expect="200 duplicate_signal")
    known = str(journey.bought.get("BONK", reply.trade_uuid))
    journey.journal.expect("a duplicate names the first", holds=reply.trade_uuid == known)
    same = journey.cast.body("SPEAR", "BUY", "PIXEL", "0.15")
    await journey.offer("same content again", same, expect="200 duplicate_signal")
    signed = journey.client.signed({**body, "note": "once"})
    await journey.client.send_signed(signed)
    replay = await journey.client.send_signed(signed)
    journey.judge_reply("the same request again", replay, expect="401 replayed_request")


async def denials(journey: Journey) -> None:
    """Signals that are accepted and then not bought, each for its own reason."""
    stranger, candidate = journey.cast.stranger, journey.cast.candidate
    await asyncio.gather(
        journey.denied("unknown leader", "WIF", "LEADER_UNKNOWN", wallet_address=stranger),
        journey.denied("candidate leader", "WIF", "LEADER_NOT_ACTIVE", wallet_address=candidate),
        journey.denied("freeze honeypot", "CAGE", "FREEZE_AUTHORITY"),
        journey.denied("printing press", "PRESS", "MINT_AUTHORITY"),
        journey.denied("permanent delegate", "LEASH", "UNSAFE_EXTENSION"),
        journey.denied("transfer hook", "HOOK", "UNSAFE_EXTENSION"),
        journey.denied("5 % transfer fee", "TOLL", "TRANSFER_FEE"),
        journey.denied("thin pool", "PUDDLE", "LIQUIDITY_TOO_LOW"),
        journey.denied("supply in ten hands", "THRONE", "HOLDER_CONCENTRATION"),
        journey.denied("launched minutes ago", "FRESH", "TOKEN_TOO_NEW"),
        journey.denied("amount too small", "WIF", "SIZE_TOO_SMALL", amount_sol="0.005"),
        journey.denied("costs too high", "WIF", "COST_TOO_HIGH", amount_sol="0.012"),
        journey.sell("sale of what we do not hold", "SHIELD", "WIF", expect="NO_POSITION"),
    )
    if "BONK" in journey.bought:
        second = journey.cast.shield[2]
        await journey.denied("token already held", "BONK", "ALREADY_HELD", wallet_address=second)
    stable = journey.cast.body("SHIELD", "BUY", "USDC", "0.2")
    await journey.offer("quote currency", stable, expect="200 NOT_SPECULATIVE")
    if not journey.is_rough:
        # Refused by the executor a moment ago, so the door knows it by now.
        again = journey.cast.body("SHIELD", "BUY", "CAGE", "0.22")
        await journey.offer("the honeypot again", again, expect="200 FREEZE_AUTHORITY")
