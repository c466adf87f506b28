"""The sandbox's command line, and its refusal to come near anything real; starts nothing."""

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from workers.sandbox.records import Mode

_LEDGER_FILES = ("genesis.bin", "rocksdb")


class UnsafeOptions(Exception):
    """The sandbox will not start: the text says what looks real."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a sandbox is started with; `port` 0 lets the system choose."""

    data_dir: Path
    host: str
    port: int
    mode: Mode
    slot_ms: int
    seed: int
    history_days: float
    tempo: float
    has_leaders: bool
    extra_tokens: int
    webhook_url: str | None
    webhook_secret: str
    genesis_time: int | None


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """The options given; UnsafeOptions when something about them or the environment looks real."""
    given = _parser().parse_args(arguments)
    options = Options(
        data_dir=given.data_dir,
        host=given.host,
        port=given.port,
        mode=given.mode,
        slot_ms=given.slot_ms,
        seed=given.seed,
        history_days=given.history_days,
        tempo=given.tempo,
        has_leaders=given.leaders == "on",
        extra_tokens=given.extra_tokens,
        webhook_url=given.webhook_url,
        webhook_secret=_secret(given.webhook_secret_file),
        genesis_time=given.genesis_time,
    )
    _refuse_the_real(options, environment)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers.sandbox",
        description="A Solana cluster in a box, for loopback only.",
    )
    add = parser.add_argument
    add("--data-dir", type=Path, required=True, help="where the chain and the url file are kept")
    add("--host", default="127.0.0.1", help="a loopback address")
    add("--port", type=_within(int, 0, 65_535), required=True, help="0: any free port")
    add("--mode", choices=("slot", "instant"), default="slot")
    add("--slot-ms", type=_within(int, 10, 60_000), default=400)
    add("--seed", type=int, default=1)
    add("--history-days", type=_within(float, 0, 400), default=10.0)
    add("--tempo", type=_within(float, 0, 10_000), default=30.0, help="market speed against real")
    add("--leaders", choices=("on", "off"), default="on")
    add("--extra-tokens", type=_within(int, 0, 10_000), default=0, help="more majors, for load")
    add("--webhook-url", help="where the signal provider posts")
    add("--webhook-secret-file", type=Path)
    add("--genesis-time", type=_within(int, 0, 2**40), help="unix seconds; default: history ago")
    return parser


def _within(kind: type[int] | type[float], low: float, high: float) -> "_Range":
    return _Range(kind=kind, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """An argparse type: a number between two bounds."""

    kind: type[int] | type[float]
    low: float
    high: float

    def __call__(self, text: str) -> float:
        value = self.kind(text)
        if not self.low <= value <= self.high:
            raise argparse.ArgumentTypeError(f"must be from {self.low} to {self.high}")
        return value


def _secret(path: Path | None) -> str:
    return path.read_text().strip() if path is not None else ""


def _refuse_the_real(options: Options, environment: Mapping[str, str]) -> None:
    if not _is_loopback(options.host):
        raise UnsafeOptions(f"--host {options.host} is not a loopback address")
    if environment.get("CHIMERA_MODE", "sandbox") == "live":
        raise UnsafeOptions("CHIMERA_MODE is live: a sandbox has no place there")
    for name in ("RPC_URLS", "JITO_URL", "JUPITER_URL"):
        if "mainnet" in environment.get(name, ""):
            raise UnsafeOptions(f"{name} points to mainnet: a sandbox has no place there")
    real = [name for name in _LEDGER_FILES if (options.data_dir / name).exists()]
    if real:
        raise UnsafeOptions(f"{options.data_dir} looks like a validator's ledger: {real[0]}")
    _check_webhook(options)


def _check_webhook(options: Options) -> None:
    if options.webhook_url is None:
        return
    parts = urlsplit(options.webhook_url)
    if parts.scheme not in ("http", "https") or not _is_loopback(parts.hostname or ""):
        raise UnsafeOptions(f"--webhook-url {options.webhook_url} is not on this machine")
    if not options.webhook_secret:
        raise UnsafeOptions("--webhook-url needs --webhook-secret-file with a secret in it")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
