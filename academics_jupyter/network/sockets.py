"""TCP sockets that notice a dead host within a minute, however long the process at the other end is busy.

A busy kernel answers no ping, but its operating system acknowledges; a dead host does neither.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any

from academics_jupyter.protocol.addresses import may_connect

LINK_BUFFER_BYTES = 16 << 10
"""What a link's TLS reads at a time: one TLS record. asyncio's own 256 KiB would be most of what a link costs."""
KEEPALIVE_IDLE_S = 10
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_PROBES = 3
USER_TIMEOUT_MS = 24_000
"""For what is sent. The wait begins anew with it, even just before the probes would end: both fit into a minute."""

_INFO_BYTES, _UNACKED_AT, _LAST_ACK_AT = 104, 24, 56
"""Of Linux's `struct tcp_info`: its size, and where tcpi_unacked and tcpi_last_ack_recv are."""

_OPTIONS = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", KEEPALIVE_IDLE_S),  # the name of TCP_KEEPIDLE on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", KEEPALIVE_PROBES),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
)


def watch(sock: socket.socket) -> socket.socket:
    """Set keepalive and user timeout where the system has them; accepted sockets inherit a listener's."""
    for level, name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(level, option, value)
    return sock


def dialling_socket(address: tuple[Any, ...], *, loopback: bool) -> socket.socket:
    """A socket factory for aiohttp's connector, for an `address` that it has resolved.

    Raises OSError for one that is not to be dialled.
    """
    family, kind, protocol, _name, where = address
    if not may_connect(where[0], loopback=loopback):
        raise OSError(f"{where[0]} is not an address to dial")
    return watch(socket.socket(family, kind, protocol))


def slim(transport: asyncio.Transport | None) -> None:
    """Have an open TLS connection that is to stay, and carries little, hold little memory.

    asyncio offers no way to ask for that, so where its insides are not what they were this does nothing.
    """
    protocol: Any = getattr(transport, "_ssl_protocol", None)
    if hasattr(protocol, "_ssl_buffer") and hasattr(protocol, "max_size"):
        # The buffer is only in use within one call of the loop, and made anew where it is smaller than `max_size`.
        protocol.max_size = LINK_BUFFER_BYTES
        protocol._ssl_buffer = bytearray(LINK_BUFFER_BYTES)
        protocol._ssl_buffer_view = memoryview(protocol._ssl_buffer)


def unacknowledged_ms(sock: Any) -> int:
    """For how long the other side's system has acknowledged nothing of what was sent to it; 0 where nothing waits.

    0 too where the system does not tell; there, keepalive ends a dead connection.
    """
    option = getattr(socket, "TCP_INFO", None)
    if sock is None or option is None or not sys.platform.startswith("linux"):
        return 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, option, _INFO_BYTES)
    except OSError:
        return 0
    (unacknowledged,) = struct.unpack_from("=I", info, _UNACKED_AT)
    (last_ms,) = struct.unpack_from("=I", info, _LAST_ACK_AT)
    return int(last_ms) if unacknowledged else 0


def listening_socket(host: str, port: int) -> socket.socket:
    """A listener on `host` and `port` (0: any free one); an empty host means every interface, IPv4 and IPv6.

    Raises OSError where the address cannot be bound.
    """
    if host:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return watch(socket.create_server(info[4][:2], family=info[0], backlog=512))
    if socket.has_dualstack_ipv6():
        return watch(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512))
    return watch(socket.create_server(("", port), backlog=512))
