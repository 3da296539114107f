"""Loggers for the libraries under the network, so that no stranger can fill a kernel's log with tracebacks."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)
# Debugging shows whole packets, tokens and all: only to who asks for this very logger.
log.setLevel(logging.INFO)


class _Logger(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return msg, kwargs


class _SocketLogger(_Logger):
    """socket.io and engine.io log as errors what any peer may provoke; our handlers log their own faults."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        super().log(min(level, logging.DEBUG), msg, *args, **kwargs)


class _HttpLogger(_Logger):
    """aiohttp's server logs as an error every request that is not HTTP and every client that hangs up in an answer."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        theirs = isinstance(kwargs.get("exc_info"), (HttpProcessingError, ConnectionError))
        super().log(logging.DEBUG if theirs else level, msg, *args, **kwargs)


def _is_news(record: logging.LogRecord) -> bool:
    """False for a slip of asyncio's own (3.11 to 3.13): it tells a transport twice that the connection is lost.

    That is where the other side goes while TLS sends what it had held back. All is closed by then, and whoever reads
    the traceback can do nothing.
    """
    error = record.exc_info[1] if record.exc_info else None
    twice = record.getMessage().startswith("Exception in callback _SelectorSocketTransport._call_connection_lost(")
    return not (twice and isinstance(error, AttributeError))


logging.getLogger("asyncio").addFilter(_is_news)
SOCKET_LOG = _SocketLogger(log, {})
HTTP_LOG = _HttpLogger(log, {})
