"""`manage.py probe`: is everything outside that is configured there, and what we take it for? Read only."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management.base import BaseCommand

from trading.outside import endpoints
from trading.probe.findings import Report
from trading.probe.look import Targets, look

SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Ask every configured endpoint what it has to answer, and send nothing. "
        "Exit status: 0 all fine, 1 something is broken, 2 usable with warnings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the report as JSON")
        parser.add_argument(
            "--seconds",
            type=float,
            default=SECONDS,
            help=f"patience for one answer (default {SECONDS:g})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = asyncio.run(_look(options["seconds"]))
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), indent=2))
        else:
            self.stdout.write("\n".join(report.as_lines()))
        sys.exit(int(report.outcome))


async def _look(seconds: float) -> Report:
    return await look(
        Targets(
            endpoints=endpoints(),
            ws_url=settings.WS_URL,
            helius_webhooks_url=_helius_webhooks(),
            is_mainnet_wanted=not settings.HAS_SANDBOX,
            seconds=seconds,
        )
    )


def _helius_webhooks() -> str:
    """Where Helius lists our webhooks, its key in it; empty where there is none."""
    if not settings.HELIUS_API_KEY:
        return ""
    key = quote(settings.HELIUS_API_KEY, safe="")
    return f"{settings.HELIUS_API_URL.rstrip('/')}/v0/webhooks?api-key={key}"
