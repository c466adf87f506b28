"""`manage.py wallet_watcher`: hears by ourselves what the followed leaders do."""

import random
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trading.domain.hearing import WATCHER
from trading.domain.swaps import parse_swap
from trading.gateways.feeds import FeedSettings
from trading.gateways.jito import TIP_ACCOUNTS
from trading.reach import open_gateways
from trading.services.hearings import Told, note_hearing
from workers.following import Heard
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
                hear=_take_in,
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


def _take_in(heard: Heard) -> None:
    parsed = parse_swap(heard.transaction, wallet=heard.leader_address, tip_accounts=TIP_ACCOUNTS)
    if parsed.is_swap:
        note_hearing(
            Told(
                leader_address=heard.leader_address,
                signature=heard.signature,
                heard_at=heard.heard_at,
                slot=parsed.slot,
                traded_at=_moment(parsed.block_time),
                is_recovered=heard.is_recovered,
            ),
            source=WATCHER,
        )


def _moment(unix_seconds: int | None) -> datetime | None:
    return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds, UTC)


def _socket() -> FeedSettings | None:
    if not settings.WS_URL:
        return None
    return FeedSettings(url=settings.WS_URL, subscriptions=settings.WS_SUBSCRIPTIONS)
