"""How the extension lives in a kernel: loading, starting twice, waiting, interrupts, restarts, two kernels, ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import Person
from tests.waiting import wait_until

SitDown = Callable[..., Person]

SESSION = "from academics_jupyter.notebook import extension\nsession = next(iter(extension._loaded.values()))\n"
WAIT = SESSION + "import asyncio\nawaiting = asyncio.Event()\n"


def test_loading_alone_publishes_nothing(sit_down: SitDown) -> None:
    watcher = sit_down("watcher")
    newcomer = sit_down("newcomer", register=False)
    assert "not registered" in newcomer.run("%academics").text
    assert not newcomer.home.exists()
    assert "%register --name" in newcomer.error("%explore")
    newcomer.run("%register --name newcomer")
    newcomer.kernel.restart()
    newcomer.run("%load_ext academics")
    assert "not started" in newcomer.run("%academics").text
    people = "get_ipython().run_line_magic('people', 'newcomer').online.tolist()"
    watcher.sees(people, [False])
    newcomer.run("%academics start")
    watcher.sees(people, [True])


def test_starting_twice_and_reloading(sit_down: SitDown) -> None:
    someone = sit_down("someone")
    address = "academics.current().status().address"
    before = someone.value(address)
    assert "it runs here" in someone.run("%academics start").text
    assert someone.value(address) == before
    someone.run("%load_ext academics")
    assert "it runs here" in someone.run("%academics status").text
    someone.run("%reload_ext academics")
    assert "not started" in someone.run("%academics status").text
    assert "it runs here" in someone.run("%academics start").text
    someone.run("%unload_ext academics")
    assert "not found" in someone.run("%academics", check=False).text
    someone.run("%load_ext academics\n%academics start\n%academics stop\n%academics stop\n%academics start")


def test_a_waiting_magic_keeps_order_and_can_be_interrupted(sit_down: SitDown) -> None:
    patient = sit_down("patient")
    patient.run(WAIT)
    kernel = patient.kernel
    first = kernel.send(
        "asyncio.get_running_loop().call_later(1, awaiting.set)\nsession.wait(awaiting.wait())\nprint(1)"
    )
    second, third = kernel.send("print(2)"), kernel.send("print(3)")
    assert [kernel.collect(each).text.strip() for each in (first, second, third)] == ["1", "2", "3"]

    waiting = kernel.send("print('waiting', flush=True)\nsession.wait(asyncio.Event().wait())")
    _interrupt_when(patient, waiting)
    awaiting = kernel.send("print('waiting', flush=True)\nawait asyncio.Event().wait()")
    _interrupt_when(patient, awaiting)
    computing = kernel.send("print('waiting', flush=True)\nwhile True: pass")
    _interrupt_when(patient, computing)
    assert "it runs here" in patient.run("%academics status").text


def test_a_busy_kernel_is_busy_and_not_gone(sit_down: SitDown) -> None:
    watcher, thinker = sit_down("sentinel"), sit_down("thinker")
    state = "get_ipython().run_line_magic('peers', '').query('name == \"thinker\"').state.tolist()"
    people = "get_ipython().run_line_magic('people', 'thinker').online.tolist()"
    watcher.sees(state, ["linked"])
    computing = thinker.kernel.send("while True: pass")
    watcher.sees(state, ["busy"])
    assert watcher.value(people) == [True]
    watcher.run("%chat thinker for when you are done")
    thinker.kernel.interrupt()
    assert thinker.kernel.collect(computing).error == "KeyboardInterrupt"
    texts = "get_ipython().run_line_magic('history', 'sentinel').text.tolist()"
    thinker.sees(texts, ["for when you are done"])
    watcher.sees(state, ["linked"])


def test_an_end_of_any_kind_is_seen_by_the_others(sit_down: SitDown) -> None:
    watcher, leaver = sit_down("onlooker"), sit_down("leaver")
    people = "get_ipython().run_line_magic('people', 'leaver').online.tolist()"
    links = "get_ipython().run_line_magic('peers', '').query('name == \"leaver\"').state.tolist()"
    watcher.sees(links, ["linked"])
    leaver.kernel.restart()
    watcher.sees(people, [False])
    watcher.sees(links, ["offline"])
    leaver.run("%load_ext academics\n%academics start")
    watcher.sees(links, ["linked"])
    leaver.kernel.shut_down()
    watcher.sees(people, [False])
    watcher.sees(links, ["offline"])


def test_a_message_survives_the_kill_of_its_author_and_the_absence_of_its_reader(sit_down: SitDown) -> None:
    author, reader = sit_down("author"), sit_down("reader")
    author.sees("get_ipython().run_line_magic('peers', '').query('name == \"reader\"').state.tolist()", ["linked"])
    reader.kernel.kill()
    author.sees("get_ipython().run_line_magic('peers', '').query('name == \"reader\"').state.tolist()", ["offline"])
    author.run("%chat reader first\n%chat reader second")
    assert "they are offline" in author.run("%academics status").text
    author.kernel.kill()

    author = sit_down("author")
    author.run("%chat reader third")
    reader = sit_down("reader", register=False)
    reader.run("%academics start")
    texts = "get_ipython().run_line_magic('history', 'author').text.tolist()"
    reader.sees(texts, ["first", "second", "third"])
    author.sees("get_ipython().run_line_magic('history', 'reader').state.tolist()", ["read"] * 3)
    assert reader.value(texts) == ["first", "second", "third"]


def test_a_second_kernel_of_the_profile_is_a_passenger(sit_down: SitDown, tmp_path: Path) -> None:
    driver, friend = sit_down("driver"), sit_down("friend")
    driver.run("import os\nsession_process = os.getpid()")
    passenger = sit_down("driver", register=False)
    told = passenger.run("%academics start").text
    assert "passenger" in told
    assert f"process {driver.value('session_process')}" in told
    file = tmp_path / "shared-by-a-passenger.txt"
    file.write_text("from the second kernel\n")
    passenger.run(f"resource = %share {file}")
    look = "get_ipython().run_line_magic('explore', 'passenger').available.tolist()"
    friend.sees(look, [True])
    passenger.sees(look, [True])
    passenger.run("%chat friend from the passenger")
    friend.sees("get_ipython().run_line_magic('history', 'driver').text.tolist()", ["from the passenger"])
    friend.run("%chat driver and back")
    texts = "get_ipython().run_line_magic('history', 'friend').text.tolist()"
    passenger.sees(texts, ["from the passenger", "and back"])
    driver.sees(texts, ["from the passenger", "and back"])
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("from a friend\n")
    friend.run(f"resource = %share {theirs}")
    passenger.sees("get_ipython().run_line_magic('explore', 'theirs').available.tolist()", [True])
    passenger.run("path = %download 0")
    assert passenger.value("path.read_text()") == "from a friend\n"


def test_a_passenger_takes_over_and_finishes_the_work(sit_down: SitDown, tmp_path: Path) -> None:
    driver, giver = sit_down("worker"), sit_down("giver", ACADEMICS_UPLOAD_LIMIT="6 MB/s")
    passenger = sit_down("worker", register=False)
    passenger.run("%academics start")
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(48 << 20))
    giver.run(f"resource = %share {large}")
    giver.run("await academics.current().flushed()")
    passenger.sees("get_ipython().run_line_magic('explore', 'large').available.tolist()", [True])
    passenger.run("row = %download 0 --background")
    passenger.run("row_now = lambda: next(each for each in academics.current().downloads() if each.id == row.id)")
    passenger.sees("row_now().done_bytes > 0")
    driver.kernel.kill()
    passenger.run("%chat giver written while nobody drives")
    passenger.sees("academics.current().status().role", "driver")
    giver.sees("get_ipython().run_line_magic('history', 'worker').text.tolist()", ["written while nobody drives"])
    passenger.sees("row_now().state", "finished")
    assert Path(str(passenger.value("row_now().path"))).read_bytes() == large.read_bytes()
    passenger.run("%academics stop")
    assert passenger.value("academics.current().status().role") == "stopped"


def _interrupt_when(person: Person, message: str) -> None:
    """Interrupt a cell once it has printed; it must end, with nothing else harmed."""
    client = person.kernel.client
    printed = False

    def says_so() -> bool:
        nonlocal printed
        out = client.get_iopub_msg(timeout=10)
        printed = printed or (out["parent_header"].get("msg_id") == message and out["msg_type"] == "stream")
        return printed

    wait_until(says_so)
    person.kernel.interrupt()
    assert person.kernel.collect(message).error in ("KeyboardInterrupt", "CancelledError")
