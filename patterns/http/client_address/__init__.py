"""The client's address behind proxies: as the proxies that one trusts have seen it, not as the client says.

Problem         X-Forwarded-For is a header, and a client may send any. Who takes its first entry, or as DRF's throttles do
                by default all of it, counts each attempt of one attacker for somebody else.
Guarantee       Of the header only the entries that the `trusted_proxies` nearest proxies appended are read, counted from the
                right; what stands left of them changes nothing. With 0 the header is ignored. When it is shorter than it has
                to be, or the entry is no address, the peer's own address counts. As a key, one client's many IPv6 addresses
                are one (its /64), and an IPv4 address has one spelling.
Not guaranteed  Who reaches the service around the proxies may forge the whole header: let only them connect. A number that is
                too high trusts the client's words; one too low makes all clients the proxy. Clients behind one NAT share an address.
Cost            Parsing one address.
Use instead     Your server's or gateway's own setting, when all requests come through it (nginx real_ip, granian's and
                gunicorn's proxy wrappers), and REMOTE_ADDR. DRF's NUM_PROXIES does nearly the same for its throttles; set it.

Sources: MDN, X-Forwarded-For, "Selecting an IP address"; RFC 6177, section 2 (a site has at least a /64).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV6_KEY_BITS = 64  # a customer of an access provider has at least so much to himself


def client_address(peer: str, forwarded_for: str, *, trusted_proxies: int) -> str:
    """The address of the client.

    peer             who is connected to us: WSGI's REMOTE_ADDR
    forwarded_for    X-Forwarded-For, its lines joined by commas; may be empty
    trusted_proxies  how many proxies of ours are between the client and us
    """
    entries = forwarded_for.split(",")
    if not 1 <= trusted_proxies <= len(entries):
        return peer
    seen = parsed(entries[-trusted_proxies])
    return str(seen) if seen else peer


def address_key(address: str) -> str:
    """What to count a client by: its IPv4 address, or its IPv6 network. What is no address stays as it is."""
    seen = parsed(address)
    if isinstance(seen, IPv6Address):
        return str(ip_network((seen.packed, IPV6_KEY_BITS), strict=False))
    return str(seen) if seen else address


def parsed(entry: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it, perhaps with a port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # without the zone, which is the machine's own affair
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
