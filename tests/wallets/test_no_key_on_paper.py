"""In paper mode no key is opened and none is made, wherever it lies."""

from pathlib import Path

import pytest

from wallets.vault import UnableToOpenKey, create_trading_key, open_trading_key


def test_a_key_that_exists_is_not_opened_on_paper(tmp_path: Path, settings) -> None:
    file = tmp_path / "key.json"
    keypair = create_trading_key(file)
    assert open_trading_key(file) == keypair
    settings.MODE = "paper"
    with pytest.raises(UnableToOpenKey, match="paper mode"):
        open_trading_key(file)


def test_no_key_is_made_on_paper(tmp_path: Path, settings) -> None:
    settings.MODE = "paper"
    with pytest.raises(UnableToOpenKey, match="paper mode"):
        create_trading_key(tmp_path / "key.json")
    assert list(tmp_path.iterdir()) == []
