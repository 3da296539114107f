"""Which announced addresses are dialled: none that leads to a cloud's metadata, and nothing but host and port."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.addresses import may_connect, may_dial

IPV4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)


@pytest.mark.parametrize(
    "url",
    [
        "https://192.0.2.7:8443",
        "https://10.0.0.7:1",
        "https://192.168.1.7:65535/",
        "https://[2001:db8::7]:443",
        "https://[fd12::7]:443",
        "https://[::ffff:192.0.2.7]:443",
        "https://ada.example:443",
        "HTTPS://ada.example:443",
    ],
)
def test_an_ordinary_address_is_dialled(url: str) -> None:
    assert may_dial(url, loopback=False)
    assert may_dial(url, loopback=True)


LOOPBACK = [
    "https://127.0.0.1:443",
    "https://127.9.9.9:443",
    "https://[::1]:443",
    "https://[::ffff:127.0.0.1]:443",
    "https://[64:ff9b::7f00:1]:443",
    "https://localhost:443",
    "https://LOCALHOST:443",
    "https://localhost.:443",
    "https://lab.localhost:443",
    "https://127.0.0.1.:443",
]


@pytest.mark.parametrize("url", LOOPBACK)
def test_this_machine_is_dialled_only_where_peers_are_on_it(url: str) -> None:
    assert may_dial(url, loopback=True)
    assert not may_dial(url, loopback=False)


REFUSED = [
    "https://169.254.169.254:443",
    "https://169.254.169.254.:443",
    "https://169.254.0.1:443",
    "https://[::ffff:169.254.169.254]:443",
    "https://[::ffff:a9fe:a9fe]:443",
    "https://[64:ff9b::a9fe:a9fe]:443",
    "https://[fe80::1]:443",
    "https://[fe80::1%25eth0]:443",
    "https://0.0.0.0:443",
    "https://[::]:443",
    "https://224.0.0.1:443",
    "https://[ff02::1]:443",
    "http://192.0.2.7:443",
    "ftp://192.0.2.7:443",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//192.0.2.7:443",
    "192.0.2.7:443",
    "https://192.0.2.7",
    "https://192.0.2.7:0",
    "https://192.0.2.7:65536",
    "https://192.0.2.7:-1",
    "https://192.0.2.7:x",
    "https://:443",
    "https://",
    "https://ada:secret@192.0.2.7:443",
    "https://ada@192.0.2.7:443",
    "https://:secret@192.0.2.7:443",
    "https://@192.0.2.7:443",
    "https://192.0.2.7\\@169.254.169.254:443",
    "https://192.0.2.7:443/latest/meta-data",
    "https://192.0.2.7:443/?a=b",
    "https://192.0.2.7:443?a=b",
    "https://192.0.2.7:443#a",
    "https://192.0.2.7:443\n",
    "https://192.0.2.7\t:443",
    "https://192.0.2.7:443\r\nHost: x",
    "https://192.0.2.7\x00:443",
    "https://[192.0.2.7:443",
    "https://[::1",
    "",
]


@pytest.mark.parametrize("url", REFUSED)
def test_nothing_else_is_dialled(url: str) -> None:
    assert not may_dial(url, loopback=True)
    assert not may_dial(url, loopback=False)


@given(address=IPV4, loopback=st.booleans())
def test_an_address_is_judged_alike_in_all_its_clothes(address: ipaddress.IPv4Address, loopback: bool) -> None:
    expected = may_connect(str(address), loopback=loopback)
    number = int(address)
    for dressed in (f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"):
        assert may_connect(dressed, loopback=loopback) is expected
        assert may_dial(f"https://[{dressed}]:443", loopback=loopback) is expected
    assert may_dial(f"https://{address}:443", loopback=loopback) is expected


@given(last=st.integers(0, 2**16 - 1))
def test_no_link_local_address_is_connected_to(last: int) -> None:
    for text in (
        str(ipaddress.IPv4Address((169 << 24) + (254 << 16) + last)),
        f"fe80::{last:x}",
        f"fe80::{last:x}%eth0",
    ):
        assert not may_connect(text, loopback=True)


@given(url=st.text(max_size=60) | st.text(max_size=40).map(lambda rest: f"https://{rest}:443"))
def test_no_text_raises(url: str) -> None:
    assert may_dial(url, loopback=False) in (True, False)
