"""Types for msgspec to read, made ready by one thread at a time. Imports nothing of ours."""

from __future__ import annotations

import threading
from typing import TypeVar

import msgspec

T = TypeVar("T")

_prepared: set[type] = set()
_preparing = threading.Lock()


def prepared(kind: type[T]) -> type[T]:
    """The same type, for `type=` of msgspec's functions.

    msgspec (0.22) looks at a struct or dataclass when it is first used, and puts what it finds in its place before it
    is complete: another thread that uses the type meanwhile ends the process with a segmentation fault.
    """
    if kind not in _prepared:
        with _preparing:
            msgspec.json.Decoder(kind)
            _prepared.add(kind)
    return kind
