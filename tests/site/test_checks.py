"""A dangerous configuration is refused, and said without giving a secret away."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as site_settings

from chimera_site import checks

STRONG = "0123456789abcdef" * 4
REAL = {
    "RPC_URLS": ["https://rpc.example.com/?api-key=k"],
    "WS_URL": "wss://rpc.example.com",
    "JITO_URL": "https://mainnet.block-engine.jito.wtf",
    "JUPITER_URL": "https://api.jup.ag",
    "DEXSCREENER_URL": "https://api.dexscreener.com",
}


@pytest.fixture
def live(settings, tmp_path):
    """A live configuration without a fault."""
    key = tmp_path / "key.json"
    key.touch(mode=0o600)
    for name, value in REAL.items():
        setattr(settings, name, value)
    settings.MODE = "live"
    settings.DEBUG = False
    settings.SECRET_KEY = settings.WEBHOOK_SECRET = STRONG
    settings.TRADING_KEY_FILE = key
    return settings


def problems() -> set[str]:
    found = [
        *checks.mode_is_known(),
        *checks.no_placeholder_is_left(),
        *checks.secrets_are_strong(),
        *checks.debug_is_off_in_live(),
        *checks.key_fits_the_mode(),
        *checks.somebody_works(),
        *checks.outside_urls_are_given(),
        *checks.outside_urls_fit_the_mode(),
        *checks.urls_are_urls(),
    ]
    return {message.id.removeprefix("chimera.") for message in found if message.id}


@pytest.mark.usefixtures("live")
def test_a_complete_live_configuration_has_no_problem():
    assert problems() == set()


def test_the_sandbox_as_delivered_has_no_problem():
    assert site_settings.MODE == "sandbox"
    assert problems() == set()


def test_an_unknown_mode_is_refused(live):
    live.MODE = "Live"
    assert "E001" in problems()


@pytest.mark.parametrize("text", ["${WEBHOOK_SECRET}", "$WEBHOOK_SECRET", "$(cat x)", "<secret>"])
def test_a_placeholder_is_refused(live, text):
    live.WEBHOOK_SECRET = text
    assert "E002" in problems()


def test_a_placeholder_inside_a_list_or_the_database_is_refused(live):
    live.RPC_URLS = ["https://rpc.example.com/?api-key=${KEY}"]
    assert problems() == {"E002"}


@pytest.mark.parametrize("name", ["SECRET_KEY", "WEBHOOK_SECRET"])
@pytest.mark.parametrize("secret", ["", "short", "a" * 64, "change-me-" * 5, STRONG[:31]])
def test_a_weak_secret_is_refused_outside_the_sandbox(live, name, secret):
    setattr(live, name, secret)
    assert problems() == {"E003"}
    live.MODE = "sandbox"
    assert "E003" not in problems()


def test_a_secret_that_nobody_needs_is_none_or_strong(live):
    live.HELIUS_WEBHOOK_SECRET = ""
    assert not problems()
    live.HELIUS_WEBHOOK_SECRET = "short"
    assert problems() == {"E003"}


def test_debug_is_refused_in_live(live):
    live.DEBUG = True
    assert problems() == {"E004"}


def test_live_without_a_key_is_refused(live):
    live.TRADING_KEY_FILE = Path("/no/such/key.json")
    assert problems() == {"E005"}


def test_a_key_that_others_can_read_is_refused(live):
    live.TRADING_KEY_FILE.chmod(0o640)
    assert problems() == {"E005"}


def test_paper_mode_refuses_a_key(live):
    live.MODE = "paper"
    assert problems() == {"E006"}


@pytest.mark.parametrize("name", sorted(REAL.keys() - {"WS_URL"}))
def test_a_missing_address_is_refused(live, name):
    setattr(live, name, [] if name == "RPC_URLS" else "")
    assert problems() == {"E007"}


@pytest.mark.parametrize("name", ["EXECUTION_SEATS", "EXIT_SEATS", "DATABASE_WRITERS"])
@pytest.mark.parametrize("count", [0, -1])
def test_nobody_to_work_is_refused(live, name, count):
    setattr(live, name, count)
    assert problems() == {"E014"}


def test_a_socket_can_be_done_without(live):
    live.WS_URL = ""
    assert problems() == set()


@pytest.mark.parametrize("mode", ["live", "paper"])
@pytest.mark.parametrize("host", ["127.0.0.1:8899", "localhost:8899", "[::1]:8899"])
def test_sandbox_addresses_are_refused_in_the_real_world(live, mode, host):
    live.MODE = mode
    live.RPC_URLS = [*REAL["RPC_URLS"], f"http://{host}/rpc/primary"]
    assert "E008" in problems()


def test_real_addresses_are_refused_in_the_sandbox(live):
    live.MODE = "sandbox"
    assert "E009" in problems()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("RPC_URLS", "hello"),
        ("RPC_URLS", "wss://rpc.example.com"),
        ("RPC_URLS", "https://[rpc.example.com"),
        ("RPC_URLS", "https://rpc.example.com:port"),
        ("WS_URL", "ftp://rpc.example.com"),
        ("WS_URL", "https://rpc.example.com"),
        ("JITO_URL", "https://"),
        ("TIP_FLOOR_URL", "bundles.jito.wtf/api"),
        ("REDIS_URL", "hello"),
        ("REDIS_URL", "unix://"),
    ],
)
def test_what_is_no_url_of_its_kind_is_refused_by_name(live, name, url):
    setattr(live, name, [*REAL["RPC_URLS"], url] if name == "RPC_URLS" else url)
    assert problems() == {"E015"}
    (message,) = checks.urls_are_urls()
    assert message.msg.startswith(name)
    assert "://" in message.hint


def test_what_is_no_url_is_not_repeated(live):
    live.RPC_URLS = ["s3cret"]
    (message,) = checks.urls_are_urls()
    assert "s3cret" not in f"{message.msg} {message.hint}"


def test_a_neighbouring_container_is_no_real_address(live):
    live.MODE = "sandbox"
    for name in REAL.keys() - {"RPC_URLS", "WS_URL"}:
        setattr(live, name, "http://10.0.0.3:1")
    live.RPC_URLS, live.WS_URL = ["http://sandbox:8899"], "ws://10.0.0.3:1"
    assert problems() == set()


def test_no_message_repeats_a_secret(live):
    live.WEBHOOK_SECRET = live.SECRET_KEY = "${very-secret}"
    live.RPC_URLS = ["http://127.0.0.1/?api-key=hidden"]
    messages = [
        *checks.no_placeholder_is_left(),
        *checks.secrets_are_strong(),
        *checks.outside_urls_fit_the_mode(),
    ]
    assert len(messages) == 5
    assert not any(word in str(messages) for word in ("very-secret", "hidden"))


def test_manage_py_itself_refuses_to_run_a_dangerous_configuration(tmp_path):
    outcome = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={"CHIMERA_MODE": "live", "CHIMERA_DATA_DIR": str(tmp_path), "SECRET_KEY": STRONG},
        cwd=site_settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert {f"chimera.E00{number}" in outcome.stderr for number in (3, 5, 7)} == {True}


@pytest.fixture
def paper(live, tmp_path):
    """A paper configuration without a fault."""
    live.MODE = "paper"
    live.TRADING_KEY_FILE = tmp_path / "none.json"
    live.PAPER_WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
    live.PAPER_CAPITAL_SOL = "50"
    live.PAPER_WORLD = ""
    return live


def paper_problems() -> set[str]:
    found = {message.id.removeprefix("chimera.") for message in checks.paper_is_wired()}
    return found | problems()


@pytest.mark.usefixtures("paper")
def test_a_complete_paper_configuration_has_no_problem():
    assert paper_problems() == set()


@pytest.mark.parametrize("address", ["", "somebody", "7xKX", "0" * 44])
def test_a_paper_wallet_is_an_address(paper, address):
    paper.PAPER_WALLET = address
    assert paper_problems() == {"E010"}


@pytest.mark.parametrize("capital", ["", "0", "-1", "much", "nan", "inf", "0.0000000001", "1e99"])
def test_paper_capital_is_an_amount_of_sol(paper, capital):
    paper.PAPER_CAPITAL_SOL = capital
    assert paper_problems() == {"E012"}


@pytest.mark.parametrize(("mode", "world"), [("live", "sandbox"), ("sandbox", "sandbox")])
def test_only_paper_may_choose_the_sandbox_as_its_world(paper, mode, world):
    paper.MODE, paper.PAPER_WORLD = mode, world
    assert "E011" in paper_problems()


def test_paper_with_the_sandbox_as_its_world_never_talks_to_the_real_one(paper):
    paper.PAPER_WORLD = "sandbox"
    assert paper_problems() == {"E009"}
    for name in REAL.keys() - {"RPC_URLS", "WS_URL"}:
        setattr(paper, name, "http://127.0.0.1:1")
    paper.RPC_URLS, paper.WS_URL = ["http://127.0.0.1:8899"], "ws://127.0.0.1:1"
    assert paper_problems() == set()


def test_live_does_not_reach_the_sandbox_by_way_of_a_paper_setting(live):
    live.PAPER_WORLD = "sandbox"
    live.JITO_URL = "http://127.0.0.1:8899/jito"
    assert {"E008", "E011"} <= paper_problems()
