"""Folders as one resource: shared, found, downloaded whole or by the file, held, changed, lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import File
from tests.integration.conftest import Person
from tests.lab import LINKED, NOWHERE, Lab, download, failed_download, failure, meet, share
from tests.processes import PeerProcess

HOLDERS = "(await peer.explore()).holders.tolist()"


def results(folder: Path) -> dict[str, bytes]:
    """A folder of results, and what should come of it: paths and bytes."""
    wanted = {
        "README.md": b"# Orbits\n",
        "empty.txt": b"",
        "runs/first/large.bin": os.urandom(3 << 20),
        "runs/first/same.csv": b"a,b\n1,2\n",
        "runs/second/same.csv": b"a,b\n1,2\n",
        "runs/second/données – été 🌍.csv": "é\n".encode(),
        "two\nlines.txt": b"in its name\n",
        "piece.bin": bytes(1 << 20),
        "more.bin": bytes((1 << 20) + 1),
    }
    for name, content in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref\n")
    (folder / "runs" / ".DS_Store").write_bytes(b"x")
    (folder / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / "runs" / "nothing").mkdir()
    return {name.replace("\n", "_"): content for name, content in wanted.items()}


def found(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files_of(person: PeerProcess, resource: str) -> dict[str, tuple[int, str]]:
    rows = person.value(f"(await peer.files({resource!r})).values.tolist()")
    return {path: (size_bytes, root) for path, size_bytes, root in rows}


def test_a_folder_is_shared_found_and_downloaded_whole(lab: Lab, tmp_path: Path) -> None:
    wanted = results(tmp_path / "results")
    giver, keeper = lab.enter("giver"), lab.enter("keeper")
    meet(giver, keeper)
    resource = share(giver, tmp_path / "results")
    assert "4 links, hidden files and the like in results were left out." in giver.value("peer.notice")
    assert found(lab.repository("giver") / "results") == wanted
    row = keeper.value("(await peer.explore('results')).to_dict('records')[0]")
    assert (row["kind"], row["size_bytes"], row["title"]) == ("folder", sum(map(len, wanted.values())), "results")

    assert {path: size for path, (size, _) in files_of(keeper, resource).items()} == {
        path: len(content) for path, content in wanted.items()
    }
    path = download(keeper, resource)
    assert path == lab.repository("keeper") / "results"
    assert found(path) == wanted
    assert not list((path.parent.parent / "parts").iterdir())
    assert files_of(keeper, resource) == files_of(giver, resource)
    for person in (giver, keeper):
        person.sees(HOLDERS, [2])
    assert keeper.value("(await peer.repository()).kind.tolist()") == ["folder"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert found(download(keeper, resource, to=str(elsewhere))) == wanted
    assert [path.name for path in elsewhere.iterdir()] == ["results"]

    # The giver is gone: the keeper serves all of it, and each file of it.
    giver.close()
    late = lab.enter("late")
    meet(keeper, late)
    assert found(download(late, resource)) == wanted
    later = lab.enter("later")
    meet(keeper, late, later)
    one = download(later, resource, file="runs/first/large.bin")
    assert one == lab.repository("later") / "large.bin"
    assert one.read_bytes() == wanted["runs/first/large.bin"]


def test_one_file_of_a_folder_is_downloaded_and_held_by_its_own_root(lab: Lab, tmp_path: Path) -> None:
    wanted = results(tmp_path / "results")
    giver, keeper, other = (lab.enter(name) for name in ("giver", "keeper", "other"))
    meet(giver, keeper, other)
    resource = share(giver, tmp_path / "results")
    path = download(keeper, resource, file="runs/second/données – été 🌍.csv")
    assert path.read_bytes() == wanted["runs/second/données – été 🌍.csv"]
    assert download(keeper, resource, file="empty.txt").read_bytes() == b""
    assert "has no file 'nowhere.csv'" in failure(keeper, f"peer.download({resource!r}, file='nowhere.csv')")

    held = keeper.value("(await peer.repository())[['title', 'kind', 'sharer']].values.tolist()")
    assert held == [["empty", "text", "keeper"], ["données – été 🌍", "data", "keeper"]]
    root = files_of(keeper, resource)["runs/second/données – été 🌍.csv"][1]
    assert keeper.value("[row.inside for row in peer.downloads()]") == [resource, resource]
    other.sees(
        f"{keeper.ids['keeper']!r} in [each.record.peer for each in peer._context.store.records.holdings({root!r})]"
    )
    other.sees(HOLDERS, [1])

    # Who has only that file gives it on to those who know the folder.
    files_of(other, resource)
    giver.value("peer.stop()")
    other.sees(LINKED, ["keeper"])
    assert download(other, resource, file="runs/second/données – été 🌍.csv").read_bytes() == path.read_bytes()
    assert "Nobody who holds results is online" in failed_download(other, resource)

    keeper.value(f"peer.unshare({root!r}, delete=True)")
    assert not path.exists()
    assert keeper.value("(await peer.repository()).title.tolist()") == ["empty"]


def test_a_changed_or_deleted_file_retires_the_folder(lab: Lab, tmp_path: Path) -> None:
    results(tmp_path / "results")
    giver, keeper, other = (lab.enter(name) for name in ("giver", "keeper", "other"))
    meet(giver, keeper, other)
    resource = share(giver, tmp_path / "results")
    download(keeper, resource)
    other.sees(HOLDERS, [2])

    large = Path("results", "runs", "first", "large.bin")
    changed = lab.repository("giver") / large
    changed.write_bytes(bytes(3 << 20))
    (lab.repository("keeper") / large).unlink()
    failed = failed_download(other, resource)
    assert "no longer" in failed or "stopped sending" in failed
    other.sees(HOLDERS, [0])
    for person in (giver, keeper):
        person.sees("(await peer.repository()).title.tolist()", [])
    assert changed.read_bytes() == bytes(3 << 20)


def test_unsharing_and_deleting_a_folder(lab: Lab, tmp_path: Path) -> None:
    results(tmp_path / "results")
    giver = lab.enter("giver")
    resource = share(giver, tmp_path / "results")
    assert share(giver, tmp_path / "results") == resource
    assert [path.name for path in lab.repository("giver").iterdir()] == ["results"]
    giver.value(f"peer.unshare({resource!r}, delete=True)")
    assert not list(lab.repository("giver").iterdir())
    assert not list((lab.repository("giver").parent / "parts").iterdir())
    assert giver.value("(await peer.repository()).title.tolist()") == []
    assert share(giver, tmp_path / "results") == resource


def test_what_cannot_be_shared_says_why_in_one_line(lab: Lab, tmp_path: Path) -> None:
    giver = lab.enter("giver", start=False)
    empty = tmp_path / "empty"
    (empty / ".hidden").mkdir(parents=True)
    (empty / "link").symlink_to("/etc/passwd")
    assert "empty has no files to share" in failure(giver, f"peer.share({str(empty)!r})")
    assert "holds your profile, with its keys" in failure(giver, f"peer.share({str(tmp_path)!r})")
    profile = lab.repository("giver").parent
    assert "holds your profile, with its keys" in failure(giver, f"peer.share({str(profile)!r})")
    deep = empty.joinpath(*["deep"] * 40)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    assert "folders deep" in failure(giver, f"peer.share({str(empty)!r})")
    assert not list(lab.repository("giver").iterdir())
    assert not list((profile / "parts").iterdir())


def test_a_folder_comes_over_the_link_from_who_cannot_be_dialled(lab: Lab, tmp_path: Path) -> None:
    wanted = results(tmp_path / "results")
    keeper, giver = lab.enter("keeper"), lab.enter("giver", ACADEMICS_PUBLIC_URLS=NOWHERE)
    meet(giver, keeper)
    resource = share(giver, tmp_path / "results")
    assert set(files_of(keeper, resource)) == set(wanted)
    assert found(download(keeper, resource)) == wanted


def test_a_download_goes_on_after_a_kill(lab: Lab, tmp_path: Path) -> None:
    wanted = results(tmp_path / "results")
    giver, keeper = lab.enter("giver"), lab.enter("keeper")
    meet(giver, keeper)
    resource = share(giver, tmp_path / "results")
    parts = lab.repository("keeper").parent / "parts" / f"{resource}.parts"
    # What a killed process may have left: whole and half files, and things that never were the folder's.
    (parts / "runs" / "first").mkdir(parents=True)
    (parts / "runs" / "first" / "large.bin").write_bytes(wanted["runs/first/large.bin"][: 2 << 20])
    (parts / "README.md").write_bytes(b"# Wrong!\n")
    (parts / "piece.bin").symlink_to("/etc/passwd")
    (parts / "more.bin").mkdir()
    (parts / "stray").write_text("x")
    download(keeper, resource)
    assert found(lab.repository("keeper") / "results") == wanted
    sent_bytes = giver.value("peer._engine.ranges.sent_bytes")
    assert sent_bytes == sum(map(len, wanted.values())) - (2 << 20)


def test_versions(lab: Lab, tmp_path: Path) -> None:
    giver, keeper = lab.enter("giver"), lab.enter("keeper")
    meet(giver, keeper)
    file = tmp_path / "orbits.csv"
    file.write_text("planet\nearth\n")
    first = share(giver, file, title="The orbits", keywords="astronomy", doi="10.1234/orbits")
    file.write_text("planet\nearth\nmars\n")
    second = share(giver, file)
    assert share(giver, file) == second
    file.write_text("planet\nearth\nmars\nvenus\n")
    third = share(giver, file, title="All orbits")
    table = "(await peer.versions({!r}))[['version', 'id', 'title']].values.tolist()"
    wanted = [[3, third, "All orbits"], [2, second, "The orbits"], [1, first, "The orbits"]]
    for person in (giver, keeper):
        for each in (first, second, third):
            person.sees(table.format(each), wanted)
    shown = (
        "[(each.resource.version, each.resource.previous, each.newer) for each in (await peer.find(Query())).listings]"
    )
    keeper.value("from academics_jupyter.registry.port import Query")
    keeper.sees(shown, [[3, second, ""], [2, first, third], [1, "", third]])
    described = giver.value(
        f"(lambda it: (it.resource.keywords, it.resource.doi))(await peer.exploring.listing({second!r}))"
    )
    assert described == [["astronomy"], ""]
    assert download(keeper, first).read_text() == "planet\nearth\n"

    folder = tmp_path / "results"
    results(folder)
    one = share(giver, folder, title="Results of it all")
    (folder / "README.md").write_text("# Changed\n")
    two = share(giver, folder)
    assert giver.value(table.format(one)) == [[2, two, "Results of it all"], [1, one, "Results of it all"]]
    assert sorted(path.name for path in lab.repository("giver").iterdir() if path.is_dir()) == [
        "results",
        "results (2)",
    ]
    # Somebody who has come since sees the whole chain too.
    late = lab.enter("late")
    late.sees(table.format(third), wanted)


def test_a_passenger_lists_and_downloads_files_of_a_folder(lab: Lab, tmp_path: Path) -> None:
    wanted = results(tmp_path / "results")
    giver, keeper = lab.enter("giver"), lab.enter("keeper")
    passenger = lab.enter("keeper")
    meet(giver, keeper)
    resource = share(giver, tmp_path / "results")
    assert set(files_of(passenger, resource)) == set(wanted)
    assert download(passenger, resource, file="README.md").read_bytes() == wanted["README.md"]
    giver.value("peer.stop()")
    assert set(files_of(passenger, resource)) == set(wanted)


HOSTILE = {
    "..": b"d2:..d0:d6:lengthi0eeee",
    "an absolute path": b"d4:/etcd0:d6:lengthi0eeee",
    "a long name": b"d300:" + b"x" * 300 + b"d0:d6:lengthi0eeee",
    "no bencoding": b"<html>",
    "a million entries": b"d" + b"".join(b"7:%07dd0:d6:lengthi0eee" % number for number in range(1_000_000)) + b"e",
    "too deep": b"d1:a" * 100 + b"d0:d6:lengthi0eee" + b"e" * 100,
    "too large": file_tree.encode(File((f"{number:03}",), "ab" * 32, 16 << 30) for number in range(100)),
    "a wrong number": b"d1:ad0:d6:lengthi-5e11:pieces root32:" + b"x" * 32 + b"eeee",
}

PRETEND = """
from academics_jupyter.network.served import Served
from academics_jupyter.protocol.contents import Contents, one_file
from academics_jupyter.protocol.records import Holding, Resource
from academics_jupyter.protocol import file_tree
from academics_jupyter.peer.serving import ServingService

def pretend(resource, tree, size_bytes):
    served = Served(one_file(resource, size_bytes), [], [], b"", tree)
    find = ServingService._find
    ServingService._find = lambda self, wanted: served if wanted == resource else find(self, wanted)
    context = peer._context
    with context.store.transaction():
        context.publish(Holding(**context.header(), resource=resource, held=True))
        context.publish(Resource(**context.header(), id=resource, sha256=resource, size_bytes=size_bytes,
            file_name="hostile", media_type="inode/directory", kind="folder", title="Hostile", files=1))
"""


@pytest.mark.timeout(180)
def test_hostile_trees_are_refused_in_one_line_and_write_nothing(lab: Lab, tmp_path: Path) -> None:
    liar, victim = lab.enter("liar"), lab.enter("victim")
    meet(liar, victim)
    liar.value(PRETEND)
    for name, tree in HOSTILE.items():
        path = tmp_path / "tree"
        path.write_bytes(tree)
        resource = file_tree.name_tree(tree).root
        liar.value(f"pretend({resource!r}, Path({str(path)!r}).read_bytes(), 1)")
        liar.value("peer.flushed()")
        line = failed_download(victim, resource)
        assert "The folder cannot be downloaded, whoever holds it: a file tree" in line, (name, line)
    # One that is not what the id says, which another holder may have right.
    liar.value(f"pretend({'ab' * 32!r}, b'd1:ad0:d6:lengthi0eeee', 0)")
    liar.value("peer.flushed()")
    assert "a list of files that is not the folder's" in failure(victim, f"peer.download({'ab' * 32!r})")
    assert not list(lab.repository("victim").iterdir())
    assert not list((lab.repository("victim").parent / "parts").iterdir())


def test_who_calls_a_file_a_folder_keeps_nobody_from_it(lab: Lab, tmp_path: Path) -> None:
    giver, liar, keeper = (lab.enter(name) for name in ("giver", "liar", "keeper"))
    meet(giver, liar, keeper)
    file = tmp_path / "orbits.csv"
    file.write_text("planet\nearth\n")
    resource = share(giver, file)
    liar.value("from academics_jupyter.protocol.records import Resource")
    liar.value(
        f"peer._context.publish(Resource(**peer._context.header(), id={resource!r}, sha256={resource!r}, size_bytes=13,"
        " file_name='orbits', media_type='inode/directory', kind='folder', title='Orbits', files=3))"
    )
    liar.value("peer.flushed()")
    keeper.sees(f"len(peer._context.store.records.resources({resource!r}))", 2)
    assert download(keeper, resource).read_text() == file.read_text()


def test_names_that_are_one_on_other_systems_are_kept_apart(lab: Lab, tmp_path: Path) -> None:
    giver, keeper = lab.enter("giver"), lab.enter("keeper")
    meet(giver, keeper)
    folder = tmp_path / "twins"
    (folder / "A").mkdir(parents=True)
    (folder / "a").mkdir()
    (folder / "A" / "x.csv").write_text("upper")
    (folder / "a" / "x.csv").write_text("lower")
    (folder / "CON").write_text("device")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    wanted = {"A/x.csv": b"upper", "a (2)/x.csv": b"lower", "_CON": b"device", "caf\ufffd.txt": b"latin"}
    assert found(download(keeper, share(giver, folder))) == wanted


@pytest.mark.timeout(180)
def test_folders_from_notebook_cells(sit_down: Callable[..., Person], tmp_path: Path) -> None:
    ada, bob = sit_down("ada"), sit_down("bob")
    results(tmp_path / "results")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(101):
        (many / f"run_{number:03}.csv").write_text(f"run\n{number}\n")
    (many / "notes.txt").write_text("not among them")

    ran = ada.run(f"whole = %share {tmp_path}/results/\nwhole")
    assert "4 links, hidden files and the like in results were left out." in ran.text
    assert "folder, 9 files" in ran.text
    ran = ada.run(f"%cd -q {tmp_path}\nruns = %share many/*.csv --title 'A hundred runs'\nruns")
    assert "101 files are shared as one resource, the folder many." in ran.text
    assert ada.value("(runs.files, runs.title, runs.file_name)") == (101, "A hundred runs", "many")
    few = ada.value("[each.files for each in get_ipython().run_line_magic('share', 'many/run_00*.csv')]")
    assert few == [0] * 10
    (many / "run_000.csv").write_text("run\nagain\n")
    assert "2, after " in ada.run("runs = %share many/*.csv\nruns").text

    bob.sees("len(get_ipython().run_line_magic('explore', '--kind folder'))", 3)
    whole = ada.value("whole.id")
    path = bob.value(f"str(get_ipython().run_line_magic('download', '{whole[:12]} --file runs/first/same.csv'))")
    assert Path(str(path)).read_text() == "a,b\n1,2\n"
    fetched = bob.value(f"str(get_ipython().run_line_magic('fetch', '{ada.value('runs.id')}'))")
    assert (Path(str(fetched)) / "run_000.csv").read_text() == "run\nagain\n"
    assert len(found(Path(str(fetched)))) == 101
    bob.run("import pandas as pd")
    assert bob.value(f"pd.read_csv('academics://{whole[:12]}/runs/second/same.csv').b.tolist()") == [2]
    assert "is a folder: name a file in it" in bob.error(f"open_it = pd.read_csv('academics://{ada.value('runs.id')}')")
    file = ada.value("get_ipython().run_line_magic('explore', '--kind data').id.tolist()[0]")
    assert "is one file, and not a folder" in bob.error(f"%download {file} --file x")
