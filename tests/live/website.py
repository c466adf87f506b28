"""A real web process on its own database, and a browser in front of it; no tests here."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Browser, Page, sync_playwright

from tests.ports import leased_port

REPOSITORY = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
]
START_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Website:
    """A running web process. `scene` runs Python beside it, as another process of the platform would."""

    url: str
    environment: dict[str, str]

    def scene(self, code: str) -> None:
        """Make rows with the factories and leave; hints get a moment to be carried."""
        prelude = "from tests.factories import *; from trading import live; import time\n"
        script = f"{prelude}{code}\ntime.sleep(0.3)"
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-v0", "-c", script],
            cwd=REPOSITORY,
            env=self.environment,
            check=True,
        )


@contextmanager
def website(directory: Path, *, broker: Path) -> Iterator[Website]:
    """A migrated database with two people in it, served by daphne on a free port."""
    environment = {
        **os.environ,
        "CHIMERA_MODE": "sandbox",
        "CHIMERA_PROCESS": "web",
        "CHIMERA_DATA_DIR": str(directory),
        "RUNTIME_DIR": str(broker.parent),
        "REDIS_URL": f"unix://{broker}",
        "DATABASE_URL": f"sqlite:///{directory}/web.sqlite3",
        "DJANGO_SETTINGS_MODULE": "tests.live.web_settings",
        "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
        "PYTHONWARNINGS": "default",
    }
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=REPOSITORY, env=environment, check=True)
    log = directory / "web.log"
    with leased_port() as port, log.open("wb") as output:
        site = Website(url=f"http://127.0.0.1:{port}", environment=environment)
        site.scene("make_user('admin', is_staff=True); make_user('trader'); make_trading_state()")
        daphne = [sys.executable, "-m", "daphne", "-v0", "-b", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(
            [*daphne, "chimera_site.asgi:application"],
            cwd=REPOSITORY,
            env=environment,
            stderr=output,
        )
        try:
            _wait_for(f"{site.url}/health", process, log)
            yield site
        finally:
            process.terminate()
            process.wait(10)


def browser_path() -> str | None:
    """The machine's own Chromium, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser_path(), args=BROWSER_ARGUMENTS)
        yield running
        running.close()


def log_in(page: Page, site: Website, name: str = "trader") -> None:
    page.goto(f"{site.url}/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", name)
    page.click("button[type=submit]")
    page.wait_for_url(f"{site.url}/")


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer: {log.read_text()}")
