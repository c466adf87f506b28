"""The same signals traded on paper and then really, in one market: how far the paper fills are from real ones."""

import asyncio
from decimal import Decimal

from tests.cluster import Sandbox
from tests.databases import Database
from tests.paper.desks import ledger, open_paper, pass_the_landing
from tests.platform import SOL, Platform, endpoints_of, open_desk
from trading.gateways.connect import connect
from trading.gateways.transactions import KeySigner
from trading.models import Fill, Position
from trading.writer import GroupWriter

DRIFTS = {"BONK": 1.0, "WIF": 1.015, "NEXT": 0.98}
"""What happens to each price between the quote and the landing, of every trade alike."""
WORST_BUY_BPS = 20
WORST_SELL_BPS = 300
"""A sale really meets the pool that our own buy has moved, which paper does not move."""


async def trade_all(platform: Platform) -> dict[tuple[str, str], int]:
    """Buy and sell each token; what came out of each, by (symbol, side)."""
    found = {}
    for token in platform.sandbox.tokens():
        symbol, mint = token["symbol"], token["mint"]
        if symbol not in DRIFTS:
            continue
        await platform.rehearse(mint)
        uuid = await platform.signal(mint)
        await _work(platform, mint, drift=DRIFTS[symbol])
        position = await platform.see(lambda uuid=uuid: Position.objects.get(signal=uuid))
        await platform.sell_signal(mint)
        await _work(platform, mint, drift=1 / DRIFTS[symbol], is_exit=True)
        fills = await platform.see(
            lambda position=position: list(Fill.objects.filter(position=position))
        )
        bought, sold = sorted(fills, key=lambda fill: fill.action)
        found[symbol, "BUY"] = int(bought.token_raw)
        # Of as many tokens as were bought, so that the one error is not counted as the other.
        found[symbol, "SELL"] = sold.sol_lamports * 10**12 // int(sold.token_raw)
    return found


async def _work(platform: Platform, mint: str, *, drift: float, is_exit: bool = False) -> None:
    """The price moves while the transaction is built, that is after its quote."""
    slow = {"plane": "jupiter", "kind": "latency", "method": "*swap-instructions*"}
    platform.sandbox.fault(**slow, seconds=0.3, count=1)
    working = asyncio.create_task(platform.work(is_exit=is_exit))
    await asyncio.sleep(0.15)
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": drift})
    assert await working
    await pass_the_landing(platform)


async def test_paper_fills_are_close_to_real_ones(
    sandbox: Sandbox, database: Database, writer: GroupWriter, record_property
) -> None:
    async with open_paper(sandbox, database, writer) as paper:
        on_paper = await trade_all(paper)
        drifts = [row.penalty_bps or 0 for row in await ledger(paper)]
        # Else nothing would be compared but two quotes of a market that stands still.
        assert sum(abs(bps) > 100 for bps in drifts) == 4, drifts
        keypair = sandbox.funded_keypair(20 * SOL)
        paper.clock.advance(minutes=10)
        async with connect(endpoints_of(sandbox)) as gateways:
            desk = await open_desk(gateways, writer, KeySigner(keypair), paper.clock)
            real = Platform(
                sandbox=sandbox,
                database=database,
                desk=desk,
                keypair=keypair,
                clock=paper.clock,
                leader=paper.leader,
            )
            really = await trade_all(real)
    errors = {key: (Decimal(on_paper[key]) / really[key] - 1) * 10_000 for key in sorted(on_paper)}
    for (symbol, side), bps in errors.items():
        record_property(f"{side} {symbol}", f"paper better by {bps:.1f} bps")
        assert abs(bps) <= (WORST_BUY_BPS if side == "BUY" else WORST_SELL_BPS), (symbol, side, bps)
