"""`manage.py resolver`: asks the chain what became of everything in flight, and reads what was posted to us."""

from typing import Any

from django.core.management.base import BaseCommand

from trading import live
from workers.executor import listen_for_wakes
from workers.guard import rpc_weather
from workers.hearing import NoticeReader
from workers.heartbeat import BEAT_SECONDS, Heart
from workers.resolver import STEP_SECONDS, Resolver
from workers.runtime import every, run_daemon, run_together, utc_now
from workers.wiring import open_desk


class Command(BaseCommand):
    help = (
        "Run the resolver: learn what became of what was sent, write it into the books, and read what was "
        "posted about leaders."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        run_daemon(_main)


async def _main() -> None:
    async with open_desk() as desk:
        resolver = Resolver(desk)
        reader = NoticeReader(rpc=desk.gateways.rpc, writer=desk.writer, clock=utc_now)
        heart = Heart(
            "resolver",
            writer=desk.writer,
            clock=utc_now,
            detail=lambda: {"rpc": rpc_weather(desk.gateways.rpc, now=utc_now())},
        )
        transport = await listen_for_wakes(live.ear(live.NOTICE_EAR), lambda _: reader.wake())
        try:
            await run_together(
                desk.conditions.keep_price_fresh(),
                every(STEP_SECONDS, resolver.step, name="resolving"),
                reader.consume(),
                every(BEAT_SECONDS, heart.beat, name="heartbeat"),
            )
        finally:
            transport.close()
