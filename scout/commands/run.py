"""`manage.py scout run`: reads, scores and compares wallets in this process, and shows how far it is."""

import csv
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scout.chain import ChainReader, open_chain, sol_price_usd
from scout.models import RunState, ScoreState, ScoutRun, Source
from scout.services import queue, runs
from scout.services.queue import Find
from trading.gateways.base import GatewayError

HELP = "Read wallets' histories, score and backtest them, and renew the roster."
ACTOR = "scout run"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--wallets",
        type=Path,
        metavar="FILE",
        help="addresses, one a line (or a CSV's first column)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the roster there instead of using it"
    )
    parser.add_argument("--dry-run", action="store_true", help="judge, and change no place")
    parser.add_argument(
        "--min-wqs-active", type=int, metavar="70", help="judge by WQS, ACTIVE from here on"
    )
    parser.add_argument(
        "--min-wqs-candidate", type=int, metavar="40", help="judge by WQS, CANDIDATE from here on"
    )
    parser.add_argument(
        "--min-liquidity-shield", type=int, metavar="10000", help="USD; else the policy's"
    )
    parser.add_argument(
        "--min-liquidity-spear", type=int, metavar="5000", help="USD; else the policy's"
    )
    parser.add_argument(
        "--skip-backtest", action="store_true", help="only score: nobody becomes ACTIVE by it"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def handle(command: BaseCommand, options: dict[str, Any]) -> int:
    """0 when the run finished, 1 when it ended with a reason; CommandError when it could not begin."""
    addresses = _wallets(options["wallets"]) if options["wallets"] else None
    _see_that_the_chain_answers()
    now = timezone.now()
    try:
        run = runs.begin(
            queue.chosen(now=now) if addresses is None else addresses,
            actor=ACTOR,
            parameters=_parameters(options),
            now=now,
        )
    except runs.UnableToRun as error:
        raise CommandError(str(error)) from None
    if addresses:
        finds = [Find(address=each, source=Source.IMPORT) for each in addresses]
        queue.enqueue(finds, now=now)
    try:
        _work(command, run)
    except KeyboardInterrupt:
        runs.end(run.pk, reason="interrupted at the terminal", now=timezone.now())
    return _tell(command, ScoutRun.objects.get(pk=run.pk), is_json=options["json"])


def _see_that_the_chain_answers() -> None:
    """Otherwise every wallet would be waited for in vain, one after the other."""
    try:
        with open_chain() as chain:
            chain.greet()
    except GatewayError as error:
        raise CommandError(
            f"no node answers ({error}): start the platform with the same CHIMERA_DATA_DIR, or name a node in RPC_URLS"
        ) from None


def _wallets(file: Path) -> list[str]:
    """The addresses of a file; CommandError names every line that is none."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = [row[0].strip() if row else "" for row in csv.reader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: {error}") from None
    named = [(number, text) for number, text in enumerate(rows, 1) if text and text[0] != "#"]
    if named and named[0][1].lower() in ("wallet", "address"):
        del named[0]
    wrong = [f"line {number}: {text[:44]!r}" for number, text in named if not queue.is_wallet(text)]
    if wrong:
        raise CommandError(f"{file} names no wallet in {', '.join(wrong[:10])}")
    if not named:
        raise CommandError(f"{file} names no wallet")
    return [text for _, text in named]


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    names = (
        "min_wqs_active", "min_wqs_candidate", "min_liquidity_shield", "min_liquidity_spear",
        "skip_backtest", "dry_run",
    )  # fmt: skip
    output = options["output"]
    return {
        **{name: options[name] for name in names if options[name] not in (None, False)},
        **({"output": str(output.resolve())} if output else {}),
        "sol_price_usd": sol_price_usd(),
    }


def _work(command: BaseCommand, run: ScoutRun) -> None:
    """The same steps as the workers', one after the other."""
    waiting = runs.waiting(run.pk)
    with open_chain() as chain:
        for done, address in enumerate(waiting, 1):
            _read(chain, run, address)
            _progress(f"reading histories {done}/{len(waiting)}")
    _progress(f"comparing {len(waiting)} wallets")
    runs.finish(run.pk, now=timezone.now())
    _progress("")


def _read(chain: ChainReader, run: ScoutRun, address: str) -> None:
    runs.read(run.pk, address, chain=chain, now=timezone.now())


def _progress(text: str) -> None:
    """On a terminal only, in place."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _tell(command: BaseCommand, run: ScoutRun, *, is_json: bool) -> int:
    scores = run.scores.filter(state=ScoreState.JUDGED).defer("backtest")
    failed = run.scores.filter(state=ScoreState.FAILED)
    if is_json:
        command.stdout.write(json.dumps(_as_json(run), indent=1))
        return 0 if run.state == RunState.FINISHED else 1
    command.stdout.write(
        f"{'wallet':44} {'place':9} {'skill':>8} {'P>0':>5} {'WQS':>6} {'backtest':19} archetype"
    )
    for score in scores:
        command.stdout.write(
            f"{score.address:44} {score.status:9} {_figure(score.skill, 8)}"
            f" {_figure(score.p_positive, 5)} {_figure(score.wqs, 6, 1)} {score.verdict:19}"
            f" {score.archetype}"
        )
    for score in failed:
        command.stderr.write(f"{score.address}: {score.text}")
    command.stdout.write(f"\n{run.state}: {run.text}")
    command.stdout.write(f"{settings.WEB_URL}/scout/{run.pk}/")
    return 0 if run.state == RunState.FINISHED else 1


def _figure(value: float | None, width: int, places: int = 2) -> str:
    return f"{'–' if value is None else f'{value:.{places}f}':>{width}}"


def _as_json(run: ScoutRun) -> dict[str, Any]:
    names = (
        "address", "state", "text", "status", "skill", "p_positive", "copy_return", "wqs", "archetype",
        "verdict", "reasons", "owner",
    )  # fmt: skip
    return {
        "run": str(run.pk),
        "state": run.state,
        "text": run.text,
        "summary": run.summary,
        "wallets": list(run.scores.values(*names)),
    }
