"""Which announced addresses may be dialled. Pure; imports nothing of the package.

An address comes from a record that anyone may have signed, so a dial must not become a way to reach services that
were never meant to be reached: the link-local range holds the clouds' metadata services, loopback this machine's own.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def may_dial(url: str, *, loopback: bool) -> bool:
    """Whether `url` is one to dial: https, a host and a port, no more. `loopback` says whether this machine counts."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not host or not port or parts.username or parts.path.strip("/") or parts.query:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return loopback
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return loopback or not address.is_loopback
