"""Opens the key we sign with, once, at start. The key never reaches the database, a log or a page."""

import json
import os
from pathlib import Path

from django.conf import settings
from solders.keypair import Keypair


class UnableToOpenKey(Exception):
    """The key file is missing, unreadable or not a key; the text never holds any of it."""


def open_trading_key(path: Path) -> Keypair:
    """The keypair in a file: a JSON array of 64 bytes (Solana's own form) or its base58 text.

    UnableToOpenKey in paper mode, before the file is looked at.
    """
    _refuse_on_paper()
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise UnableToOpenKey(f"cannot read {path}: {error.strerror}") from None
    try:
        return (
            Keypair.from_bytes(bytes(json.loads(text)))
            if text[:1] == "["
            else (Keypair.from_base58_string(text))
        )
    except Exception:
        raise UnableToOpenKey(f"{path} does not hold a Solana key") from None


def create_trading_key(path: Path) -> Keypair:
    """Make a new key in a file that only its owner can read; refuses to replace one.

    UnableToOpenKey in paper mode: there is nothing that it could be for.
    """
    _refuse_on_paper()
    keypair = Keypair()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(list(bytes(keypair)), file)
    return keypair


def _refuse_on_paper() -> None:
    if settings.MODE == "paper":
        raise UnableToOpenKey("paper mode opens no key and makes none: nothing is signed there")
