"""`manage.py prepare`: the rows without which nothing can be judged or received, in any mode."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workers.runtime import utc_now
from workers.seeding import seed_helius, seed_paper, seed_rules


class Command(BaseCommand):
    help = (
        "Store the default policy, the trading state and the provider of WEBHOOK_SECRET, once; on paper the "
        "paper wallet and its capital too."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.WEBHOOK_SECRET:
            raise CommandError("WEBHOOK_SECRET is not set: nobody could deliver a signal")
        seed_rules(
            mode=settings.MODE,
            webhook_secret=settings.WEBHOOK_SECRET,
            # Where nothing real is at stake entries need nobody's consent.
            is_halted=not settings.HAS_SANDBOX,
            now=utc_now(),
        )
        if settings.HELIUS_WEBHOOK_SECRET:
            seed_helius(secret=settings.HELIUS_WEBHOOK_SECRET, now=utc_now())
        if settings.MODE == "paper":
            seed_paper(
                wallet=settings.PAPER_WALLET, capital_sol=settings.PAPER_CAPITAL_SOL, now=utc_now()
            )
