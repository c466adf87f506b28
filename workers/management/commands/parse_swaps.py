"""`manage.py parse_swaps [--wallet ADDRESS] FILE…`: what one wallet swapped in each recorded transaction."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from trading.domain.replies import as_json, unreadable_json, unwrap
from trading.domain.swaps import TransactionUnreadable, parse_swap
from trading.gateways.jito import TIP_ACCOUNTS

READ, UNREADABLE = 0, 1


class Command(BaseCommand):
    help = (
        "Print one JSON line for each file, in order: what the wallet swapped there, net of fee, tip, plain "
        "payments and rent. A file is a getTransaction result, a whole JSON-RPC reply or a Helius enhanced "
        "object; of an array every transaction has its line. What cannot be read has a line too, with the "
        "reason in `err`. Exit status: 0 all read, 1 something was not."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wallet", metavar="ADDRESS", help="default: who paid the fee")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        status = READ
        for file in options["files"]:
            for line in _lines(file, options["wallet"]):
                if line["class"] == "UNREADABLE":
                    status = UNREADABLE
                    self.stderr.write(f"{file}: {line['err']['unreadable']}")
                self.stdout.write(json.dumps(line))
        sys.exit(status)


def _lines(file: Path, wallet: str | None) -> Iterator[dict[str, Any]]:
    try:
        transactions = unwrap(json.loads(file.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        yield unreadable_json(str(error), wallet=wallet)
        return
    for transaction in transactions:
        try:
            yield as_json(parse_swap(transaction, wallet=wallet, tip_accounts=TIP_ACCOUNTS))
        except TransactionUnreadable as error:
            yield unreadable_json(str(error), wallet=wallet)
