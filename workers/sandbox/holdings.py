"""Which accounts exist, who owns which token account: indexes filled from what transactions leave behind."""

from collections.abc import Iterator
from struct import unpack_from

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")

_ACCOUNT_LENGTH = 165
_STATE_AT = 108
_TYPE_AT, _ACCOUNT_TYPE = 165, 2
_MULTISIG_LENGTH = 355


def is_token_account(account: Account) -> bool:
    """Whether these are the bytes of an initialised token account of either program."""
    data = account.data
    if len(data) < _ACCOUNT_LENGTH or data[_STATE_AT] == 0:
        return False
    owner = account.owner
    if owner == TOKEN_PROGRAM:
        return len(data) == _ACCOUNT_LENGTH
    if owner != TOKEN_2022_PROGRAM or len(data) == _MULTISIG_LENGTH:
        return False
    return len(data) == _ACCOUNT_LENGTH or data[_TYPE_AT] == _ACCOUNT_TYPE


def amount_of(data: bytes) -> int:
    """The raw amount in a token account's bytes."""
    (amount,) = unpack_from("<Q", data, 64)
    return int(amount)


class Holdings:
    """Every live account, and the token accounts by owner and by mint. Order is never that of a
    hash table: results are sorted by address."""

    def __init__(self) -> None:
        self._live: set[Pubkey] = set()
        self._entries: dict[Pubkey, tuple[bytes, bytes]] = {}
        self._by_owner: dict[bytes, set[Pubkey]] = {}
        self._by_mint: dict[bytes, set[Pubkey]] = {}

    def note(self, address: Pubkey, account: Account | None) -> None:
        """Take in how an account is now; None or no lamports: it is gone."""
        if account is None or account.lamports == 0:
            self._live.discard(address)
            self._forget(address)
            return
        self._live.add(address)
        if not is_token_account(account):
            self._forget(address)
            return
        data = account.data
        entry = (data[32:64], data[:32])
        if self._entries.get(address) != entry:
            self._forget(address)
            self._remember(address, entry)

    def addresses(self) -> Iterator[Pubkey]:
        return iter(sorted(self._live, key=bytes))

    def of_owner(self, owner: Pubkey) -> list[Pubkey]:
        return sorted(self._by_owner.get(bytes(owner), ()), key=bytes)

    def of_mint(self, mint: Pubkey) -> list[Pubkey]:
        return sorted(self._by_mint.get(bytes(mint), ()), key=bytes)

    def _remember(self, address: Pubkey, entry: tuple[bytes, bytes]) -> None:
        owner, mint = entry
        self._entries[address] = entry
        self._by_owner.setdefault(owner, set()).add(address)
        self._by_mint.setdefault(mint, set()).add(address)

    def _forget(self, address: Pubkey) -> None:
        entry = self._entries.pop(address, None)
        if entry is not None:
            self._by_owner[entry[0]].discard(address)
            self._by_mint[entry[1]].discard(address)
