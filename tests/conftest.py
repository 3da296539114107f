"""What holds for every test: a fault that the program logs, or leaves in a task, fails it."""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Iterator

import pytest

MARKER = "expects_errors"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}(*parts): errors may be logged whose messages hold one of the parts")


def pytest_collection_finish() -> None:
    # What was imported is not looked at again by the collections below, which this makes cheap.
    gc.collect()
    gc.freeze()


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self.messages.append(f"{record.name}: {text}")


@pytest.fixture(autouse=True)
def no_errors_logged(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail on log records of level ERROR and above, and on exceptions of tasks that nobody saw: asyncio logs those.

    `@pytest.mark.expects_errors("part of a message", …)` names the ones that a test is about.
    """
    errors = _Errors()
    root = logging.getLogger()
    root.addHandler(errors)
    yield
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        gc.collect()  # asyncio tells of an unseen exception when its task is collected
    root.removeHandler(errors)
    marker = request.node.get_closest_marker(MARKER)
    expected = marker.args if marker else ()
    unexpected = [message for message in errors.messages if not any(part in message for part in expected)]
    assert not unexpected, "errors in the log:\n" + "\n".join(unexpected)
