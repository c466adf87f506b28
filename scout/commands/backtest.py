"""`manage.py scout backtest TRADES.csv`: what copying these wallets would have made, without any database."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.management.base import BaseCommand, CommandError

from scout.research.backtest import Backtest, backtest_of, sentence
from scout.research.blocks import UnreadableTrades
from scout.research.curve import as_svg, as_text
from scout.research.facts import facts_beside
from scout.research.replay import Replay, known_prices, replay, with_births
from scout.research.setting import Assumptions, Setting
from scout.research.trades import Trades, read_trades
from scout.research.verdicts import Limits, summary
from scout.research.walk_forward import fold_begins, walk_forward
from trading.domain.leaders import ExitMode, Following
from trading.domain.policy import Policy, PolicyInvalid, from_json
from trading.domain.values import LAMPORTS_PER_SOL, lamports_to_sol, sol_to_lamports

HELP = "Replay wallets' trades as we would have copied them: verdict, trades, costs, equity."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("trades", type=Path, metavar="TRADES.csv")
    parser.add_argument("--wallet", help="one wallet in full; without it a table of all")
    parser.add_argument("--size-sol", default="0.5", help="what a copy spends (default 0.5)")
    parser.add_argument("--strategy", choices=("SHIELD", "SPEAR"), default="SHIELD")
    parser.add_argument("--exit-mode", choices=[*ExitMode], default=ExitMode.MIXED)
    parser.add_argument("--policy", type=Path, metavar="FILE", help="a policy revision as JSON")
    parser.add_argument("--as-of", type=int, metavar="TIMESTAMP", help="ignore what is later")
    parser.add_argument(
        "--walk-forward", action="store_true",
        help="choose SHIELD or SPEAR for each wallet on its past, judge it on what came after",
    )  # fmt: skip
    parser.add_argument("--since", type=int, metavar="TIMESTAMP", help="judge buys from then on")
    parser.add_argument("--sol-usd", type=float, help="price of SOL where a row has none")
    parser.add_argument("--lenient", action="store_true", help="leave bad rows out, naming each")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write JSON, CSV and SVG there")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """A replay and what it rests on."""

    trades: pd.DataFrame
    others: pd.DataFrame
    until: int
    replay: Replay
    limits: Limits
    since: int | None


def handle(command: BaseCommand, options: dict[str, Any]) -> int:
    """0; CommandError says what is wrong with the input and what to do about it."""
    try:
        study = _study(command, options)
        if options["walk_forward"]:
            _show_walk_forward(command, study, options)
        elif options["wallet"] is None:
            _show_all(command, study, options)
        else:
            _show_one(command, study, options)
    except (UnreadableTrades, LookupError) as error:
        raise CommandError(str(error.args[0])) from error
    return 0


def _study(command: BaseCommand, options: dict[str, Any]) -> _Study:
    setting = _setting(options)
    source = options["trades"]
    read = read_trades(source, is_strict=not options["lenient"], keep_signatures=True)
    for row in read.bad_rows:
        command.stderr.write(f"left out, {row}")
    facts = facts_beside(source)
    trades, until = _until(read, options["as_of"])
    trades, others = with_births(trades, facts), known_prices(facts, until)
    return _Study(
        trades=trades,
        others=others,
        until=until,
        replay=replay(trades, setting=setting, others=others, until=until),
        limits=Limits(),
        since=options["since"],
    )


def _until(read: Trades, as_of: int | None) -> tuple[pd.DataFrame, int]:
    trades = read.rows if as_of is None else read.known_at(as_of)
    if trades.empty:
        raise UnreadableTrades("there is no swap up to --as-of: choose a later moment")
    return trades, int(trades["ts"].max()) if as_of is None else as_of


def _setting(options: dict[str, Any]) -> Setting:
    try:
        assumptions = Assumptions(
            size_lamports=sol_to_lamports(Decimal(options["size_sol"])),
            sol_price_usd=options["sol_usd"],
        )
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise CommandError(f"--size-sol or --sol-usd: a number above 0 ({error})") from error
    return Setting(
        strategy=options["strategy"],
        policy=Policy() if options["policy"] is None else _policy(options["policy"]),
        following=Following(exit_mode=ExitMode(options["exit_mode"])),
        assumptions=assumptions,
    )


def _policy(path: Path) -> Policy:
    try:
        return from_json(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        problem = error.errors if isinstance(error, PolicyInvalid) else error
        raise CommandError(f"--policy {path}: {problem}") from error


def _show_all(command: BaseCommand, study: _Study, options: dict[str, Any]) -> None:
    table = summary(study.replay, limits=study.limits, since=study.since)
    _show_table(command, table, study.limits, options)


def _show_table(
    command: BaseCommand, table: pd.DataFrame, limits: Limits, options: dict[str, Any]
) -> None:
    table["text"] = [sentence(row, limits=limits) for _, row in table.iterrows()]
    if options["out"] is not None:
        options["out"].mkdir(parents=True, exist_ok=True)
        table.to_csv(options["out"] / "backtests.csv")
    if options["json"]:
        rows = table.reset_index().to_dict("records")
        command.stdout.write(json.dumps(rows, indent=1))
        return
    command.stdout.write(f"{'wallet':44} {'verdict':19} {'copies':>6} {'SOL':>9}  why")
    table = table.sort_values("pnl_lamports", ascending=False, kind="stable")
    for wallet, row in table.iterrows():
        pnl = lamports_to_sol(int(row["pnl_lamports"]))
        command.stdout.write(
            f"{wallet!s:44} {row['verdict']:19} {row['copies']:6d} {pnl:+9.3f}  {row['text']}"
            + (f" ({row['ways']})" if "ways" in row else "")
        )
    counts = table["verdict"].value_counts().sort_index()
    command.stdout.write("\n" + ", ".join(f"{count} {name}" for name, count in counts.items()))


def _show_walk_forward(command: BaseCommand, study: _Study, options: dict[str, Any]) -> None:
    """Each wallet as followed in the way that had made most so far; the table of what came after."""
    other = "SPEAR" if study.replay.setting.strategy == "SHIELD" else "SHIELD"
    setting = replace(study.replay.setting, strategy=other)
    second = replay(study.trades, setting=setting, others=study.others, until=study.until)
    begins = fold_begins(first=int(study.trades["ts"].min()), until=study.until)
    result = walk_forward([study.replay, second], begins=begins, limits=study.limits)
    names = {0: study.replay.setting.strategy, 1: other, -1: "not followed"}
    ways = result.choices.apply(lambda row: ", ".join(names[each] for each in row), axis=1)
    table = result.table.assign(ways=ways)
    if options["wallet"] is not None:
        if options["wallet"] not in table.index:
            raise LookupError(f"{options['wallet']} has no swap in this history")
        table = table.loc[[options["wallet"]]]
    if not options["json"]:
        days = ", ".join(_moment(each) for each in begins)
        command.stdout.write(f"chosen on the past and judged on what came after: {days}")
    _show_table(command, table, study.limits, options)


def _show_one(command: BaseCommand, study: _Study, options: dict[str, Any]) -> None:
    result = backtest_of(
        study.replay,
        study.trades,
        wallet=options["wallet"],
        limits=study.limits,
        since=study.since,
    )
    text = json.dumps(result.as_json(), indent=1)
    if options["out"] is not None:
        _write(options["out"], result, text)
    if options["json"]:
        command.stdout.write(text)
        return
    for line in _report(result):
        command.stdout.write(line)


def _write(folder: Path, result: Backtest, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.wallet}.json").write_text(text + "\n")
    title = f"{result.wallet} · {result.verdict}"
    (folder / f"{result.wallet}.svg").write_text(as_svg(result.curve, title=title))


def _report(result: Backtest) -> Iterable[str]:
    """The backtest for people: verdict, money, refusals, equity, every trade."""
    yield f"{result.wallet}: {result.verdict}"
    yield result.text
    yield ""
    yield f"{result.buys} buys of the leader, {result.repeated} of them while we held or could hold no more"
    yield f"{result.chances} chances, {sum(result.refusals.values())} refused, {len(result.copies)} copied"
    for code, count in result.refusals.items():
        yield f"  {count:6d}  {code}"
    yield ""
    yield f"{_sol(result.gross_lamports)} at the leader's prices"
    for name, lamports in result.costs.items():
        yield f"{_sol(-lamports)}   {name.replace('_', ' ')}"
    yield f"{_sol(result.pnl_lamports)} net; deepest fall {lamports_to_sol(result.drawdown_lamports):.4f} SOL"
    yield f"equity  {as_text(result.curve)}"
    yield _resolution(result)
    yield ""
    yield f"{'entry':16} {'exit':16} {'token':10} {'SOL in':>7} {'net':>9} {'costs':>8}  sold because"
    for copy in result.copies:
        reasons = ", ".join(dict.fromkeys(sale.reason for sale in copy.sales))
        yield (
            f"{_moment(copy.opened_at)} {_moment(copy.closed_at)} {copy.symbol[:10] or copy.token[:10]:10}"
            f" {copy.size_lamports / LAMPORTS_PER_SOL:7.3f} {copy.pnl_lamports / LAMPORTS_PER_SOL:+9.4f}"
            f" {sum(copy.costs.values()) / LAMPORTS_PER_SOL:8.4f}  {reasons}"
        )


def _resolution(result: Backtest) -> str:
    seen = result.resolution
    if seen.seconds_per_tick is None:
        return "no copy, so no price was needed"
    return (
        f"prices known: one every {seen.seconds_per_tick / 60:.0f} min held (median);"
        f" none between entry and exit for {seen.blind_copies} of {len(result.copies)} copies"
    )


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _sol(lamports: int) -> str:
    return f"{lamports / LAMPORTS_PER_SOL:+10.4f} SOL"
