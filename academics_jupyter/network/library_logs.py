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


SOCKET_LOG = _SocketLogger(log, {})
HTTP_LOG = _HttpLogger(log, {})
