"""What holds for every test: a fault that the program logs, or leaves in a task, fails it.

And how all of them are run: peers' processes are forks, and the files that take longest come first.
"""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.forking import use_forks

MARKER = "expects_errors"
LONGEST_FIRST = (
    "integration/test_outbox.py",
    "integration/test_large_mesh.py",
    "integration/test_votes.py",
    "integration/test_passengers.py",
    "integration/test_dead_hosts.py",
    "integration/test_kernel_life.py",
    "integration/test_holders.py",
    "integration/test_transfers.py",
    "integration/test_handover.py",
    "integration/test_rooms.py",
)
"""Files that take minutes; begun late, they would go on when the other processes have nothing left to run.

By turns one that mostly waits and one that mostly computes, so that there is always something to compute. After them
come the notebooks, and the short unit tests last.
"""

# How long examples take is the machine's affair. All else stays, as that they are the same ones each time in CI.
settings.register_profile("academics", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("academics")


def pytest_configure(config: pytest.Config) -> None:
    use_forks()
    config.addinivalue_line("markers", f"{MARKER}(*parts): errors may be logged whose messages hold one of the parts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places) + (item.path.suffix != ".ipynb")))


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
