"""A mongod of a test's own on TCP, as a shared registry is; it can be killed, and started again on the same data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from academics_jupyter.registry.mongod import find_mongod
from tests.guarded import GuardedProcess, free_port
from tests.waiting import wait_until

START_TIMEOUT_S = 40.0
PROBE_TIMEOUT_MS = 1_000
OPTIONS = (
    "--replSet rs0 --oplogSize 64 --quiet --nounixsocket --noscripting --wiredTigerCacheSizeGB 0.25 "
    "--wiredTigerEngineConfigString log=(file_max=8MB,prealloc=false) "
    "--setParameter diagnosticDataCollectionEnabled=false --setParameter ttlMonitorSleepSecs=5"
)


def registry_uri(host: str, port: int, database: str = "academics") -> str:
    """What ACADEMICS_REGISTRY is set to, for mongod itself or for a proxy in front of it.

    The connection is direct, because a replica set names its members, and a client would go past the proxy to them.
    """
    return f"mongodb://{host}:{port}/{database}?directConnection=true"


class RunningMongod:
    """A single-node replica set on one port for as long as it is not closed, however often it is killed and started."""

    def __init__(self, folder: Path, bind_ip: str = "127.0.0.1") -> None:
        self.host, self.port = bind_ip, free_port(bind_ip)
        self._databases = 0
        self._folder = folder
        self._mongod = find_mongod(folder / "lib")
        (folder / "db").mkdir(exist_ok=True)
        self._process: GuardedProcess | None = None
        self.start()

    @property
    def uri(self) -> str:
        """Its address for ACADEMICS_REGISTRY."""
        return registry_uri(self.host, self.port)

    def new_database(self) -> str:
        """The address of a registry that nobody has used, in this mongod."""
        self._databases += 1
        return registry_uri(self.host, self.port, f"academics-{self._databases}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the data that it had, and wait until it takes writes."""
        assert self._process is None, "this mongod runs already"
        command = [str(self._mongod.path), *OPTIONS.split(), "--dbpath", str(self._folder / "db")]
        self._process = GuardedProcess([*command, "--bind_ip", self.host, "--port", str(self.port)], self._environment)
        try:
            wait_until(self._takes_writes, START_TIMEOUT_S, "a mongod that takes writes")
        except BaseException as error:
            error.add_note(self._process.log())
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: its port is closed, and what was journaled is kept."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> None:
        """SIGSTOP: its port takes connections and answers nothing."""
        assert self._process is not None
        self._process.stop()

    def cont(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.cont()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._mongod.environment}

    def _takes_writes(self) -> bool:
        assert self._process is not None
        assert self._process.is_alive, "mongod ended"
        try:
            with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=PROBE_TIMEOUT_MS) as client:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                self._initiate(client)
        except PyMongoError:
            return False
        return False

    def _initiate(self, client: MongoClient[dict[str, Any]]) -> None:
        if not (self._folder / "initiated").exists():
            member = {"_id": 0, "host": f"{self.host}:{self.port}"}
            settings = {"electionTimeoutMillis": 1_000}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member], "settings": settings})
            (self._folder / "initiated").touch()


@contextmanager
def running_mongod(bind_ip: str = "127.0.0.1") -> Iterator[RunningMongod]:
    """A mongod on a free port of `bind_ip`, killed and removed at the end.

    Processes in network namespaces reach one bound to the `outside` address of their `Network`.
    """
    with TemporaryDirectory(prefix="academics-mongod-") as folder:
        mongod = RunningMongod(Path(folder), bind_ip)
        try:
            yield mongod
        finally:
            mongod.kill()
