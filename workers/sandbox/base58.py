"""Base58 of any length (solders only speaks it for keys and signatures); knows no Solana types."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Bitcoin-alphabet base58; leading zero bytes become leading ones."""
    number = int.from_bytes(data, "big")
    letters = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(letters))


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
