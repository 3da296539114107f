"""`academics export-torrent`: what a profile holds becomes a torrent that BitTorrent clients seed and fetch."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bittorrent import BitTorrentClient
from tests.command import run
from tests.guarded import free_port
from tests.processes import PeerProcess

Export = Callable[..., subprocess.CompletedProcess[str]]
FETCH_TIMEOUT_S = 60.0


@pytest.fixture
def nowhere() -> str:
    """A registry that does not answer."""
    return f"mongodb://127.0.0.1:{free_port()}/academics"


@pytest.fixture
def ada(tmp_path: Path, nowhere: str) -> Iterator[PeerProcess]:
    """Somebody who is offline."""
    with PeerProcess(tmp_path / "ada", registry=nowhere) as person:
        person.open("ada", start=False)
        yield person


@pytest.fixture
def export(tmp_path: Path, nowhere: str) -> Export:
    """Run the command for Ada in `tmp_path / "here"`."""
    here = tmp_path / "here"
    here.mkdir()

    def export(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ACADEMICS_HOME": str(tmp_path / "ada"), "ACADEMICS_REGISTRY": nowhere}
        return run("export-torrent", "--profile=ada", *map(str, arguments), folder=here, environment=environment)

    return export


def share(person: PeerProcess, file: Path) -> str:
    return str(person.value(f"(await peer.share({str(file)!r})).id"))


def repository(tmp_path: Path) -> Path:
    return tmp_path / "ada" / "profiles" / "ada" / "repository"


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed says."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("academics: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("size_bytes", [1, (16 << 10) + 1, (5 << 20) + 12_345])
def test_a_torrent_is_seeded_from_the_repository_and_fetched_by_other_clients(
    ada: PeerProcess, export: Export, tmp_path: Path, size_bytes: int
) -> None:
    file = tmp_path / "Orbits of Ceres, 谷神星.csv"
    file.write_bytes(os.urandom(size_bytes))
    resource = share(ada, file)
    ada.close()  # No peer runs, and no registry answers.
    done = export(resource[:12])
    torrent = tmp_path / "here" / f"{file.name}.torrent"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{torrent}\n", "")
    content = torrent.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    with BitTorrentClient(content, repository(tmp_path)) as seed, BitTorrentClient(content, elsewhere) as other:
        assert seed.is_seeding
        assert not other.is_seeding
        other.fetch_from(seed.port, FETCH_TIMEOUT_S)
    assert (elsewhere / file.name).read_bytes() == file.read_bytes()


def test_a_folder_is_one_torrent(ada: PeerProcess, export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "Survey of Ceres"
    files = {"read me.txt": 0, "raw/spectra.bin": (3 << 20) + 1, "raw/2026/注.csv": 1, "raw/2026/b.csv": 1 << 20}
    for name, size_bytes in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.urandom(size_bytes))
    resource = share(ada, folder)
    content = Path(export(resource).stdout.rstrip("\n")).read_bytes()
    elsewhere = tmp_path / "elsewhere"
    with BitTorrentClient(content, repository(tmp_path)) as seed, BitTorrentClient(content, elsewhere) as other:
        assert seed.is_seeding
        other.fetch_from(seed.port, FETCH_TIMEOUT_S)
    for name in files:
        assert (elsewhere / folder.name / name).read_bytes() == (folder / name).read_bytes()
    (repository(tmp_path) / folder.name / "raw" / "spectra.bin").write_bytes(b"something else")
    assert "was changed or is gone" in one_line(export(resource, "--output", "again"))


def test_of_two_files_with_one_name_each_torrent_names_its_own(
    ada: PeerProcess, export: Export, tmp_path: Path
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.bin").write_bytes(os.urandom(40_000))
        assert export(share(ada, tmp_path / folder / "data.bin")).returncode == 0
    torrents = sorted((tmp_path / "here").iterdir())
    assert [torrent.name for torrent in torrents] == ["data (2).bin.torrent", "data.bin.torrent"]
    for torrent in torrents:
        with BitTorrentClient(torrent.read_bytes(), repository(tmp_path)) as seed:
            assert seed.is_seeding


def test_where_a_torrent_goes(ada: PeerProcess, export: Export, tmp_path: Path) -> None:
    file = tmp_path / f"{'long name ' * 24}.csv"
    file.write_text("planet,period\n")
    resource = share(ada, file)
    given, folder = tmp_path / "given.torrent", tmp_path / "folder"
    folder.mkdir()
    assert export(resource, "--output", given).stdout == f"{given}\n"
    assert export(resource, "--output", "relative").stdout == f"{tmp_path / 'here' / 'relative'}\n"
    placed = Path(export(resource, "--output", folder).stdout.rstrip("\n"))
    assert placed.parent == folder
    assert placed.suffix == ".torrent"
    assert placed.read_bytes() == given.read_bytes() == (tmp_path / "here" / "relative").read_bytes()
    assert stat.S_IMODE(given.stat().st_mode) == 0o600
    assert str(ada.value(f"peer.export_torrent({resource!r}, {str(folder / 'by name')!r})")) == str(folder / "by name")


def test_what_cannot_be_exported_is_said_in_one_line(ada: PeerProcess, export: Export, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("kept.txt", "taken back.txt", "changed.txt", "empty.txt")}
    for name, file in files.items():
        file.write_text("" if name.startswith("empty") else name)
    ids = {name: share(ada, file) for name, file in files.items()}
    ada.value(f"peer.unshare({ids['taken back.txt']!r}, delete=True)")
    (repository(tmp_path) / "changed.txt").write_text("something else")

    assert "No resource's id begins with 'abcdef'" in one_line(export("abcdef"))
    assert "'paper.pdf' is no resource" in one_line(export("paper.pdf"))
    assert "is not in your repository" in one_line(export(ids["taken back.txt"]))
    assert "changed.txt was changed or is gone" in one_line(export(ids["changed.txt"]))
    assert "empty.txt is empty" in one_line(export(ids["empty.txt"]))

    kept = ids["kept.txt"]
    assert "cannot be written: No such file or directory." in one_line(export(kept, "--output", "no/folder"))
    here = tmp_path / "here"
    (here / "kept.txt.torrent").write_text("mine")
    (here / "dangling").symlink_to("nothing")
    for name in ("kept.txt.torrent", "dangling"):
        assert "was not overwritten" in one_line(export(kept, "--output", name))
    assert "was not overwritten" in one_line(export(kept))
    assert (here / "kept.txt.torrent").read_text() == "mine"
    assert sorted(path.name for path in here.iterdir()) == ["dangling", "kept.txt.torrent"]


def test_who_has_no_profile_is_told_how_to_make_one(export: Export) -> None:
    assert "%register --name NAME makes one" in one_line(export("abcdef"))
