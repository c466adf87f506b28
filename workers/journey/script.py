"""The journey from its first signal to its verdict: which scene follows which."""

import asyncio
import random
from collections.abc import Callable

import aiohttp
from django.conf import settings

from workers.journey import layout, people, verdict
from workers.journey.cast import Cast, choose
from workers.journey.client import Client, NobodyAnswers
from workers.journey.house import (
    FIRST_RPC,
    NAMES,
    SECOND_RPC,
    House,
    NoResult,
    running_house,
)
from workers.journey.journal import Journal
from workers.journey.killer import Killer
from workers.journey.report import JourneyReport
from workers.journey.scenes import (
    closing,
    door,
    entries,
    exits,
    failover,
    outside,
    policies,
    roster,
    standstill,
    storage,
    tokens,
)
from workers.journey.steps import Journey

LONGEST_SECONDS = {False: 240.0, True: 200.0}


async def travel(*, seed: int, is_rough: bool, say: Callable[[str], None]) -> JourneyReport:
    """The whole journey in a platform of its own; UnableToStart when that does not come up."""
    journal = Journal(say=say)
    chance = random.Random(f"journey-{seed}")
    journal.note("starting a platform of its own")
    async with (
        running_house(seed=seed, rpcs=(FIRST_RPC, SECOND_RPC)) as house,
        aiohttp.ClientSession() as session,
    ):
        journal.note(f"ready: {', '.join(NAMES)}")
        say(layout.header())
        journey = Journey(
            house=house,
            client=_client(session, house),
            cast=await _choose_cast(house, chance),
            journal=journal,
            chance=chance,
            is_rough=is_rough,
        )
        killer = Killer(house, journal=journal, chance=random.Random(f"killer-{seed}"))
        try:
            async with asyncio.timeout(LONGEST_SECONDS[is_rough]):
                await _play(journey, killer)
        except TimeoutError:
            journal.expect("the scenes end in time", holds=False, found=f"{journal.seconds:.0f} s")
        except (NobodyAnswers, NoResult, aiohttp.ClientError) as error:
            journal.expect("every scene can be played", holds=False, found=repr(error))
        report = await verdict.reach(journey, kills=killer.kills)
        journal.note("stopping everything")
    return report


def _client(session: aiohttp.ClientSession, house: House) -> Client:
    url = f"{house.wiring.ingress_url}/api/v1/webhook"
    return Client(session, url=url, secret=(settings.DATA_DIR / "webhook_secret").read_text())


async def _choose_cast(house: House, chance: random.Random) -> Cast:
    await house.sandbox("POST", "provider", {"duplicate_probability": 0.0, "late_probability": 0.0})
    tokens = await house.sandbox("GET", "tokens")
    return choose(tokens, await house.sandbox("GET", "leaders"), chance)


async def _play(journey: Journey, killer: Killer) -> None:
    if not journey.is_rough:
        await _first_half(journey)
        await _second_half(journey)
        return
    killing = asyncio.create_task(killer.run())
    try:
        await _first_half(journey)
        await outside.rpc_without_time(journey)
        await killing
        await outside.deaths_before_sending(journey, killer)
    finally:
        killing.cancel()


async def _first_half(journey: Journey) -> None:
    """What has to go right whatever dies meanwhile."""
    chapter = journey.journal.chapter
    chapter("At the door, and in")
    await asyncio.gather(door.bad_requests(journey), entries.safe_tokens(journey))
    chapter("Not twice, and not that one")
    await asyncio.gather(entries.duplicates(journey), entries.denials(journey))
    if not journey.is_rough:
        await asyncio.gather(
            door.second_provider(journey), roster.denials(journey), tokens.denials(journey)
        )
    chapter("Out again")
    await asyncio.gather(
        exits.by_signal(journey),
        exits.hard_stop(journey),
        exits.take_profit(journey),
        exits.trailing_stop(journey),
        entries.leader_sells(journey),
    )
    chapter("The executor stands still")
    await standstill.start_anew()
    await exits.by_a_person(journey)
    await standstill.entries_grow_stale(journey)


async def _second_half(journey: Journey) -> None:
    """What is to be seen undisturbed, one thing at a time, each put back afterwards."""
    chapter = journey.journal.chapter
    await standstill.queue_fills(journey)
    await standstill.losses_pause_spear(journey)
    await standstill.entries_are_halted(journey)
    chapter("Under another policy")
    await policies.denials(journey)
    # SPEAR waits for a new executor here, and would be stale after ten seconds.
    patience = {"maximum_signal_age_seconds": 120}
    async with people.another_policy(
        "sold is free again", reentry_cooldown_seconds=0, spear=patience
    ):
        chapter("The outside fails")
        await outside.quotes_fail(journey)
        await outside.bundle_refused(journey)
        await outside.executor_starts_anew(journey)
        await failover.first_rpc_fails(journey)
        await storage.locked(journey)
        chapter("All of it goes")
        await closing.everything_goes(journey)
        chapter("And in again")
        await outside.bundle_lost(journey)
        await outside.rpc_without_time(journey)
