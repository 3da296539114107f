"""The addresses that a server announces."""

from __future__ import annotations

import socket
from collections import namedtuple

import psutil
import pytest

from academics_jupyter.network.addresses import MAX_ADDRESSES, announced_urls
from academics_jupyter.network.sockets import dialling_socket, listening_socket
from academics_jupyter.protocol.addresses import may_dial

Entry = namedtuple("Entry", "family address")
AF_LINK = getattr(socket, "AF_PACKET", getattr(socket, "AF_LINK", -1))


def on_interfaces(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    entries = [Entry(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in addresses]
    found = {f"eth{number}": [Entry(AF_LINK, "02:00:00:00:00:01"), entry] for number, entry in enumerate(entries)}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)


def test_a_server_on_one_address_announces_that_one() -> None:
    assert announced_urls("192.0.2.7", 8443) == ("https://192.0.2.7:8443",)
    assert announced_urls("2001:db8::7", 8443) == ("https://[2001:db8::7]:8443",)
    assert announced_urls("lab.example", 8443) == ("https://lab.example:8443",)


def test_the_likeliest_address_comes_first_and_loopback_last(monkeypatch: pytest.MonkeyPatch) -> None:
    on_interfaces(monkeypatch, "127.0.0.1", "::1", "2001:db8::7%eth2", "fe80::1%eth0", "169.254.3.4", "192.0.2.7")
    assert announced_urls("", 1) == ("https://192.0.2.7:1", "https://[2001:db8::7]:1", "https://127.0.0.1:1")


def test_no_more_than_eight_are_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    on_interfaces(monkeypatch, *(f"10.0.0.{number}" for number in range(1, 20)))
    assert len(announced_urls("", 1)) == MAX_ADDRESSES == 8


def test_what_this_machine_announces_may_be_dialled() -> None:
    urls = announced_urls("", 8443)
    assert urls
    assert all(may_dial(url, loopback=True) for url in urls)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "224.0.0.1"])
def test_a_name_that_resolves_to_what_is_not_dialled_is_not_connected_to(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(OSError, match="not an address to dial"):
        dialling_socket((family, socket.SOCK_STREAM, 6, "", (address, 443)), loopback=True)


def test_loopback_is_connected_to_only_where_it_counts() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))
    with pytest.raises(OSError, match="not an address to dial"):
        dialling_socket(address, loopback=False)
    dialling_socket(address, loopback=True).close()


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_sockets_notice_a_dead_host(host: str) -> None:
    with listening_socket(host, 0) as listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) < 60_000


def test_a_taken_port_is_an_error() -> None:
    with listening_socket("127.0.0.1", 0) as taken, pytest.raises(OSError, match=r"."):
        listening_socket("127.0.0.1", taken.getsockname()[1])
