"""`manage.py platform`: sets the data up and runs every process of the platform until told to stop."""

import asyncio
import os
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from workers import leash, lock, ports, processes, run_env
from workers.console import Console
from workers.processes import Wiring
from workers.run_env import write_private
from workers.summary import summary
from workers.supervisor import OWN_NAME, Supervisor, UnableToStart

PREFERRED_PORTS = {"WEB_PORT": 8000, "INGRESS_PORT": 8080, "SANDBOX_PORT": 8899}
REMIND_SECONDS = 10.0


class Command(BaseCommand):
    help = "Runs the whole platform: one log, restarts, and a clean end on Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-market", action="store_true", help="sandbox: leaders trade only when told to"
        )
        parser.add_argument(
            "--history-days", type=float, help="sandbox: length of the past made at the first start"
        )
        parser.add_argument(
            "--stop-with-parent", action="store_true", help="also stop when the caller ends"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stop_with_parent"]:
            leash.tie_to_parent(signal.SIGTERM)
        self.console = Console(sys.stdout, is_coloured=sys.stdout.isatty())
        with ExitStack() as stack:
            try:
                stack.enter_context(lock.held(settings.DATA_DIR / "platform.lock"))
            except lock.AlreadyRunning as error:
                raise CommandError(_already_running(error.holder)) from None
            self.set_up()
            wiring = self.wire(stack, sandbox_options=sandbox_options(options))
            shutil.rmtree(wiring.metrics_dir, ignore_errors=True)
            stack.enter_context(
                run_env.published(settings.DATA_DIR / "run.env", wiring.addresses())
            )
            asyncio.run(self.run(wiring))

    def set_up(self) -> None:
        self.say(f"mode {settings.MODE}, data in {settings.DATA_DIR}")
        if settings.HAS_SANDBOX:
            # The signal provider reads the secret from this file, also when we got it elsewhere.
            write_private(settings.DATA_DIR / "webhook_secret", settings.WEBHOOK_SECRET)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("prepare")
        call_command("collectstatic", verbosity=0, interactive=False)

    def wire(self, stack: ExitStack, *, sandbox_options: tuple[str, ...]) -> Wiring:
        """Choose the ports, which stay ours as long as `stack` is open."""
        names = [name for name in PREFERRED_PORTS if settings.HAS_SANDBOX or name != "SANDBOX_PORT"]
        port_of = {name: lease(name, stack) for name in names}
        own_socket = settings.RUNTIME_DIR / "redis.sock"
        return Wiring(
            mode=settings.MODE,
            data_dir=settings.DATA_DIR,
            runtime_dir=settings.RUNTIME_DIR,
            web_port=port_of["WEB_PORT"],
            ingress_port=port_of["INGRESS_PORT"],
            sandbox_port=port_of.get("SANDBOX_PORT"),
            redis_socket=own_socket if f"unix://{own_socket}" == settings.REDIS_URL else None,
            sandbox_options=sandbox_options,
        )

    async def run(self, wiring: Wiring) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A terminal that closes ends the platform, unless nohup asked otherwise.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        supervisor = Supervisor(
            services=processes.services(wiring), on_line=self.console.line, cwd=settings.BASE_DIR
        )
        try:
            await self.supervise(supervisor, wiring, stop)
        except UnableToStart as error:
            raise CommandError(str(error)) from None
        finally:
            self.say("stopping")
            await supervisor.stop()
            self.say("everything has stopped")

    async def supervise(self, supervisor: Supervisor, wiring: Wiring, stop: asyncio.Event) -> None:
        """Return when told to stop."""
        began = time.monotonic()
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(stop.wait())
        while not starting.done() and not stopping.done():
            await asyncio.wait(
                {starting, stopping}, timeout=REMIND_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not starting.done() and not stopping.done():
                self.say(f"waiting for {', '.join(supervisor.waiting)}")
        if stopping.done():
            starting.cancel()
            return
        starting.result()
        self.console.box(summary(wiring, seconds=time.monotonic() - began))
        await stopping

    def say(self, line: str) -> None:
        self.console.line(OWN_NAME, line)


def lease(name: str, stack: ExitStack) -> int:
    """The port that the environment demands under `name`, or else the first free one."""
    demanded = os.environ.get(name)
    if demanded and not demanded.isdecimal():
        raise CommandError(f"{name}={demanded} is not a port number.")
    try:
        found = ports.lease_port(int(demanded or PREFERRED_PORTS[name]))
    except ports.NoFreePort as error:
        raise CommandError(str(error)) from None
    stack.callback(found.lock.close)
    if demanded and found.port != int(demanded):
        raise CommandError(f"Port {demanded} ({name}) is taken; free it or choose another.")
    return found.port


def sandbox_options(options: dict[str, Any]) -> tuple[str, ...]:
    """The part of the sandbox's command line that ours decides."""
    leaders = ("--leaders", "off") if options["no_market"] else ()
    days = options["history_days"]
    return (*leaders, *(("--history-days", str(days)) if days is not None else ()))


def _already_running(holder: str) -> str:
    url = settings.WEB_URL
    return (
        f"Chimera already runs with this data directory (process {holder or 'just starting'}): {url}\n"
        f"Stop it with Ctrl-C in its terminal or `kill {holder}`; "
        "another copy runs beside it with CHIMERA_DATA_DIR set to another directory."
    )
