"""Who holds what: downloaders become holders, who lost a file is found out, and `available` follows people."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.lab import LINKED, NOWHERE, Lab, download, failed_download, meet, share
from tests.processes import PeerProcess, ProcessError

SitDown = Callable[..., Person]

HOLDERS = "(await peer.explore()).holders.tolist()"
AVAILABLE = "(await peer.explore(available=True)).title.tolist()"

OPEN_PANEL = """
from academics_jupyter.notebook.panels import explore
explore.REFRESH_INTERVAL_S = float('inf')
panel = get_ipython().run_line_magic('academics', 'panel')
panel.explore._msg_callbacks(panel.explore, {'do': 'sight', 'view': 'one', 'seen': True}, [])
"""


def be_patient_for(person: PeerProcess, last_s: float, next_after_s: float) -> None:
    """Have somebody give holders up sooner than people do."""
    person.value(
        "from academics_jupyter.peer import gathering\n"
        f"gathering.PATIENCE_S, gathering.NEXT_AFTER_S = {last_s}, {next_after_s}"
    )


def test_a_holder_who_deleted_the_file_is_found_out_and_counted_no_more(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "orbits.csv"
    file.write_text("planet,period\nearth,1\n")
    giver, keeper, looker, other = (lab.enter(name) for name in ("giver", "keeper", "looker", "other"))
    meet(giver, keeper, looker, other)
    resource = share(giver, file, "Orbits")
    download(keeper, resource)
    for person in (giver, keeper, looker, other):
        person.sees(HOLDERS, [2])

    (lab.repository("keeper") / "orbits.csv").unlink()
    giver.value("peer.stop()")
    looker.sees(LINKED, ["keeper", "other"])
    assert "no longer does: the registry is being corrected" in failed_download(looker, resource)
    for person in (keeper, looker, other):
        person.sees(HOLDERS, [1])
        person.sees(AVAILABLE, [])
    assert keeper.value("(await peer.repository()).title.tolist()") == []

    giver.value("peer.start()")
    meet(giver, keeper, looker, other)
    assert download(looker, resource).read_text() == file.read_text()
    for person in (giver, keeper, looker, other):
        person.sees(HOLDERS, [2])
    assert download(keeper, resource).read_text() == file.read_text()
    other.sees(HOLDERS, [3])


def test_a_holder_who_lost_the_store_takes_back_what_is_said_of_it(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "lost.txt"
    file.write_text("not for ever\n")
    giver, looker = lab.enter("giver"), lab.enter("looker")
    resource = share(giver, file, "Lost")
    giver.close()
    for each in lab.repository("giver").parent.glob("store.sqlite3*"):
        each.unlink()
    giver = lab.enter("giver", start=False)
    giver.value("peer.register('giver')")
    giver.value("peer.start()")
    assert giver.value(HOLDERS) == [1]
    meet(giver, looker)
    assert "no longer does: the registry is being corrected" in failed_download(looker, resource)
    for person in (giver, looker):
        person.sees(HOLDERS, [0])


def test_a_holder_who_does_not_answer_is_passed_by_and_stays_a_holder(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "tides.bin"
    file.write_bytes(os.urandom(3 << 20))
    giver, sleeper, looker = (lab.enter(name) for name in ("giver", "sleeper", "looker"))
    meet(giver, sleeper, looker)
    resource = share(giver, file, "Tides")
    download(sleeper, resource)
    looker.sees(HOLDERS, [2])
    be_patient_for(looker, last_s=3, next_after_s=1)

    sleeper.stop()
    assert download(looker, resource).read_bytes() == file.read_bytes()
    looker.sees(HOLDERS, [3])

    late = lab.enter("late")
    be_patient_for(late, last_s=3, next_after_s=1)
    giver.value("peer.stop()")
    looker.value("peer.stop()")
    line = failed_download(late, resource)
    assert "sleeper" in line
    assert "again goes on where it stopped" in line
    assert late.value(HOLDERS) == [3]

    sleeper.cont()
    late.sees(LINKED, ["sleeper"])
    assert download(late, resource).read_bytes() == file.read_bytes()
    late.sees(HOLDERS, [4])


def test_a_download_whose_holder_hangs_in_the_middle_is_resumed(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "survey.bin"
    file.write_bytes(os.urandom(24 << 20))
    with lab.behind_a_proxy() as (proxy, environment):
        giver, looker = (
            lab.enter("giver", **environment),
            lab.enter("looker", ACADEMICS_PUBLIC_URLS=NOWHERE),
        )
        meet(giver, looker)
        resource = share(giver, file, "Survey")
        be_patient_for(looker, last_s=2, next_after_s=1)
        proxy.carry(bytes_per_s=4 << 20)
        fetching = looker.ask(f"peer.download({resource!r})")
        looker.sees("[row.done_bytes > 4 << 20 for row in peer.downloads()]", [True])
        proxy.hang()
        with pytest.raises(
            ProcessError,
            match=r"giver (stopped sending|did not answer within 2 s)\. Downloading survey\.bin again goes on",
        ):
            fetching.result(30)
        had = looker.value("peer.downloads()[0].done_bytes")
        assert 0 < had < file.stat().st_size
        assert looker.value(HOLDERS) == [1]

        proxy.carry(bytes_per_s=4 << 20)
        looker.sees(LINKED, ["giver"])
        again = looker.ask(f"peer.download({resource!r})")
        looker.sees("peer.downloads()[0].done_bytes > 0")
        assert looker.value("peer.downloads()[0].done_bytes") >= had
        assert Path(str(again.result(60))).read_bytes() == file.read_bytes()


def test_available_follows_who_comes_and_goes(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "comet.txt"
    file.write_text("it returns\n")
    driver, passenger = lab.enter("looker"), lab.enter("looker")
    assert passenger.value("peer.status().role") == "passenger"
    holder = lab.enter("holder")
    meet(driver, holder)
    share(holder, file, "Comet")

    def see(wanted: list[str]) -> None:
        for looker in (driver, passenger):
            looker.sees(AVAILABLE, wanted)
            assert looker.value("(await peer.explore('comet')).available.tolist()") == [bool(wanted)]

    see(["Comet"])
    holder.value("peer.stop()")
    see([])
    holder.value("peer.start()")
    see(["Comet"])
    holder.kill()
    see([])
    lab.enter("holder")
    see(["Comet"])


def test_the_panel_of_every_kernel_greys_what_nobody_holds_any_more(sit_down: SitDown, tmp_path: Path) -> None:
    file = tmp_path / "meteor.txt"
    file.write_text("it does not\n")
    driver, holder = sit_down("astronomer"), sit_down("keeper of meteors")
    passenger = sit_down("astronomer", register=False)
    passenger.run("%academics start")
    holder.run(f"resource = %share {file} --title Meteor")
    holder.run("await academics.current().flushed()")
    shown = "[row['available'] for row in panel.explore.state.get('rows', []) if row['title'] == 'Meteor']"
    for kernel in (driver, passenger):
        kernel.run(OPEN_PANEL)
        kernel.sees(shown, [True])
    holder.kernel.kill()
    for kernel in (driver, passenger):
        kernel.sees(shown, [False])
    back = sit_down("keeper of meteors", register=False)
    back.run("%academics start")
    for kernel in (driver, passenger):
        kernel.sees(shown, [True])
