"""The key we sign with: opened from its file, never shown, never replaced."""

import json
import stat
from pathlib import Path

import pytest
from solders.keypair import Keypair

from wallets.vault import UnableToOpenKey, create_trading_key, open_trading_key


def test_a_new_key_is_read_back_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    made = create_trading_key(file)
    assert open_trading_key(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    made = create_trading_key(file)
    with pytest.raises(FileExistsError):
        create_trading_key(file)
    assert open_trading_key(file) == made


def test_both_of_solanas_forms_are_read(tmp_path: Path) -> None:
    keypair, file = Keypair(), tmp_path / "key"
    for text in (json.dumps(list(bytes(keypair))), str(keypair), f"\n {keypair}\n"):
        file.write_text(text)
        assert open_trading_key(file) == keypair


@pytest.mark.parametrize("text", ["", "[]", "[1, 2]", "[300]", "{}", "not a key", '["a"]', "[" * 9])
def test_a_file_that_holds_no_key_says_so_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(UnableToOpenKey) as caught:
        open_trading_key(file)
    assert str(caught.value) == f"{file} does not hold a Solana key"
    assert caught.value.__cause__ is None


def test_half_a_key_does_not_appear_in_the_error(tmp_path: Path) -> None:
    file, secret = tmp_path / "key", str(Keypair())[:60]
    file.write_text(secret)
    with pytest.raises(UnableToOpenKey) as caught:
        open_trading_key(file)
    assert secret not in repr(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnableToOpenKey, match="No such file"):
        open_trading_key(tmp_path / "absent")
