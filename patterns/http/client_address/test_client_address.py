import pytest

from . import address_key, client_address, name_key

PEER = "10.0.0.1"


@pytest.mark.parametrize("header", ["", "192.0.2.1", "192.0.2.1, 198.51.100.7", "rubbish"])
def test_without_trusted_proxies_the_header_is_ignored(header: str) -> None:
    assert client_address(PEER, header, trusted_proxies=0) == PEER


@pytest.mark.parametrize(
    "forged", ["", "192.0.2.1, ", "192.0.2.1, 192.0.2.2,", "rubbish, ", ",,,", "127.0.0.1," * 1000]
)
def test_entries_left_of_our_proxies_change_nothing(forged: str) -> None:
    assert client_address(PEER, f"{forged}198.51.100.7", trusted_proxies=1) == "198.51.100.7"
    assert (
        client_address(PEER, f"{forged}198.51.100.7, 10.0.0.2", trusted_proxies=2) == "198.51.100.7"
    )


@pytest.mark.parametrize("header", ["", "192.0.2.1"])
def test_a_header_shorter_than_the_chain_is_ignored(header: str) -> None:
    assert client_address(PEER, header, trusted_proxies=2) == PEER


@pytest.mark.parametrize(
    "entry", ["unknown", "_hidden", "", "300.1.1.1", "[::1", "\x00", "192.0.2.1;drop"]
)
def test_for_an_entry_that_is_not_an_address_the_peer_counts(entry: str) -> None:
    assert client_address(PEER, entry, trusted_proxies=1) == (PEER if entry != "[::1" else "::1")


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_read_as_proxies_write_it(entry: str, address: str) -> None:
    assert client_address(PEER, entry, trusted_proxies=1) == address


@pytest.mark.parametrize(
    "address", ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "[2001:db8:1:2::5]:443"]
)
def test_the_addresses_of_one_ipv6_network_are_one_client(address: str) -> None:
    assert address_key(address) == "2001:db8:1:2::/64"


def test_neighbouring_networks_and_ipv4_addresses_are_different_clients() -> None:
    addresses = ["2001:db8:1:2::1", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"]

    assert len({address_key(each) for each in addresses}) == 4


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "192.0.2.1:4711", "::ffff:192.0.2.1", "::ffff:c000:201"]
)
def test_an_ipv4_address_has_one_key(address: str) -> None:
    assert address_key(address) == "192.0.2.1"


def test_a_peer_without_an_address_has_a_short_key() -> None:
    keys = [address_key(peer) for peer in ("", "unix:/run/shop.sock", "x" * 1_000_000)]

    assert len({*keys}) == 3
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("spelling", ["Anna", " anna\t", "ANNA", "ａnna", "ＡＮＮＡ", "anna\u3000"])
def test_spellings_of_one_name_have_one_key(spelling: str) -> None:
    assert name_key(spelling) == name_key("anna")


@pytest.mark.parametrize(
    ("one", "other"), [("straße", "STRASSE"), ("ﬁn", "FIN"), ("ǅ", "ǆ"), ("é", "e\u0301")]
)
def test_case_folding_and_compatibility_forms_are_one_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize("name", ["", "\x00", "\ud800", "x" * 1_000_000, "\ufdfa" * 100_000])
def test_a_name_key_is_short_whatever_the_name(name: str) -> None:
    assert len(name_key(name)) == 32
