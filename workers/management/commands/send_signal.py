"""`manage.py send_signal`: signs one signal as a provider would, delivers it, and shows the answer."""

import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from argparse import ArgumentParser
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workers import signal_sender
from workers.signal_sender import Letter, Scheme

ACCEPTED, REJECTED, NO_ANSWER = 0, 1, 2
TIMEOUT_SECONDS = 10.0


class Command(BaseCommand):
    help = (
        "Deliver a signed signal and show the answer, to try a set-up out. Exit status: 0 every answer was "
        "accepted or a duplicate (or was the expected one), 1 another answer, 2 no answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _add_fields(parser)
        where = parser.add_argument_group("where and as whom")
        where.add_argument("--url", help="default: the webhook of this platform's ingress")
        where.add_argument("--secret", help="better in a file: a command line is seen by others")
        where.add_argument("--secret-file", type=Path, help="default: this platform's own secret")
        where.add_argument("--scheme", choices=list(Scheme), default=Scheme.CHIMERA)
        where.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS")
        tries = parser.add_argument_group("what to try")
        tries.add_argument(
            "--repeat", type=int, default=1, metavar="N", help="the same request N times"
        )
        tries.add_argument(
            "--fresh", action="store_true", help="with --repeat: N signals, each its own"
        )
        tries.add_argument(
            "--late", type=int, default=0, metavar="SECONDS", help="signed so long ago"
        )
        tries.add_argument(
            "--future", type=int, default=0, metavar="SECONDS", help="by a clock ahead"
        )
        tries.add_argument(
            "--bad-signature", action="store_true", help="signed with another secret"
        )
        tries.add_argument(
            "--expect", type=int, metavar="STATUS", help="exit 0 when every answer is this"
        )
        tries.add_argument(
            "--dry-run", action="store_true", help="send nothing: print headers and curl"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["repeat"] < 1:
            raise CommandError("--repeat: at least 1")
        if min(options["late"], options["future"]) < 0 or (options["late"] and options["future"]):
            raise CommandError("--late and --future: seconds above 0, and only one of them")
        url = options["url"] or f"{settings.INGRESS_URL}/api/v1/webhook"
        if urlsplit(url).scheme not in ("http", "https"):
            raise CommandError("--url: an http or https address")
        letters = _letters(options)
        if options["dry_run"]:
            self.stdout.write(
                "\n".join(line for letter in letters for line in letter.as_lines(url))
            )
            return
        sys.exit(self.send_all(letters, url, options))

    def send_all(self, letters: list[Letter], url: str, options: dict[str, Any]) -> int:
        """Send each in turn, print each answer; the exit status."""
        worst = ACCEPTED
        for letter in letters:
            try:
                status, body = _post(url, letter, timeout=options["timeout"])
            except (OSError, HTTPException) as error:
                self.stderr.write(f"no answer from {url}: {getattr(error, 'reason', error)}")
                return NO_ANSWER
            self.stdout.write(f"{status} {body}")
            is_good = (
                _is_accepted(status, body)
                if options["expect"] is None
                else (status == options["expect"])
            )
            worst = worst if is_good else REJECTED
        return worst


def _add_fields(parser: ArgumentParser) -> None:
    fields = parser.add_argument_group("the signal")
    fields.add_argument("--strategy", default="SHIELD", help="SHIELD, SPEAR or EXIT")
    fields.add_argument("--action", default="BUY", help="BUY or SELL")
    fields.add_argument("--token", default="BONK", help="its symbol")
    fields.add_argument("--token-address", help="its mint")
    fields.add_argument("--amount-sol", default="0.1")
    fields.add_argument("--wallet-address", required=True, help="the leader")
    fields.add_argument("--trade-uuid", help="default: a new one; `none` leaves it out")
    fields.add_argument("--exit-fraction")
    fields.add_argument("--source-signature")


def _letters(options: dict[str, Any]) -> list[Letter]:
    """What will be sent: one letter again and again, or as many different ones."""
    secret = _secret(options)
    timestamp = int(time.time()) - options["late"] + options["future"]

    def letter() -> Letter:
        return signal_sender.sealed(
            _body(options),
            secret=secret,
            scheme=Scheme(options["scheme"]),
            timestamp=timestamp,
            identifier=f"msg_{uuid.uuid4().hex}",
        )

    if options["fresh"]:
        if options["trade_uuid"]:
            raise CommandError("--fresh gives each signal a name; leave --trade-uuid out")
        return [letter() for _ in range(options["repeat"])]
    return [letter()] * options["repeat"]


def _body(options: dict[str, Any]) -> bytes:
    """The fields as given: what is wrong with them is for the other side to say."""
    given = {name: options[name] for name in signal_sender.FIELDS if options[name] is not None}
    if options["trade_uuid"] is None:
        given["trade_uuid"] = str(uuid.uuid4())
    elif options["trade_uuid"] == "none":
        del given["trade_uuid"]
    return json.dumps(given).encode()


def _secret(options: dict[str, Any]) -> str:
    if options["secret"] and options["secret_file"]:
        raise CommandError("--secret or --secret-file, not both")
    secret: str = options["secret"] or settings.WEBHOOK_SECRET
    if options["secret_file"]:
        try:
            secret = options["secret_file"].read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"--secret-file: {type(error).__name__}") from None
    if not secret:
        raise CommandError("no secret: give --secret-file")
    return signal_sender.another(secret) if options["bad_signature"] else secret


def _post(url: str, letter: Letter, *, timeout: float) -> tuple[int, str]:
    request = urllib.request.Request(url, data=letter.body, headers=letter.headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310
            return int(reply.status), str(reply.read(), "utf-8", "replace")
    except urllib.error.HTTPError as answer:
        return answer.code, str(answer.read(), "utf-8", "replace")


def _is_accepted(status: int, body: str) -> bool:
    """Whether the platform has the signal now: 202, or 200 because it had it before."""
    return status == 202 or (status == 200 and '"duplicate_signal"' in body)
