"""Downloads from many holders at once: who joins, leaves, stalls or lies changes the rate, never the result."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import LINKED, NOWHERE, Lab, download, failed_download, meet, share
from tests.processes import PeerProcess, ProcessError

MIB = 1 << 20
SIZE_BYTES = 32 * MIB + 5
LIMIT = {"ACADEMICS_UPLOAD_LIMIT": "2 MB"}
"""Slow enough that things can happen while a download is under way."""

DONE = "peer.downloads()[0].done_bytes"
STATE = "peer.downloads()[0].state"
GIVEN = "{peer.exploring.name_of(each.peer): each.given_bytes for each in peer.downloads()[0].holders}"
SENT = "peer._engine.ranges.sent_bytes"

LIE = """
from academics_jupyter.network import served
honest = served.ServedReader.read
def lie(self, start, end):
    data = honest(self, start, end)
    return bytes([data[0] ^ 1]) + data[1:]
served.ServedReader.read = lie
served.ServedReader.read_at_hand = lambda self, start, end: None
"""
LIE_ABOUT_PIECES = """
from dataclasses import replace
ranges = peer._engine.ranges
find_truly = ranges._find
async def find(resource):
    found = await find_truly(resource)
    return replace(found, pieces=found.pieces[32:] + found.pieces[:32])
ranges._find = find
"""


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    file = tmp_path / "survey.bin"
    file.write_bytes(os.urandom(SIZE_BYTES))
    return file


def holders(lab: Lab, file: Path, *names: str, **environment: str) -> tuple[str, list[PeerProcess]]:
    """People who all hold a file, each sharing it anew, and its id."""
    people = [lab.enter(name, **environment) for name in names]
    meet(*people)
    resources = {share(person, file, "Survey") for person in people}
    return resources.pop(), people


def same(path: object, file: Path) -> bool:
    return hashlib.sha256(Path(str(path)).read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest()


@pytest.mark.timeout(180)
def test_holders_join_leave_and_stall_midway_and_the_bytes_are_the_same(lab: Lab, survey: Path) -> None:
    resource, (giver, leaver, killed, staller) = holders(
        lab, survey, "giver", "leaver", "killed", "staller", ACADEMICS_UPLOAD_LIMIT="1 MB"
    )
    reader = lab.enter("reader")
    meet(giver, leaver, killed, staller, reader)
    reader.value("from academics_jupyter.peer import gathering; gathering.NEXT_AFTER_S = 2")
    fetching = reader.ask(f"peer.download({resource!r})")
    reader.sees(f"sorted({GIVEN})", ["giver", "killed", "leaver", "staller"])
    killed.kill()
    leaver.value("peer.stop()")
    staller.stop()
    joiner = lab.enter("joiner")
    share(joiner, survey, "Survey")
    assert same(fetching.result(120), survey)
    given = reader.value(GIVEN)
    assert sum(given.values()) == SIZE_BYTES
    assert given.get("joiner", 0) > MIB, (given, reader.log())
    staller.cont()


@pytest.mark.timeout(180)
def test_with_one_honest_holder_among_four_liars_a_download_completes(lab: Lab, survey: Path) -> None:
    names = ("liar-one", "liar-two", "liar-three", "liar-four", "honest")
    resource, people = holders(lab, survey, *names)
    *liars, honest = people
    for liar in liars:
        liar.value(LIE)
    # Found out by its list or by its bytes, whichever is asked of it first.
    liars[3].value(LIE_ABOUT_PIECES)
    honest.value(
        "from academics_jupyter.network.limiter import Limiter; peer._engine.ranges._limiter = Limiter(8 << 20)"
    )
    reader = lab.enter("reader")
    meet(reader, *people)
    assert same(reader.value(f"peer.download({resource!r})"), survey)
    given = reader.value(GIVEN)
    assert {name: count for name, count in given.items() if count} == {"honest": SIZE_BYTES}
    log = reader.log(whole=True)
    for liar in names[:3]:
        assert log.count(f"{liar} sent a piece that is not the resource's; nothing more is taken from it") == 1
    assert "from liar-four: " in log
    assert reader.value("peer.downloads()[0].state") == "finished"


def test_a_list_of_pieces_that_is_a_lie_is_not_believed(lab: Lab, survey: Path) -> None:
    resource, (liar, honest) = holders(lab, survey, "liar", "honest")
    honest.value("peer.stop()")
    liar.value(LIE_ABOUT_PIECES)
    reader = lab.enter("reader")
    meet(reader, liar)
    assert "list of pieces is not that of the resource" in failed_download(reader, resource)
    honest.value("peer.start()")
    meet(liar, honest, reader)
    assert same(reader.value(f"peer.download({resource!r})"), survey)


@pytest.mark.timeout(180)
def test_after_a_kill_only_what_was_not_verified_comes_and_from_whoever_is_there(lab: Lab, survey: Path) -> None:
    resource, (giver, other) = holders(lab, survey, "giver", "other", **LIMIT)
    reader = lab.enter("reader")
    meet(giver, other, reader)
    other.value("peer.stop()")
    reader.ask(f"peer.download({resource!r})")
    reader.sees(f"{DONE} > {8 * MIB}", timeout_s=60)
    had = reader.value(DONE)
    reader.kill()
    giver.value("peer.stop()")
    assert not list(lab.repository("reader").iterdir()), "something under its final name that is not whole"
    other.value("peer.start()")
    sent_before = other.value(SENT)
    again = lab.enter("reader")
    meet(other, again)
    assert same(again.value(f"peer.download({resource!r})"), survey)
    # The piece that was being written when it was killed may come anew.
    assert other.value(SENT) - sent_before <= SIZE_BYTES - had + 8 * MIB


def test_pause_continue_and_cancel_from_another_kernel(lab: Lab, survey: Path) -> None:
    resource, (giver,) = holders(lab, survey, "giver", **LIMIT)
    reader, passenger = lab.enter("reader"), lab.enter("reader")
    meet(giver, reader)
    fetching = reader.ask(f"peer.download({resource!r})")
    passenger.sees(f"{DONE} > {2 * MIB}")
    number = passenger.value("peer.downloads()[0].id")
    passenger.value(f"peer.pause_download({number})")
    reader.sees("len(peer._engine._downloader._running)", 0)
    had, sent = passenger.value(DONE), giver.value(SENT)
    assert (passenger.value(STATE), passenger.value("peer.downloads()[0].rate_bytes_s")) == ("paused", 0.0)
    assert not fetching.done()
    passenger.value(f"peer.continue_download({number})")
    passenger.sees(f"{DONE} > {had}")
    assert same(fetching.result(60), survey)
    assert giver.value(SENT) <= SIZE_BYTES + 8 * MIB
    assert had <= sent

    second = survey.with_name("second.bin")
    second.write_bytes(os.urandom(SIZE_BYTES))
    cancelled = share(giver, second, "Second")
    fetching = reader.ask(f"peer.download({cancelled!r})")
    passenger.sees(f"{STATE} == 'active' and {DONE} > 0")
    passenger.value("peer.cancel_download(peer.downloads()[0].id)")
    with pytest.raises(ProcessError, match="cancelled; download it again to go on"):
        fetching.result(30)


def test_what_only_the_other_side_can_dial_comes_over_its_link(lab: Lab, survey: Path) -> None:
    resource, _ = holders(lab, survey, "giver", ACADEMICS_PUBLIC_URLS=NOWHERE)
    reader = lab.enter("reader")
    reader.sees(LINKED, ["giver"])
    assert same(download(reader, resource), survey)
    assert reader.value(GIVEN) == {"giver": SIZE_BYTES}
    assert "comes over the link" in reader.log(whole=True)


def test_what_is_wanted_in_two_places_at_once_comes_once(lab: Lab, survey: Path, tmp_path: Path) -> None:
    resource, (giver,) = holders(lab, survey, "giver")
    reader = lab.enter("reader")
    meet(giver, reader)
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        folder.mkdir()
    fetching = [reader.ask(f"peer.download({resource!r}, {str(folder)!r})") for folder in folders]
    assert [Path(each.result(60)) for each in fetching] == [folder / survey.name for folder in folders]
    assert all(same(folder / survey.name, survey) for folder in folders)
    assert giver.value(SENT) == SIZE_BYTES


def test_a_download_outlives_the_process_that_verifies_it(lab: Lab, survey: Path) -> None:
    resource, (giver,) = holders(lab, survey, "giver", **LIMIT)
    reader = lab.enter("reader")
    meet(giver, reader)
    fetching = reader.ask(f"peer.download({resource!r})")
    reader.sees(f"{DONE} > {2 * MIB}")
    reader.value("peer._engine._downloader._workers.verifying()._process.kill()")
    assert same(fetching.result(60), survey)


def test_bytes_come_while_a_cell_computes(lab: Lab, survey: Path) -> None:
    resource, (giver,) = holders(lab, survey, "giver", **LIMIT)
    reader = lab.enter("reader")
    meet(giver, reader)
    fetching = reader.ask(f"peer.download({resource!r})")
    reader.sees(f"{DONE} > 0")
    sent = giver.value(SENT)
    computing = reader.ask("import time; time.sleep(6)")
    giver.sees(f"{SENT} > {sent + 5 * MIB}", timeout_s=6)
    computing.result(30)
    assert same(fetching.result(60), survey)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB, where the test may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.timeout(180)
def test_a_full_disk_ends_a_download_which_goes_on_once_there_is_room(lab: Lab, survey: Path, small_disk: Path) -> None:
    resource, (giver,) = holders(lab, survey, "giver", **LIMIT)
    reader = PeerProcess(small_disk / "reader", registry=lab.registry)
    with reader:
        reader.open("reader")
        meet(giver, reader)
        filler = small_disk / "filler"
        filler.write_bytes(bytes(30 * MIB))
        line = failed_download(reader, resource)
        assert "the disk has" in line
        assert reader.value(GIVEN) == {}, "something was fetched though it could not fit"
        filler.unlink()

        fetching = reader.ask(f"peer.download({resource!r})")
        reader.sees(f"{DONE} > {8 * MIB}")
        filler.write_bytes(bytes(small_room(small_disk)))
        with pytest.raises(ProcessError, match="disk is full"):
            fetching.result(60)
        had = reader.value(DONE)
        filler.unlink()
        sent = giver.value(SENT)
        assert same(reader.value(f"peer.download({resource!r})"), survey)
        assert giver.value(SENT) - sent <= SIZE_BYTES - had + 8 * MIB


def small_room(disk: Path) -> int:
    """All but a few MiB of what is free on a disk."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize - 4 * MIB
