"""Client address: the address that your proxies saw, and keys to count clients by.

Problem
    Clients can send X-Forwarded-For. Code that takes its first entry counts one
    attacker as many clients. "Anna" and "ａnna " are one login, counted as two.

Guarantee
    - Only the entries that your `trusted_proxies` appended are read.
    - With 0, too few entries or no address, the peer's address counts.
    - `address_key` counts an IPv6 client by its /64.
    - `name_key` ignores case, width (NFKC) and outer spaces. Keys are short.

Not guaranteed
    A client that bypasses the proxies can forge everything. Let the proxy drop headers
    with underscores.

Cost
    Parsing one address, one hash.

Use instead
    nginx real_ip. DRF's NUM_PROXIES, for its throttles. (Checked 2026-11.)

Source: MDN, X-Forwarded-For; RFC 6177; UAX 15.

Use
    # your code
    from patterns.http.client_address import address_key, client_address, name_key

    address = client_address("10.0.0.1", "6.6.6.6, 192.0.2.7", trusted_proxies=1)
    assert address_key(address) == "192.0.2.7"
    assert name_key("Anna ") == name_key("ａnna")
"""

import hashlib
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV6_KEY_BITS = 64  # a site has at least this network to itself
MAX_NAME = 1_000  # characters that are normalised: a longer name belongs to no user


def client_address(peer: str, forwarded_for: str, *, trusted_proxies: int) -> str:
    """The client's address.

    peer             the other end of the connection: WSGI's REMOTE_ADDR
    forwarded_for    X-Forwarded-For, its lines joined by commas; may be empty
    trusted_proxies  the number of your proxies between the client and you
    """
    entries = forwarded_for.split(",")
    if not 1 <= trusted_proxies <= len(entries):
        return peer
    seen = parsed(entries[-trusted_proxies])
    return str(seen) if seen else peer


def address_key(address: str) -> str:
    """The IPv4 address, or the IPv6 network. Any other text is hashed."""
    seen = parsed(address)
    if isinstance(seen, IPv6Address):
        return str(ip_network((seen.packed, IPV6_KEY_BITS), strict=False))
    return str(seen) if seen else hashed(address)


def name_key(name: str) -> str:
    """The same for all spellings that a login may treat as one name."""
    folded = unicodedata.normalize("NFKC", name[:MAX_NAME]).casefold()
    return hashed(unicodedata.normalize("NFKC", folded).strip())


def hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def parsed(entry: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # without the zone, which is local
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
