"""How addresses are spelled: base58 takes a microsecond a key, and the same keys come again and again."""

from functools import lru_cache

from solders.pubkey import Pubkey


@lru_cache(maxsize=65_536)
def spell(address: Pubkey) -> str:
    """The address in base58."""
    return str(address)
