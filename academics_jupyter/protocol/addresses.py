"""Which announced addresses may be dialled. Pure; imports nothing of the package.

An address comes from a record that anyone may have signed, so a dial must not become a way to reach services that
were never meant to be reached: the link-local range holds the clouds' metadata services, loopback this machine's own.
A host name may resolve to any of them, and so may a number that only the resolver takes for an address
(`0x7f000001`), so what was resolved is asked about once more (`may_connect`) before the connection.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def may_dial(url: str, *, loopback: bool) -> bool:
    """Whether `url` is one to dial: https, a host and a port, no more. `loopback` says whether this machine counts."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not host or not port or "@" in parts.netloc:
        return False
    if not url.isprintable() or parts.path.strip("/") or parts.query or parts.fragment:
        return False
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return loopback
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return may_connect(name, loopback=loopback)


def may_connect(host: str, *, loopback: bool) -> bool:
    """Whether `host`, an IP address in its usual form, is one to connect to."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = _embedded(address) or address
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return loopback or not address.is_loopback


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, or behind a NAT64 gateway (RFC 6052)."""
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped
