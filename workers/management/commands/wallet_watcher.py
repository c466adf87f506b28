"""`manage.py wallet_watcher`: hears by ourselves what the followed leaders do."""

import random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trading.gateways.feeds import FeedSettings
from trading.reach import open_gateways
from trading.services.leader_trades import take_in
from workers.heartbeat import BEAT_SECONDS, Heart
from workers.runtime import every, run_daemon, run_together, utc_now
from workers.wallet_watcher import Means, WalletWatcher
from workers.wiring import open_writer


class Command(BaseCommand):
    help = "Run the wallet watcher: hear what leaders do, and find what nobody told."

    def handle(self, *args: Any, **options: Any) -> None:
        run_daemon(_main)


async def _main() -> None:
    async with open_writer() as writer, open_gateways(books=writer) as gateways:
        watcher = WalletWatcher(
            Means(
                rpc=gateways.rpc,
                writer=writer,
                hear=lambda heard: take_in(heard, now=utc_now()),
                clock=utc_now,
                chance=random.SystemRandom(),
                socket=_socket(),
            )
        )
        heart = Heart("wallet_watcher", writer=writer, clock=utc_now, detail=watcher.detail)
        try:
            await run_together(*watcher.loops(), every(BEAT_SECONDS, heart.beat, name="heartbeat"))
        finally:
            await watcher.drain()


def _socket() -> FeedSettings | None:
    if not settings.WS_URL:
        return None
    return FeedSettings(url=settings.WS_URL, subscriptions=settings.WS_SUBSCRIPTIONS)
