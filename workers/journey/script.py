"""The journey from its first signal to its verdict: which scene follows which."""

import asyncio
import random
from collections.abc import Callable

import aiohttp
from django.conf import settings

from workers.journey import verdict
from workers.journey.cast import Cast, choose
from workers.journey.client import Client, NobodyAnswers
from workers.journey.house import House, running_house
from workers.journey.journal import Journal
from workers.journey.killer import Killer
from workers.journey.report import JourneyReport
from workers.journey.scenes import door, entries, exits, outside
from workers.journey.steps import Journey

LONGEST_SECONDS = {False: 100.0, True: 200.0}


async def travel(*, seed: int, is_rough: bool, say: Callable[[str], None]) -> JourneyReport:
    """The whole journey in a platform of its own; UnableToStart when that does not come up."""
    journal = Journal(say=say)
    chance = random.Random(f"journey-{seed}")
    journal.note("starting a platform of its own")
    async with running_house(seed=seed) as house, aiohttp.ClientSession() as session:
        journal.note("everything is ready")
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
        except (NobodyAnswers, aiohttp.ClientError) as error:
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
        await _scenes(journey)
        await outside.bundle_lost(journey)
        return
    killing = asyncio.create_task(killer.run())
    try:
        await _scenes(journey)
        await killing
        await outside.deaths_before_sending(journey, killer)
    finally:
        killing.cancel()


async def _scenes(journey: Journey) -> None:
    await asyncio.gather(door.bad_requests(journey), entries.safe_tokens(journey))
    await asyncio.gather(entries.duplicates(journey), entries.denials(journey))
    await asyncio.gather(
        exits.by_signal(journey),
        exits.hard_stop(journey),
        exits.take_profit(journey),
        exits.by_a_person(journey),
        entries.leader_sells(journey),
    )
    await exits.executor_stands_still(journey)
    await outside.rpc_without_time(journey)
