"""The system's keyring, where a real one works. Imports nothing of the package.

A keyring that is locked, or whose desktop service hangs, may never answer: every call runs in a daemon thread and is
given up after TIMEOUT_S.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Protocol, TypeVar

SERVICE = "academics"
TIMEOUT_S = 3.0

_NOT_REAL = ("keyring.backends.fail", "keyring.backends.null", "keyring.backends.chainer", "keyrings.alt")
"""Backends that keep nothing, keep it in plain text, or ask on a terminal that a kernel does not have."""

T = TypeVar("T")


class KeyringUnavailableError(Exception):
    """No real keyring answered; never shown to the user."""


class Backend(Protocol):
    """What is used of a `keyring` backend."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret kept under the names."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""


def keep(account: str, secret: str) -> None:
    """Keep a secret, and see that it can be read back. Raises KeyringUnavailableError."""

    def set_and_get() -> bool:
        backend = _backend()
        backend.set_password(SERVICE, account, secret)
        return backend.get_password(SERVICE, account) == secret

    if not _in_time(set_and_get):
        raise KeyringUnavailableError("it does not give back what it was given")


def look_up(account: str) -> str | None:
    """The secret kept for an account; None if there is none. Raises KeyringUnavailableError."""
    return _in_time(lambda: _backend().get_password(SERVICE, account))


def _backend() -> Backend:
    # Late, and in the caller's thread: finding a backend may itself talk to the desktop.
    import keyring

    found = keyring.get_keyring()
    candidates: Iterable[Backend] = getattr(found, "backends", None) or [found]
    for backend in candidates:
        if not type(backend).__module__.startswith(_NOT_REAL):
            return backend
    raise KeyringUnavailableError("there is no keyring")


def _in_time(call: Callable[[], T]) -> T:
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # whatever a backend raises, it means that the keyring cannot be used
            answer.set_exception(error)

    threading.Thread(target=run, name="academics-keyring", daemon=True).start()
    try:
        return answer.result(TIMEOUT_S)
    except KeyringUnavailableError:
        raise
    except TimeoutError:
        raise KeyringUnavailableError("it does not answer") from None
    except Exception as error:
        raise KeyringUnavailableError("it failed") from error
