"""`manage.py executor`: claims signals, decides on them, signs and sends."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trading import live
from workers.executor import RENEW_SECONDS, Executor, listen_for_wakes
from workers.guard import rpc_weather
from workers.heartbeat import BEAT_SECONDS, Heart
from workers.rosters import take_over_on_hangup
from workers.runtime import every, run_daemon, run_together, utc_now
from workers.wiring import open_desk


class Command(BaseCommand):
    help = "Run the executor: claim signals, decide on them, sign and send."

    def handle(self, *args: Any, **options: Any) -> None:
        run_daemon(_main, is_first=True)


async def _main() -> None:
    async with open_desk() as desk:
        executor = Executor(
            desk, entry_seats=settings.EXECUTION_SEATS, exit_seats=settings.EXIT_SEATS
        )
        heart = Heart(
            "executor",
            writer=desk.writer,
            clock=utc_now,
            detail=lambda: {"rpc": rpc_weather(desk.gateways.rpc, now=utc_now())},
        )
        transport = await listen_for_wakes(live.ear(), executor.wake)
        try:
            await run_together(
                desk.conditions.keep_fresh(),
                every(BEAT_SECONDS, heart.beat, name="heartbeat"),
                every(RENEW_SECONDS, executor.renew, name="renewing leases"),
                take_over_on_hangup(settings.ROSTER_FILE, clock=utc_now),
                executor.consume(),
            )
        finally:
            transport.close()
