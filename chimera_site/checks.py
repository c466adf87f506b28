"""System checks that refuse a dangerous configuration; they see settings only, never the network.

No message contains the value that it complains about: it may be a secret or hold one in a URL.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from solders.pubkey import Pubkey

from trading.domain.addresses import NetworksInvalid, read_networks

MODES = ("sandbox", "paper", "live")
SECRETS = ("SECRET_KEY", "WEBHOOK_SECRET")
OPTIONAL_SECRETS = ("HELIUS_WEBHOOK_SECRET",)
OUTSIDE_URLS = ("RPC_URLS", "WS_URL", "JITO_URL", "JUPITER_URL", "DEXSCREENER_URL")
WEB, SOCKET, REDIS = ("https", "http"), ("wss", "ws"), ("redis", "rediss", "unix")
URL_SCHEMES = {
    "RPC_URLS": WEB,
    "WS_URL": SOCKET,
    "JITO_URL": WEB,
    "TIP_FLOOR_URL": WEB,
    "JUPITER_URL": WEB,
    "DEXSCREENER_URL": WEB,
    "HELIUS_API_URL": WEB,
    "HELIUS_POST_TO": WEB,
    "SANDBOX_URL": WEB,
    "INGRESS_URL": WEB,
    "WEB_URL": WEB,
    "REDIS_URL": REDIS,
}
TEXTS = (
    *SECRETS,
    *OPTIONAL_SECRETS,
    *OUTSIDE_URLS,
    "JUPITER_API_KEY",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "DATABASES",
)
WORKERS = ("EXECUTION_SEATS", "EXIT_SEATS", "DATABASE_WRITERS")
PAPER_WORLDS = ("", "sandbox")
MOST_LAMPORTS = 10**16
SHORTEST_SECRET = 32
FEWEST_DIFFERENT_LETTERS = 8
PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|^\$[A-Z_]+$|^<[^>]+>$")
DEFAULT_SECRET = re.compile(r"change.?me|default|django-insecure|example|password|your[-_ ]", re.I)
SILENCE = "If you mean it, list this check's id in SILENCED_SYSTEM_CHECKS."


def chimera_check(check: Callable[[], Iterator[CheckMessage]]) -> Callable[..., list[CheckMessage]]:
    """Register a generator of messages under the tag `chimera`."""

    def run(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
        return list(check())

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    register(run, "chimera")
    return run


@chimera_check
def mode_is_known() -> Iterator[CheckMessage]:
    """E001: CHIMERA_MODE is one of the three."""
    if settings.MODE not in MODES:
        yield Error(
            f"CHIMERA_MODE is {settings.MODE!r}, which is not a mode.",
            hint=f"Use one of {', '.join(MODES)}; without it the sandbox runs.",
            id="chimera.E001",
        )


@chimera_check
def no_placeholder_is_left() -> Iterator[CheckMessage]:
    """E002: no setting still holds the `${NAME}` of a template."""
    for name in TEXTS:
        if any(PLACEHOLDER.search(text) for text in _texts(_value(name))):
            yield Error(
                f"{name} holds a placeholder that nothing has replaced.",
                hint=f"Give {name} its value, or the name of a file with it in {name}_FILE.",
                id="chimera.E002",
            )


@chimera_check
def secrets_are_strong() -> Iterator[CheckMessage]:
    """E003: outside the sandbox, which makes its own, secrets are long and not out of a manual."""
    given = [name for name in OPTIONAL_SECRETS if _value(name)]
    for name in (*SECRETS, *given) if settings.MODE != "sandbox" else ():
        secret = str(_value(name))
        is_short = len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_DIFFERENT_LETTERS
        if is_short or DEFAULT_SECRET.search(secret):
            yield Error(
                f"{name} is missing, shorter than {SHORTEST_SECRET} characters or easily guessed.",
                hint="Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'",
                id="chimera.E003",
            )


@chimera_check
def debug_is_off_in_live() -> Iterator[CheckMessage]:
    """E004: no debug pages where real money moves."""
    if settings.MODE == "live" and settings.DEBUG:
        yield Error("DEBUG is on in live mode.", hint="Remove DEBUG.", id="chimera.E004")


@chimera_check
def key_fits_the_mode() -> Iterator[CheckMessage]:
    """E005, E006: live needs a key that only we can read; paper must not have one."""
    path = settings.TRADING_KEY_FILE
    if settings.MODE == "paper" and path.exists():
        yield Error(
            "Paper mode signs nothing, yet TRADING_KEY_FILE names a key.",
            hint="Remove the key; paper mode refuses it.",
            id="chimera.E006",
        )
    if settings.MODE == "live" and (not path.is_file() or path.stat().st_mode & 0o077):
        yield Error(
            "Live mode needs TRADING_KEY_FILE, a file that its owner alone can read.",
            hint="Create the key, then: chmod 600 on it.",
            id="chimera.E005",
        )


@chimera_check
def paper_is_wired() -> Iterator[CheckMessage]:
    """E010, E011, E012: paper has a wallet that is an address, a world that exists and some capital."""
    if settings.PAPER_WORLD not in PAPER_WORLDS or (
        settings.PAPER_WORLD and settings.MODE != "paper"
    ):
        yield Error(
            "PAPER_WORLD is for paper mode alone, and knows no other world than `sandbox`.",
            hint="Unset PAPER_WORLD, or set CHIMERA_MODE=paper and PAPER_WORLD=sandbox.",
            id="chimera.E011",
        )
    if settings.MODE != "paper":
        return
    if not _is_address(settings.PAPER_WALLET):
        yield Error(
            "PAPER_WALLET is not an address.",
            hint="Any public address with some SOL, such as your own; its key is never asked for.",
            id="chimera.E010",
        )
    if not _is_capital(settings.PAPER_CAPITAL_SOL):
        yield Error(
            "PAPER_CAPITAL_SOL is not an amount of SOL above 0 with at most 9 decimals.",
            hint="Give it as a number, for example 50.",
            id="chimera.E012",
        )


@chimera_check
def proxies_are_networks() -> Iterator[CheckMessage]:
    """E013: who is believed about other people's addresses is named by address."""
    try:
        read_networks(settings.TRUSTED_PROXIES)
    except NetworksInvalid:
        yield Error(
            "TRUSTED_PROXIES names something that is no address or network.",
            hint="Comma separated, for example 127.0.0.1,10.0.0.0/8.",
            id="chimera.E013",
        )


@chimera_check
def somebody_works() -> Iterator[CheckMessage]:
    """E014: without a seat for them, exits would wait for ever; entries are stopped by halting them."""
    for name in WORKERS:
        if getattr(settings, name) < 1:
            yield Error(
                f"{name} is less than 1, so what it counts would never be done.",
                hint=f"Unset {name} or raise it; to stop entries, halt them.",
                id="chimera.E014",
            )


@chimera_check
def outside_urls_are_given() -> Iterator[CheckMessage]:
    """E007: every part of the outside world that cannot be done without has an address."""
    for name in OUTSIDE_URLS:
        # Without a socket the leaders' lists are read instead.
        if name != "WS_URL" and not any(_texts(_value(name))):
            yield Error(f"{name} is not set.", hint=f"Set {name}.", id="chimera.E007")


@chimera_check
def outside_urls_fit_the_mode() -> Iterator[CheckMessage]:
    """E008, E009: live and paper never talk to the sandbox, the sandbox never to the real world.

    Paper may, once PAPER_WORLD says so; then it never talks to the real world.
    """
    is_paper_in_sandbox = settings.MODE == "paper" and settings.PAPER_WORLD == "sandbox"
    has_sandbox = settings.MODE == "sandbox" or is_paper_in_sandbox
    for name in OUTSIDE_URLS:
        hosts = [_host(url) for url in _texts(_value(name)) if url]
        if has_sandbox and not all(map(_is_near, hosts)):
            yield Error(
                f"{name} leads out of this network, and the world is the sandbox.",
                hint=f"Unset {name}: the sandbox brings its own. {SILENCE}",
                id="chimera.E009",
            )
        if not has_sandbox and any(map(_is_loopback, hosts)):
            yield Error(
                f"{name} leads to this machine, as the sandbox's does, in {settings.MODE} mode.",
                hint=f"Point {name} at the real service. {SILENCE}",
                id="chimera.E008",
            )


@chimera_check
def urls_are_urls() -> Iterator[CheckMessage]:
    """E015: what should be a URL is one, of a scheme that its client speaks."""
    for name, schemes in URL_SCHEMES.items():
        if not all(_is_url(url, schemes=schemes) for url in _texts(_value(name)) if url):
            yield Error(
                f"{name} holds something that is no URL of the kind that is needed.",
                hint=f"Let it begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.",
                id="chimera.E015",
            )


def _value(name: str) -> object:
    """A setting; Django raises for an empty SECRET_KEY, which is for these checks to say."""
    try:
        return getattr(settings, name)
    except ImproperlyConfigured:
        return ""


def _is_address(text: str) -> bool:
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True


def _is_capital(text: str) -> bool:
    try:
        lamports = Decimal(text).scaleb(9)
    except InvalidOperation:
        return False
    return lamports.is_finite() and 0 < lamports <= MOST_LAMPORTS and lamports % 1 == 0


def _texts(value: object) -> Iterator[str]:
    """Every string inside a setting."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _is_url(text: str, *, schemes: Sequence[str]) -> bool:
    """A scheme of these and somewhere to go: a host, for a unix socket a path."""
    try:
        url = urlsplit(text)
        place = url.path if url.scheme == "unix" else url.hostname
        return url.scheme in schemes and bool(place) and url.port != 0
    except ValueError:
        return False


def _host(url: str) -> str:
    """Its host, empty if it has none: what is no URL is E015's to say."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_near(host: str) -> bool:
    """This machine, a private address, or the bare name of a neighbour in a container network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or _is_loopback(host)
