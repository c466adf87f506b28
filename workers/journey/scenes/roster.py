"""Buys that the copy settings of their leader forbid; every leader here joins the roster for its scene."""

import asyncio
from datetime import timedelta
from typing import Any

from trading.domain.values import LAMPORTS_PER_SOL
from wallets.models import CopyState
from workers.journey import people
from workers.journey.steps import Journey
from workers.runtime import utc_now


async def denials(journey: Journey) -> None:
    """One leader a setting, and one whose promotion has just run out."""
    later = utc_now() + timedelta(hours=2)
    cases: list[tuple[str, str, str, dict[str, Any]]] = [
        ("leader muted", "LEADER_MUTED", "0.2", {"copy_state": CopyState.CLOSES_ONLY}),
        (
            "leader copied at other hours",
            "OUTSIDE_ACTIVE_HOURS",
            "0.2",
            {"hours_from": later.time(), "hours_to": (later + timedelta(hours=1)).time()},
        ),
        (
            "leader's trade too small",
            "LEADER_TRADE_SIZE",
            "0.2",
            {"minimum_leader_trade_lamports": LAMPORTS_PER_SOL},
        ),
        (
            "token on leader's block list",
            "LEADER_TOKEN_LIST",
            "0.2",
            {"blocked_mints": [journey.cast.mints["WIF"]]},
        ),
        (
            "leader's spending for today",
            "LEADER_DAILY_CAP",
            "0.2",
            {"daily_cap_lamports": LAMPORTS_PER_SOL // 10},
        ),
        (
            "tip above a tenth of the trade",
            "TIP_TOO_HIGH",
            "0.06",
            {"tip_lamports": LAMPORTS_PER_SOL // 100},
        ),
    ]
    await asyncio.gather(
        *(_denied(journey, title, code, sol, settings) for title, code, sol, settings in cases),
        _expired(journey),
    )


async def _denied(
    journey: Journey, title: str, code: str, amount_sol: str, settings: dict[str, Any]
) -> None:
    leader = journey.address()
    await people.follow_leader(leader, name=title, **settings)
    await journey.denied(title, "WIF", code, amount_sol=amount_sol, wallet_address=leader)


async def _expired(journey: Journey) -> None:
    leader = journey.address()
    await people.follow_leader(leader, name="short promotion", active_for=timedelta(0))
    await journey.denied("promotion has run out", "WIF", "LEADER_EXPIRED", wallet_address=leader)
