"""`manage.py send_signal` against a real ingress: what each way of sending is answered, and the exit status."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.ports import leased_port
from tests.trading.door import BONK, SECRET, Door, open_door

WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("door")) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the command left behind."""

    returncode: int
    stdout: str
    stderr: str


def send(door: Door, *arguments: str, port: int | None = None) -> Done:
    secret = door.database.parent / "provider_secret"
    secret.write_text(SECRET + "\n")
    url = f"http://127.0.0.1:{port or door.port}/api/v1/webhook"
    where = ["--url", url, "--secret-file", str(secret), "--timeout", "20"]
    told, failed, status = StringIO(), StringIO(), 0
    try:
        call_command(
            "send_signal",
            *("--wallet-address", WALLET, *where, *arguments),
            stdout=told,
            stderr=failed,
        )
    except SystemExit as end:
        status = int(end.code or 0)
    except CommandError as error:
        status = 1
        failed.write(str(error))
    return Done(returncode=status, stdout=told.getvalue(), stderr=failed.getvalue())


@pytest.mark.parametrize("scheme", ["chimera", "standard-webhooks"])
def test_a_signal_is_accepted(door: Door, scheme: str) -> None:
    done = send(door, "--scheme", scheme, "--token-address", BONK)
    assert (done.returncode, done.stderr) == (0, "")
    status, body = done.stdout.split(" ", 1)
    assert (status, json.loads(body)["status"]) == ("202", "accepted")


def test_the_same_request_again_is_a_replay_and_fresh_ones_are_signals(door: Door) -> None:
    again = send(door, "--repeat", "3")
    assert again.returncode == 1
    assert [line[:3] for line in again.stdout.splitlines()] == ["202", "401", "401"]
    assert "replayed_request" in again.stdout
    fresh = send(door, "--repeat", "3", "--fresh")
    assert [line[:3] for line in fresh.stdout.splitlines()] == ["202"] * 3


@pytest.mark.parametrize("how", [("--late", "90"), ("--future", "90"), ("--bad-signature",)])
@pytest.mark.parametrize("scheme", ["chimera", "standard-webhooks"])
def test_what_must_be_refused_is_refused(door: Door, how: tuple[str, ...], scheme: str) -> None:
    done = send(door, "--scheme", scheme, *how, "--expect", "401")
    assert done.returncode == 0
    assert "authentication_failed" in done.stdout


def test_wrong_fields_are_for_the_other_side_to_name(door: Door) -> None:
    done = send(door, "--amount-sol", "lots", "--action", "HOLD")
    assert done.returncode == 1
    assert done.stdout.startswith("422 ")
    assert "amount_sol" in done.stdout
    assert "action" in done.stdout


def test_a_dry_run_prints_a_curl_that_works_and_sends_nothing(door: Door) -> None:
    before = door.rows("SELECT count(*) FROM trading_delivery")
    done = send(door, "--dry-run")
    assert (done.returncode, SECRET in done.stdout) == (0, False)
    assert "X-Signature: " in done.stdout
    assert door.rows("SELECT count(*) FROM trading_delivery") == before
    curl = done.stdout[done.stdout.index("curl -X POST") :]
    answered = subprocess.run(
        ["sh", "-c", curl.replace("curl -X", "curl -s -X")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"accepted"' in answered.stdout


def test_nobody_there_is_an_exit_status_of_its_own(door: Door) -> None:
    with leased_port() as port:
        done = send(door, port=port)
    assert done.returncode == 2
    assert "no answer from" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--repeat", "0"), "--repeat"),
        (("--late", "5", "--future", "5"), "only one of them"),
        (("--fresh", "--trade-uuid", "x"), "--trade-uuid"),
        (("--secret", "x"), "not both"),
        (("--url", "ftp://somewhere"), "--url"),
    ],
)
def test_options_that_contradict_are_named(
    door: Door, arguments: tuple[str, ...], problem: str
) -> None:
    done = send(door, *arguments)
    assert done.returncode == 1
    assert problem in done.stderr


def test_a_secret_file_that_cannot_be_read_is_named_without_its_text(
    door: Door, tmp_path: Path
) -> None:
    done = send(door, "--secret-file", str(tmp_path))
    assert done.returncode == 1
    assert "--secret-file: IsADirectoryError" in done.stderr
