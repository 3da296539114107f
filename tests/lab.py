"""People in processes of their own around one registry, for tests of what they do together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fault_proxy import FaultProxy
from tests.guarded import free_port
from tests.processes import PeerProcess, ProcessError

NOWHERE = "https://127.0.0.1:9"
"""An address where nobody listens: who announces it dials the others, and is dialled by none."""
LINKED = "sorted(contact.name for contact in await peer.exploring.contacts() if contact.linked)"


class Lab:
    """People in processes of their own, around one registry."""

    def __init__(self, folder: Path, registry: str, stack: ExitStack) -> None:
        """`registry` is its URI."""
        self.registry = registry
        self._folder, self._stack = folder, stack

    def enter(self, name: str, *, start: bool = True, **environment: str) -> PeerProcess:
        """Somebody's process; a second one for the same name is a passenger."""
        process = PeerProcess(self._folder / name, registry=self.registry, environment=environment)
        self._stack.enter_context(process)
        process.open(name, start=start)
        return process

    @contextmanager
    def behind_a_proxy(self) -> Iterator[tuple[FaultProxy, dict[str, str]]]:
        """A proxy, and the environment of somebody whom others reach through it only."""
        port = free_port()
        with FaultProxy(("127.0.0.1", port)) as proxy:
            urls = f"https://{proxy.host}:{proxy.port}"
            yield proxy, {"ACADEMICS_PORT": str(port), "ACADEMICS_PUBLIC_URLS": urls}

    def repository(self, name: str) -> Path:
        return self._folder / name / "profiles" / name / "repository"


def meet(*people: PeerProcess) -> None:
    """Wait until all have links with all."""
    names = {name for person in people for name in person.ids}
    for person in people:
        person.sees(LINKED, sorted(names - person.ids.keys()))


def share(person: PeerProcess, path: Path, title: str = "", **more: str) -> str:
    """A resource that the registry knows; its id."""
    options = _options(more | ({"title": title} if title else {}))
    resource = str(person.value(f"(await peer.share({str(path)!r}{options})).id"))
    person.value("peer.flushed()")
    return resource


def download(person: PeerProcess, resource: str, **more: str) -> Path:
    path = Path(str(person.value(f"peer.download({resource!r}{_options(more)})")))
    person.value("peer.flushed()")
    return path


def failed_download(person: PeerProcess, resource: str) -> str:
    """The line that a download fails with."""
    return failure(person, f"peer.download({resource!r})")


def failure(person: PeerProcess, code: str) -> str:
    """The line that something fails with."""
    with pytest.raises(ProcessError) as failed:
        person.value(code)
    return str(failed.value).splitlines()[0]


def _options(given: dict[str, str]) -> str:
    return "".join(f", {name}={value!r}" for name, value in given.items())
