"""What answers at an address, asked with no link made: for the doctor. May import protocol, errors and the dialler."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from enum import Enum

import aiohttp
import psutil

from academics_jupyter.errors import ProtocolError
from academics_jupyter.network.dialler import MAX_CHALLENGE_BYTES, pinned_session
from academics_jupyter.network.server import CHALLENGE_PATH
from academics_jupyter.network.sockets import listening_socket
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.handshake import Challenge
from academics_jupyter.protocol.records import decode

PROBE_TIMEOUT_S = 3.0


class Answer(Enum):
    """How an address answered. The value completes "it …"."""

    ANSWERED = "answers"
    REFUSED = "refuses the connection, so nothing listens there"
    SILENT = "does not answer, as behind a firewall"
    UNKNOWN = "has a host name that cannot be looked up"
    OTHER = "is answered by something else"
    BARRED = "is not an address that peers may dial"


async def knock(host: str, port: int) -> Answer:
    """Whether anything accepts TCP connections there."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, ValueError) as error:
        return _answer(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Answer.ANSWERED


async def ask_server(url: str, certificate: str, *, loopback: bool) -> Answer:
    """Whether the server at `url` is the one whose certificate has this SHA-256 (hex), and gives out challenges."""
    if not may_dial(url, loopback=loopback):
        return Answer.BARRED
    try:
        async with (
            asyncio.timeout(PROBE_TIMEOUT_S),
            pinned_session(certificate, loopback=loopback) as session,
            session.get(url + CHALLENGE_PATH, allow_redirects=False) as response,
        ):
            decode((await response.content.read(MAX_CHALLENGE_BYTES)).decode(errors="replace"), Challenge)
    except aiohttp.ClientConnectorDNSError:
        return Answer.UNKNOWN
    except (aiohttp.ServerFingerprintMismatch, ProtocolError):
        return Answer.OTHER
    except (OSError, ValueError, aiohttp.ClientError) as error:
        return _answer(error)
    return Answer.ANSWERED


def bind_error(host: str, port: int) -> OSError | None:
    """Why a server cannot listen there now; None where it can."""
    try:
        listening_socket(host, port).close()
    except OSError as error:
        return error
    return None


def listener(port: int) -> str:
    """The program that listens on a TCP port of this machine, as far as this user may know it; else empty."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            where = connection.laddr
            if connection.status == psutil.CONN_LISTEN and where and where.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def _answer(error: BaseException) -> Answer:
    if isinstance(error, TimeoutError):
        return Answer.SILENT
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return Answer.UNKNOWN
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ECONNREFUSED:
        return Answer.REFUSED
    return Answer.SILENT if code in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT} else Answer.OTHER
