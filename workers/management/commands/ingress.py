"""`manage.py ingress`: the signal door, a lean process of its own."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workers.runtime import tune_for_latency


class Command(BaseCommand):
    help = "Run the signal door (POST /api/v1/webhook)."
    # The admin's checks would ask for the middleware that this process leaves out on purpose.
    requires_system_checks = ["chimera"]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8080)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PROCESS != "ingress":
            # Settings are read before this line, so the process starts over under its own profile.
            environment = {**os.environ, "CHIMERA_PROCESS": "ingress"}
            os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
        if not 0 < options["port"] < 65536:
            raise CommandError("--port: 1 to 65535")
        tune_for_latency()
        uvicorn.run(
            "chimera_site.ingress:application",
            factory=True,
            host=options["host"],
            port=options["port"],
            loop="uvloop",
            http="chimera_site.connections:Connection",
            # A POST that offers one would else be left without any answer.
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            # Nobody asks for the caller's address, so nobody pays for reading it out of headers.
            proxy_headers=False,
            date_header=False,
            log_level="warning",
        )
