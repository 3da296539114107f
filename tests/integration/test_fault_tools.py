"""The tools that make faults do what they say; other tests rest on them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure

from tests.fault_proxy import FaultProxy
from tests.guarded import ROOT, GuardedProcess
from tests.mongod import registry_uri, running_mongod
from tests.namespaces import Host, Network
from tests.processes import PeerProcess, ProcessError
from tests.waiting import wait_until

PATIENCE_S = 10.0
SILENCE_S = 0.5

# Processes


def is_running(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


STARTER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children ignore it
from tests.guarded import GuardedProcess
process = GuardedProcess(["sh", "-c", "sleep 600 & echo $! >&2; wait"])
while not process.log():
    time.sleep(0.01)
process.stop()
print(process.pid, process.log().strip(), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_the_process_that_started_it(end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as starter:
        try:
            pids = [int(pid) for pid in starter.stdout.readline().split()]
            assert [is_running(pid) for pid in pids] == [True, True]
        finally:
            starter.send_signal(end)
    for pid in pids:
        wait_until(lambda pid=pid: not is_running(pid), what=f"the end of {pid}")


def test_who_does_not_end_is_killed() -> None:
    process = GuardedProcess(["sh", "-c", "trap '' TERM; echo here; while :; do sleep 1; done"])
    wait_until(process.log, what="a shell that ignores SIGTERM")
    process.signal(signal.SIGTERM)
    with pytest.raises(AssertionError, match="did not end"):
        process.wait(0.1)
    assert not process.is_alive
    process.kill()


def test_code_runs_in_the_process(tmp_path: Path) -> None:
    with PeerProcess(tmp_path / "home") as process:
        assert process.value("1 + 1") == 2
        assert process.value("await asyncio.sleep(0, 'awaited')") == "awaited"
        assert process.value("asyncio.sleep(0, Path('/a'))") == "/a"
        assert process.value("import math\nfound = math.tau") is None
        assert process.value("found") == pytest.approx(6.283185)
        assert process.value("os.environ['ACADEMICS_HOME']") == str(tmp_path / "home")
        assert process.value("print('this is no answer')") is None
        with pytest.raises(ProcessError, match="ZeroDivisionError"):
            process.value("1 / 0")
        slow = process.ask("asyncio.sleep(600)")
        process.sees("(lambda: [time.sleep(0), 'ready'])()[1]", "ready")
        with pytest.raises(AssertionError, match=r"stayed 1, not 2"):
            process.sees("1", 2, timeout_s=0.1)
        process.kill()
        with pytest.raises(ProcessError, match="ended"):
            slow.result(PATIENCE_S)
        with pytest.raises(ProcessError, match="ended"):
            process.value("1")


def test_processes_know_nothing_of_each_other(tmp_path: Path) -> None:
    """Though they may be forks of one."""
    with PeerProcess(tmp_path / "one", environment={"MINE": "1"}) as one, PeerProcess(tmp_path / "other") as other:
        one.value("time.mine = 1")
        assert one.value("[os.getpid(), os.getsid(0), os.environ['MINE']]") == [one.pid, one.pid, "1"]
        assert other.value("[os.getpid(), os.getsid(0), os.environ.get('MINE')]") == [other.pid, other.pid, None]
        assert not other.value("hasattr(time, 'mine')")
        assert one.value("__import__('random').random()") != other.value("__import__('random').random()")
        one.kill()
        assert not is_running(one.pid)
        assert other.is_alive
        assert other.value("1 + 1") == 2


def test_a_stopped_process_answers_once_it_goes_on(tmp_path: Path) -> None:
    with PeerProcess(tmp_path / "home") as process:
        assert process.value("1") == 1
        process.stop()
        answer = process.ask("2")
        with pytest.raises(TimeoutError):
            answer.result(SILENCE_S)
        process.cont()
        assert answer.result(PATIENCE_S) == 2


def test_errors_in_the_log_fail_the_test(tmp_path: Path) -> None:
    log = "__import__('logging').getLogger('somewhere').error('a fault of this program')"
    with pytest.raises(AssertionError, match="a fault of this program"), PeerProcess(tmp_path / "home") as process:
        process.value(log)
    with PeerProcess(tmp_path / "home", faults=["a fault of"]) as process:
        process.value(log)


def test_several_peers_live_in_one_process(tmp_path: Path) -> None:
    with running_mongod() as mongod, PeerProcess(tmp_path / "home", registry=mongod.uri) as process:
        process.open("ada", "grace")
        assert len(set(process.ids.values())) == 2
        for name, other in (("ada", "grace"), ("grace", "ada")):
            process.sees(f"peers['{name}'].peers().query('state == \"linked\"').name.tolist()", [other])
        process.kill()
        with PeerProcess(tmp_path / "home", "grace", registry=mongod.uri) as again:
            assert again.ids["grace"] == process.ids["grace"]


# mongod


def answers(uri: str) -> bool:
    """Whether a new client finds a mongod there soon."""
    with MongoClient(uri, serverSelectionTimeoutMS=500) as client:
        try:
            return bool(client.admin.command("ping"))
        except ConnectionFailure:
            return False


def test_mongod_keeps_its_data_and_its_port() -> None:
    with running_mongod() as mongod, MongoClient(mongod.uri) as client:
        notes = client["academics"]["notes"]
        notes.insert_one({"text": "kept"})
        mongod.kill()
        assert not answers(mongod.uri)
        mongod.start()
        assert notes.find_one()["text"] == "kept"
        mongod.stop()
        assert not answers(mongod.uri)
        mongod.cont()
        assert notes.count_documents({}) == 1


# Namespaces


ECHO = """
import socket, sys
with socket.create_server((sys.argv[1], 7)) as server:
    print("listening", file=sys.stderr, flush=True)
    while True:
        connection, _ = server.accept()
        while data := connection.recv(100):
            connection.sendall(data)
"""
SPEAK = """
import socket, sys
socket.setdefaulttimeout(float(sys.argv[2]))
try:
    with socket.create_connection((sys.argv[1], 7)) as connection:
        connection.sendall(b"hello")
        print(connection.recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""


@contextmanager
def echoing(host: Host) -> Iterator[None]:
    server = GuardedProcess(host.command(sys.executable, "-c", ECHO, host.address))
    try:
        wait_until(lambda: "listening" in server.log())
        yield
    finally:
        server.kill()


def hears(one: Host, other: Host, timeout_s: float = PATIENCE_S) -> bool:
    """Whether `one` reaches `other`; what is cut is silent, and neither refused nor unreachable."""
    command = one.command(sys.executable, "-c", SPEAK, other.address, str(timeout_s))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() in ("hello", "TimeoutError")
    return done.stdout.strip() == "hello"


def test_hosts_are_cut_and_healed() -> None:
    with Network() as network:
        here, there = network.host("here"), network.host("there")
        with echoing(here), echoing(there):
            assert hears(here, there)
            assert hears(network.outside, here)
            with socket.create_connection((there.address, 7), PATIENCE_S) as kept:
                there.cut()
                assert not hears(here, there, SILENCE_S)
                assert not hears(there, here, SILENCE_S)
                assert hears(network.outside, here)
                kept.sendall(b"one")
                assert is_silent(kept)
                there.heal()
                assert kept.recv(3) == b"one"
            assert hears(here, there)


def test_hosts_are_parted() -> None:
    with Network() as network:
        one, two, three = (network.host(name) for name in ("one", "two", "three"))
        with echoing(one), echoing(two), echoing(three):
            network.partition([one, two], [three])
            assert hears(one, two)
            assert not hears(three, one, SILENCE_S)
            assert not hears(two, three, SILENCE_S)
            assert hears(network.outside, three)
            network.partition([one, network.outside], [two])
            assert hears(two, three)
            assert not hears(one, two, SILENCE_S)
            assert not hears(network.outside, two, SILENCE_S)
            network.heal()
            assert hears(one, two)
            assert hears(network.outside, two)


KILLED = """
import os, signal
from tests.namespaces import Network
with Network() as network:
    print(network.host("left").namespace, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_test_left_is_removed() -> None:
    with Network():
        done = subprocess.run(
            [sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=30, check=False
        )
        left = Path("/run/netns") / done.stdout.strip()
        assert left.exists()
        with Network():
            assert not left.exists()


# The proxy


class Echo:
    """A server that sends back what comes, and counts."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.received = bytearray()
        self.ended = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    self.received += data
                    connection.sendall(data)
            except OSError:
                pass
            self.ended += 1


@pytest.fixture
def echo() -> Iterator[Echo]:
    with closing(Echo()) as echo:
        yield echo


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.address) as proxy:
        yield proxy


def dial(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), PATIENCE_S)


def read(connection: socket.socket, size_bytes: int) -> bytes:
    """What comes, until it is as much, or the end."""
    data = b""
    while len(data) < size_bytes and (more := connection.recv(size_bytes - len(data))):
        data += more
    return data


def is_silent(connection: socket.socket) -> bool:
    connection.settimeout(SILENCE_S)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)
    return False


def test_it_carries_everything_both_ways_and_to_the_end(proxy: FaultProxy, echo: Echo) -> None:
    sent = os.urandom(3_000_000)
    with dial(proxy) as connection:
        threading.Thread(target=lambda: [connection.sendall(sent), connection.shutdown(socket.SHUT_WR)]).start()
        assert read(connection, len(sent) + 1) == sent
    wait_until(lambda: proxy.connections == 0)
    assert echo.ended == 1


def test_it_refuses_and_keeps_its_port(proxy: FaultProxy) -> None:
    with dial(proxy) as before:
        before.sendall(b"a")
        assert read(before, 1) == b"a"
        for _ in range(3):
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                dial(proxy)
            before.sendall(b"b")
            assert read(before, 1) == b"b"
            proxy.carry()
            with dial(proxy) as after:
                after.sendall(b"c")
                assert read(after, 1) == b"c"


def test_what_is_stalled_is_held(proxy: FaultProxy, echo: Echo) -> None:
    with dial(proxy) as before:
        before.sendall(b"a")
        assert read(before, 1) == b"a"
        proxy.stall()
        before.sendall(b"b")
        before.shutdown(socket.SHUT_WR)
        with dial(proxy) as during:
            during.sendall(b"c")
            assert is_silent(before)
            assert is_silent(during)
            assert bytes(echo.received) == b"a"
            assert echo.ended == 0
            proxy.carry()
            assert read(before, 2) == b"b"
            assert read(during, 1) == b"c"


def test_what_hangs_is_lost(proxy: FaultProxy, echo: Echo) -> None:
    with dial(proxy) as before, dial(proxy) as idle:
        for connection in (before, idle):
            connection.sendall(b"a")
            assert read(connection, 1) == b"a"
        proxy.hang()
        before.sendall(b"b")
        with dial(proxy) as during:
            during.sendall(os.urandom(1_000_000))
            assert is_silent(before)
            assert is_silent(during)
            assert echo.ended == 0
            proxy.carry()
            for connection in (before, during):
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
        idle.sendall(b"c")
        assert read(idle, 1) == b"c"
    assert bytes(echo.received) == b"aac"


def test_it_resets(proxy: FaultProxy, echo: Echo) -> None:
    with dial(proxy) as before:
        before.sendall(b"a")
        assert read(before, 1) == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            before.recv(1)
        wait_until(lambda: echo.ended == 1)
        with pytest.raises(ConnectionResetError), dial(proxy) as during:
            during.recv(1)
        proxy.carry()
        with dial(proxy) as after:
            after.sendall(b"c")
            assert read(after, 1) == b"c"


def test_it_closes_one_way_only(proxy: FaultProxy, echo: Echo) -> None:
    with dial(proxy) as connection:
        connection.sendall(b"a")
        assert read(connection, 1) == b"a"
        proxy.half_close()
        assert connection.recv(1) == b""
        connection.sendall(b"b")
        wait_until(lambda: bytes(echo.received) == b"ab")


def took_s(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_it_delays_each_way(proxy: FaultProxy) -> None:
    def exchange() -> None:
        connection.sendall(b"a")
        assert read(connection, 1) == b"a"

    with dial(proxy) as connection:
        exchange()
        proxy.carry(delay_ms=150)
        assert took_s(exchange) >= 0.3


def test_it_limits_the_speed_of_all_together(proxy: FaultProxy) -> None:
    def exchange() -> None:
        for connection in (one, two):
            connection.sendall(bytes(20_000))
        for connection in (one, two):
            assert read(connection, 20_000) == bytes(20_000)

    with dial(proxy) as one, dial(proxy) as two:
        proxy.carry(bytes_per_s=100_000)
        assert took_s(exchange) >= 0.4


def test_it_flips_bits(proxy: FaultProxy, echo: Echo) -> None:
    with dial(proxy) as connection:
        proxy.carry(corrupt_every_bytes=1_000)
        connection.sendall(bytes(2_500))
        once = read(connection, 2_500)
        assert [index for index, byte in enumerate(echo.received) if byte] == [999, 1_999]
        assert once == bytes(2_500)  # the bits that were flipped there were flipped back
        connection.sendall(bytes(500))
        read(connection, 500)
        assert [index for index, byte in enumerate(echo.received) if byte] == [999, 1_999, 2_999]


def test_it_can_be_put_before_a_registry() -> None:
    with running_mongod() as mongod, FaultProxy((mongod.host, mongod.port)) as proxy:
        uri = registry_uri(proxy.host, proxy.port)
        with MongoClient(uri) as client:
            client["academics"]["notes"].insert_one({})
            for fault in (proxy.refuse, proxy.reset, proxy.stall, proxy.hang):
                fault()
                assert not answers(uri)
            proxy.carry()
            assert client["academics"]["notes"].count_documents({}) == 1
