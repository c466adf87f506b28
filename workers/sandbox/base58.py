"""Base58 of any length (solders only speaks it for keys and signatures); knows no Solana types."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIR, _GROUP = 58**2, 58**4
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Bitcoin-alphabet base58; leading zero bytes become leading ones."""
    number = int.from_bytes(data, "big")
    groups = []
    while number:
        number, group = divmod(number, _GROUP)
        groups.append(_PAIRS[group // _PAIR] + _PAIRS[group % _PAIR])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(groups)).lstrip("1")


def decode(text: str) -> bytes:
    """The inverse of `encode`; ValueError on a letter outside the alphabet."""
    number = 0
    for letter in text:
        try:
            number = number * 58 + _DIGITS[letter]
        except KeyError:
            raise ValueError(f"{letter!r} is not a base58 letter") from None
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
