"""People in real kernels, each with a profile of their own, over an embedded registry of the test's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kernels import Kernel, Ran, running_kernel
from tests.lab import Lab
from tests.mongod import RunningMongod, running_mongod
from tests.waiting import wait_until

Environment = Callable[..., dict[str, str]]


@dataclass
class Person:
    """Somebody at a notebook."""

    kernel: Kernel
    home: Path

    @property
    def repository(self) -> Path:
        return self.home / "profiles" / "default" / "repository"

    def run(self, code: str, *, check: bool = True) -> Ran:
        return self.kernel.run(code, check=check)

    def value(self, expression: str) -> object:
        """A Python literal out of the kernel."""
        return _literal(self.run(f"print(repr({expression}))"))

    def error(self, code: str) -> str:
        """The one line that a cell fails with."""
        ran = self.run(code, check=False)
        assert ran.status == "error", f"{code} should have failed: {ran.text}"
        line = "\n".join(ran.traceback)
        assert "\n" not in line, line
        return line

    def sees(self, expression: str, wanted: object = True) -> None:
        """Wait until an expression in the kernel has a value; until then it may as well be an error."""
        seen: list[object] = []

        def look() -> bool:
            ran = self.run(f"print(repr({expression}))", check=False)
            seen[:] = [_literal(ran) if ran.status == "ok" else "\n".join(ran.traceback)]
            return ran.status == "ok" and seen == [wanted]

        try:
            wait_until(look)
        except AssertionError:
            raise AssertionError(f"{expression} stayed {seen}, not {wanted!r}") from None


def _literal(ran: Ran) -> object:
    """What a cell printed last."""
    return eval(ran.text.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Settings for a process of `name`, all processes of a module around one embedded registry."""
    folder = tmp_path_factory.mktemp("people")

    def make(name: str, **more: str) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"XDG_DATA_HOME": str(folder / "data"), "ACADEMICS_HOME": str(folder / name), "PATH": path}
        return os.environ | own | more

    return make


@pytest.fixture
def sit_down(environment: Environment) -> Iterator[Callable[..., Person]]:
    """Start a kernel for somebody, load the extension and, unless told otherwise, register them."""
    with ExitStack() as stack:

        def sit(name: str, *, register: bool = True, **more: str) -> Person:
            env = environment(name, **more)
            person = Person(stack.enter_context(running_kernel(env)), Path(env["ACADEMICS_HOME"]))
            person.run("%load_ext academics\nimport academics")
            if register:
                person.run(f'%register --name "{name}"')
            return person

        yield sit


@pytest.fixture(scope="session")
def mongod_of_labs() -> Iterator[RunningMongod]:
    """One for all tests that neither stop nor kill it; each has a database of its own in it."""
    with running_mongod() as mongod:
        yield mongod


@pytest.fixture
def lab(tmp_path: Path, mongod_of_labs: RunningMongod) -> Iterator[Lab]:
    """People in processes of their own, around one registry."""
    registry = mongod_of_labs.new_database()
    with ExitStack() as stack:
        yield Lab(tmp_path, registry, stack)
