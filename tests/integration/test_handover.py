"""Moving a profile's peer between processes: `%academics detach`, `%academics attach`, and ends of every kind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.detached import detached_below, none_left_below
from tests.integration.conftest import Environment, Person
from tests.waiting import wait_until

SitDown = Callable[..., Person]

STATUS = "academics.current().status()"
LARGE_BYTES = 32 << 20
SLOW = {"ACADEMICS_UPLOAD_LIMIT": "1 MB/s"}
"""A download from who gives so slowly takes long enough to be moved about."""
HASTEN = """
from academics_jupyter.network.limiter import Limiter
academics.current()._engine.ranges._limiter = Limiter()
"""

WATCH = """
import asyncio
seen = set()
async def watch(name):
    while True:
        seen.add(tuple((await academics.current().people(name)).online))
        await asyncio.sleep(0.05)
watching = asyncio.create_task(watch("{name}"))
"""
BLOCKING = "print('computing', flush=True)\nimport time\ntime.sleep(600)"


@pytest.fixture(autouse=True)
def detached(environment: Environment) -> Iterator[Callable[[], list[int]]]:
    """The detached processes of this module's people; none outlives its test."""
    homes = Path(environment("anybody")["ACADEMICS_HOME"]).parent
    with none_left_below(homes):
        yield lambda: detached_below(homes)


def chats(peer: str) -> str:
    return f"get_ipython().run_line_magic('history', '{peer}').text.tolist()"


def is_online(name: str) -> str:
    return f"get_ipython().run_line_magic('people', '{name}').online.tolist()"


def process_of(person: Person) -> int:
    """The process that runs somebody's peer, as their status tells it."""
    found = re.search(r"process (\d+)", str(person.value(f"{STATUS}.driven_by")))
    assert found is not None
    return int(found[1])


def test_a_download_and_chats_go_on_while_the_peer_moves(
    sit_down: SitDown, tmp_path: Path, detached: Callable[[], list[int]]
) -> None:
    mover, giver = sit_down("mover"), sit_down("giver", **SLOW)
    second = sit_down("mover", register=False)
    second.run("%academics start")
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(LARGE_BYTES))
    giver.run(f"resource = %share {large}")
    giver.run("await academics.current().flushed()")
    mover.sees("get_ipython().run_line_magic('explore', 'large').available.tolist()", [True])
    giver.run(WATCH.format(name="mover"))
    mover.run("row = %download 0 --background")
    now = "row_now = lambda: max(academics.current().downloads(), key=lambda each: each.id)"
    mover.run(now)
    second.run(now)
    mover.sees("row_now().done_bytes > 0")

    told = mover.run("%academics detach").text
    assert "%academics attach brings it back" in told
    assert f"it runs in academics serve, process {process_of(mover)}" in told
    assert detached() == [process_of(mover)]
    assert second.value(f"{STATUS}.driven_by") == mover.value(f"{STATUS}.driven_by")
    mover.run("%chat giver from the detached peer")
    giver.sees(chats("mover"), ["from the detached peer"])
    giver.run("%chat mover to the detached peer")
    mover.sees(chats("giver"), ["from the detached peer", "to the detached peer"])
    assert mover.value("row_now().state") == "active"

    waiting = mover.kernel.send("path = %download 0")
    assert "it runs here" in second.run("%academics attach").text
    wait_until(lambda: not detached(), what="the end of the detached process")
    assert second.value("row_now().state") == "active"
    second.run("%chat giver from the second kernel")
    giver.run(HASTEN + "%chat mover to the second kernel")
    assert (waited := mover.kernel.collect(waiting)).status == "ok", waited.traceback
    assert Path(str(mover.value("str(path)"))).read_bytes() == large.read_bytes()
    assert mover.value("len(academics.current().downloads())") == 1

    said = ["from the detached peer", "to the detached peer", "from the second kernel", "to the second kernel"]
    for person, other in ((giver, "mover"), (mover, "giver"), (second, "giver")):
        person.sees(f"sorted({chats(other)})", sorted(said))
    assert giver.value("seen") == {(True,)}, "they were offline for a moment"


def test_who_is_left_goes_on_when_the_other_is_killed(sit_down: SitDown, detached: Callable[[], list[int]]) -> None:
    roamer, friend = sit_down("roamer"), sit_down("companion")
    friend.sees(is_online("roamer"), [True])
    roamer.run("%academics detach")
    os.kill(process_of(roamer), signal.SIGKILL)
    roamer.sees(f"{STATUS}.role", "driver")
    friend.run("%chat roamer after the first kill")
    roamer.sees(chats("companion"), ["after the first kill"])

    roamer.run("%academics detach")
    assert "nothing to detach" in roamer.run("%academics detach").text
    serving = detached()
    assert serving == [process_of(roamer)]
    friend.run(WATCH.format(name="roamer"))
    roamer.kernel.kill()
    friend.run("%chat roamer after the second kill")
    friend.sees("get_ipython().run_line_magic('history', 'roamer').state.tolist()", ["read", "delivered"])
    assert detached() == serving

    roamer = sit_down("roamer", register=False)
    assert "it runs in academics serve" in roamer.run("%academics start").text
    assert roamer.value(chats("companion")) == ["after the first kill", "after the second kill"]
    assert "it runs here" in roamer.run("%academics attach").text
    assert "already" in roamer.run("%academics attach").text
    wait_until(lambda: not detached(), what="the end of the detached process")
    assert friend.value("seen") == {(True,)}, "they were offline for a moment"
    assert roamer.value(f"{STATUS}.role") == "driver"
    roamer.run("%academics stop")
    friend.sees(is_online("roamer"), [False])


def test_a_busy_driver_is_not_taken_over_from(sit_down: SitDown) -> None:
    thinker = sit_down("ponderer")
    second = sit_down("ponderer", register=False)
    assert "not in this kernel" in second.run("%academics detach").text
    second.run("%academics start\nfrom academics_jupyter.peer import driving\npatience_s = driving.ANSWER_TIMEOUT_S")
    computing = thinker.kernel.send(BLOCKING)
    thinker.kernel.wait_for_output(computing)
    second.run("driving.ANSWER_TIMEOUT_S = 2")
    line = second.error("%academics attach")
    second.run("driving.ANSWER_TIMEOUT_S = patience_s")
    assert f"process {process_of(second)}" in line
    assert "busy" in line
    assert "interrupt it" in line
    thinker.kernel.interrupt()
    assert thinker.kernel.collect(computing).error == "KeyboardInterrupt"
    assert "it runs here" in thinker.run("%academics status").text
    assert "it runs here" in second.run("%academics attach").text
    thinker.sees(f"{STATUS}.role", "passenger")
    second.kernel.kill()
    thinker.sees(f"{STATUS}.role", "driver")


def test_a_wisher_that_dies_leaves_nobody_offline(sit_down: SitDown) -> None:
    stayer = sit_down("stayer")
    second = sit_down("stayer", register=False)
    address = stayer.value(f"{STATUS}.address")
    second.run("%academics status")
    second.run(
        "from academics_jupyter.protocol.driving import Wish\n"
        "from academics_jupyter.store.store import wall_clock_ms\n"
        "academics.current()._context.store.driving.make_wish(Wish('somebody dead', wall_clock_ms()))"
    )
    stayer.sees(f"({STATUS}.role, {STATUS}.address != {address!r})", ("driver", True))


def test_a_cell_that_starves_the_peer_brings_the_offer_to_detach(sit_down: SitDown) -> None:
    absorbed = sit_down("absorbed")
    absorbed.run("panel = get_ipython().run_line_magic('academics', 'panel')\npart = panel.profile")
    absorbed.sees("part.state.get('starved')", "")
    absorbed.run("from academics_jupyter.peer import presence\npresence.STARVED_S = 1\nimport time\ntime.sleep(2)")
    absorbed.sees("'nobody could reach your peer' in part.state['starved']")
    absorbed.run("presence.STARVED_S = 600")
    absorbed.run("part._receive(part, {'do': 'detach'}, [])")
    absorbed.sees("part.state['role']", "passenger")
    assert "academics serve" in str(absorbed.value("part.state['driven_by']"))
    absorbed.run("part._receive(part, {'do': 'attach'}, [])")
    absorbed.sees("(part.state['role'], part.state['starved'], part.problem)", ("driver", "", ""))


def test_a_process_that_does_not_come_up_changes_nothing(sit_down: SitDown, detached: Callable[[], list[int]]) -> None:
    homebody = sit_down("homebody")
    homebody.run("from academics_jupyter.peer import detached\ndetached.SERVE_MODULE = 'academics_jupyter.nowhere'")
    line = homebody.error("%academics detach")
    assert "stays where it is" in line
    assert "No module named academics_jupyter.nowhere" in line
    assert "it runs here" in homebody.run("%academics status").text
    homebody.run("from academics_jupyter.peer import driving\ndriving.DETACH_TIMEOUT_S = 0.1")
    homebody.run("detached.SERVE_MODULE = 'academics_jupyter.command_line'")
    assert "took too long" in homebody.error("%academics detach")
    wait_until(lambda: not detached(), what="the end of the process that took too long")
    homebody.sees(f"{STATUS}.role", "driver")


def test_a_server_that_the_user_started_stands_by_and_takes_over_again(
    sit_down: SitDown, environment: Environment
) -> None:
    secret = {"ACADEMICS_PASSPHRASE": "correct horse"}
    caretaker = sit_down("caretaker", **secret)
    caretaker.run("%academics stop")
    command = [sys.executable, "-m", "academics_jupyter.command_line", "serve"]
    with subprocess.Popen(command, env=environment("caretaker", **secret), stdout=subprocess.DEVNULL) as server:
        try:
            caretaker.sees(f"{STATUS}.role", "passenger")
            assert "it runs here" in caretaker.run("%academics attach").text
            assert "it runs in academics serve" in caretaker.run("%academics detach").text
            assert process_of(caretaker) != server.pid
            assert "correct" not in " ".join(psutil.Process(process_of(caretaker)).cmdline())
            caretaker.run("%academics attach\n%academics stop")
            caretaker.sees(f"'process {server.pid}' in {STATUS}.driven_by")
        finally:
            server.terminate()
    assert server.returncode == 0
