"""Where this machine can be reached: the addresses a server announces."""

from __future__ import annotations

import ipaddress
import socket

import psutil

MAX_ADDRESSES = 8


def announced_urls(host: str, port: int) -> tuple[str, ...]:
    """The `https://HOST:PORT` addresses of a server bound to `host` (empty: every interface), the likeliest first."""
    if host:
        return (_url(host, port),)
    hosts = [address for address in _interface_addresses() if _is_useful(address)]
    # IPv4 first: it is what labs route; loopback last, for peers on this machine when there is no network.
    hosts.sort(key=lambda address: (address.is_loopback, address.version))
    return tuple(_url(str(address), port) for address in hosts[:MAX_ADDRESSES])


def _interface_addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [
        ipaddress.ip_address(entry.address.partition("%")[0])
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]


def _is_useful(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.is_loopback:
        return address.version == 4
    return not address.is_link_local


def _url(host: str, port: int) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
