"""`manage.py verify_books`: compares the books with the chain, to the lamport."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from trading.gateways.base import GatewayError
from trading.reach import ledger_name, open_gateways
from trading.reconciliation.check import reconcile
from trading.reconciliation.findings import Report
from trading.reconciliation.reader import UnableToRead

EQUAL, DIFFERENT, NOT_CHECKED = 0, 1, 2
SETTLE_SECONDS = 15.0


class Command(BaseCommand):
    help = (
        "Recompute from chain data alone what our wallet bought, sold and paid, and compare with the "
        "books. Exit status: 0 equal, 1 differences, 2 could not check."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the report as JSON")
        parser.add_argument(
            "--settle",
            type=float,
            default=SETTLE_SECONDS,
            metavar="SECONDS",
            help=f"how long to wait for what is in flight (default {SETTLE_SECONDS:g})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = asyncio.run(_check(options["settle"]))
        except (UnableToRead, GatewayError) as error:
            self.stderr.write(f"could not check: {error} (is the platform running?)")
            sys.exit(NOT_CHECKED)
        except DatabaseError as error:
            self.stderr.write(f"could not check: the books cannot be read: {error}")
            sys.exit(NOT_CHECKED)
        if options["json"]:
            self.stdout.write(json.dumps({**report.as_json(), "against": ledger_name()}, indent=2))
        else:
            self.stdout.write(f"the books against {ledger_name()}")
            self.stdout.write("\n".join(report.as_lines()))
        sys.exit(EQUAL if report.is_equal else DIFFERENT)


async def _check(settle_seconds: float) -> Report:
    async with open_gateways() as gateways:
        return await reconcile(gateways.rpc, settle_seconds=settle_seconds)
