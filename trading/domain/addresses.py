"""Whose address is it: the client behind trusted proxies, and lists of networks. Asks nobody."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class NetworksInvalid(ValueError):
    """A line is neither an address nor a network."""


def read_networks(lines: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, one a line, blank lines apart; NetworksInvalid names the first bad one."""
    found = []
    for line in filter(None, map(str.strip, lines)):
        try:
            found.append(ip_network(line))
        except ValueError as error:
            raise NetworksInvalid(f"{line[:60]!r} is not an address or network: {error}") from None
    return tuple(found)


def client_address(peer: str, *, forwarded: str, trusted: Sequence[Network]) -> str:
    """Who really called: the last hop that is not a proxy of ours.

    `forwarded` is X-Forwarded-For, each proxy having appended who called it. It is believed from the right,
    and only as far as the one who said it is `trusted`: whatever a stranger writes into it says nothing.
    """
    address = peer
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not is_within(address, trusted):
            break
        address = hop
    return address


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks; what is no address lies in none."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
