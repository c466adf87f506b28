"""Whose address it is: a forwarded one is believed only as far as trusted proxies say it."""

import pytest

from trading.domain.addresses import NetworksInvalid, client_address, is_within, read_networks

PROXIES = read_networks(["127.0.0.1", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("52.89.214.238", "", "52.89.214.238"),
        ("52.89.214.238", "1.1.1.1", "52.89.214.238"),
        ("127.0.0.1", "52.89.214.238", "52.89.214.238"),
        ("127.0.0.1", "1.1.1.1, 52.89.214.238, 10.2.3.4", "52.89.214.238"),
        ("127.0.0.1", "1.1.1.1, 9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "nonsense", "nonsense"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded=forwarded, trusted=PROXIES) == client


def test_a_mapped_address_is_the_address_it_maps() -> None:
    assert is_within("::ffff:10.1.1.1", PROXIES)
    assert not is_within("::1", PROXIES)
    assert not is_within("", PROXIES)


@pytest.mark.parametrize("line", ["10.0.0.1/8", "somewhere", "300.1.1.1"])
def test_a_line_that_is_no_network_is_named(line: str) -> None:
    with pytest.raises(NetworksInvalid, match=r"is not an address or network"):
        read_networks(["", " 10.0.0.1 ", line])
