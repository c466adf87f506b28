"""`manage.py resolver`: asks the chain what became of everything in flight, and books it."""

from typing import Any

from django.core.management.base import BaseCommand

from workers.guard import rpc_weather
from workers.heartbeat import BEAT_SECONDS, Heart
from workers.resolver import STEP_SECONDS, Resolver
from workers.runtime import every, run_daemon, run_together, utc_now
from workers.wiring import open_desk


class Command(BaseCommand):
    help = "Run the resolver: learn what became of what was sent, and write it into the books."

    def handle(self, *args: Any, **options: Any) -> None:
        run_daemon(_main)


async def _main() -> None:
    async with open_desk() as desk:
        resolver = Resolver(desk)
        heart = Heart(
            "resolver",
            writer=desk.writer,
            clock=utc_now,
            detail=lambda: {"rpc": rpc_weather(desk.gateways.rpc, now=utc_now())},
        )
        await run_together(
            desk.conditions.keep_price_fresh(),
            every(STEP_SECONDS, resolver.step, name="resolving"),
            every(BEAT_SECONDS, heart.beat, name="heartbeat"),
        )
