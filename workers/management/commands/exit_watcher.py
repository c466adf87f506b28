"""`manage.py exit_watcher`: prices open positions and asks for their exits."""

from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trading.reach import open_gateways
from workers.checkpoints import CHECKPOINT_SECONDS, Checkpoints
from workers.custody import CUSTODY_SECONDS, Custody
from workers.exit_watcher import STEP_SECONDS, ExitWatcher
from workers.guard import GUARD_SECONDS, Guard, rpc_weather
from workers.heartbeat import BEAT_SECONDS, Heart
from workers.price_watch import STEP_SECONDS as PRICE_SECONDS
from workers.price_watch import PriceWatch
from workers.runtime import every, run_daemon, run_together, utc_now
from workers.sampler import STEP_SECONDS as SAMPLE_SECONDS
from workers.sampler import Sampler
from workers.stocktaking import STOCKTAKING_SECONDS, Stocktaking
from workers.wiring import open_signer, open_writer


class Command(BaseCommand):
    help = "Run the exit watcher: price every open position and ask for the exits that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        run_daemon(_main)


async def _main() -> None:
    wallet = str(open_signer().pubkey)
    async with (
        open_writer() as writer,
        open_gateways(books=writer) as gateways,
        open_writer() as guards_writer,
    ):
        watcher = ExitWatcher(gateways=gateways, writer=writer, wallet=wallet, clock=utc_now)
        custody = Custody(rpc=gateways.rpc, writer=writer, wallet=wallet, clock=utc_now)
        guard = Guard(
            sources=watcher.sources,
            writer=guards_writer,
            clock=utc_now,
            seen_price=lambda: watcher.sol_price,
        )
        sampler = Sampler(
            market_data=gateways.market_data,
            writer=writer,
            clock=utc_now,
            seen_sol=lambda: watcher.sol_price,
        )
        prices_after = PriceWatch(sources=watcher.sources, writer=writer, clock=utc_now)
        stocktaking = Stocktaking(
            writer=guards_writer,
            clock=utc_now,
            silence_seconds=settings.SOURCE_SILENCE_SECONDS,
        )
        heart = Heart(
            "watcher",
            writer=writer,
            clock=utc_now,
            detail=lambda: {
                "priced_at": watcher.priced_at and watcher.priced_at.isoformat(),
                "rpc": rpc_weather(gateways.rpc, now=utc_now()),
            },
        )
        with closing(Checkpoints()) as checkpoints:
            await run_together(
                every(STEP_SECONDS, watcher.step, name="looking at positions"),
                every(
                    CUSTODY_SECONDS, custody.step, name="comparing token accounts with the books"
                ),
                every(SAMPLE_SECONDS, sampler.step, name="sampling markets"),
                every(PRICE_SECONDS, prices_after.step, name="prices after leaders' swaps"),
                every(GUARD_SECONDS, guard.step, name="the circuit breaker"),
                every(STOCKTAKING_SECONDS, stocktaking.step, name="taking stock of the sources"),
                every(CHECKPOINT_SECONDS, checkpoints.step, name="carrying SQLite's log over"),
                every(BEAT_SECONDS, heart.beat, name="heartbeat"),
            )
