"""`manage.py scout score|…`: wiring only; each subcommand is a module of `scout.commands`."""

import sys
from argparse import ArgumentParser
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand

from scout.commands import backtest, importing, merge, run, score

SUBCOMMANDS: dict[str, ModuleType] = {
    "backtest": backtest,
    "import": importing,
    "merge": merge,
    "run": run,
    "score": score,
}


class Command(BaseCommand):
    help = "Study wallets' histories: whom is worth following, and why."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="subcommand")
        for name, module in SUBCOMMANDS.items():
            subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
            module.add_arguments(subparser)

    def handle(self, *args: Any, **options: Any) -> None:
        module = SUBCOMMANDS[options["subcommand"]]
        sys.exit(module.handle(self, options))
