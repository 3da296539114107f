from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from academics_jupyter.errors import StoreError, UnknownTargetError, UsageError
from academics_jupyter.store import repository as module
from academics_jupyter.store.repository import Repository, TakenIn

RESOURCE = "0a" * 32


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF" + b"x" * 3_000_000)
    return path


def nothing_left(repository: Repository) -> bool:
    return not any(repository.parts.iterdir())


def test_a_file_is_copied_and_hashed(repository: Repository, paper: Path) -> None:
    told: list[int] = []
    taken = repository.take_in(paper, "paper.pdf", told.append)
    assert taken.path == repository.folder / "paper.pdf"
    assert taken.path.read_bytes() == paper.read_bytes()
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
    assert taken.hashes.sha256 == hashlib.sha256(paper.read_bytes()).hexdigest()
    assert told == sorted(told)
    assert told[-1] == taken.hashes.size_bytes == 3_000_004
    assert nothing_left(repository)
    held = taken.held(7)
    assert (held.resource, held.path, held.added_at_ms) == (taken.hashes.root, "paper.pdf", 7)
    assert repository.path_of(held) == taken.path
    assert repository.still_held(held)


def test_the_empty_file(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    taken = repository.take_in(tmp_path / "empty", "empty")
    assert (taken.hashes.size_bytes, taken.hashes.root) == (0, "0" * 64)
    assert repository.still_held(taken.held(0))


def test_no_file_is_replaced(repository: Repository, paper: Path) -> None:
    first = repository.take_in(paper, "paper.pdf")
    paper.write_bytes(b"other")
    second = repository.take_in(paper, "Paper.PDF")
    third = repository.take_in(paper, "../../paper.pdf")
    assert len({taken.path.name.casefold() for taken in (first, second, third)}) == 3
    assert {taken.path.parent for taken in (first, second, third)} == {repository.folder}
    assert first.path.stat().st_size == 3_000_004


def test_identical_bytes_are_kept_once(repository: Repository, paper: Path) -> None:
    first = repository.take_in(paper, "paper.pdf")
    rows = {first.hashes.root: first.held(0)}
    assert repository.take_in(paper, "again.pdf", held=rows.get) == TakenIn(
        first.path, first.recorded, first.hashes, first.mtime_ns, copied=False
    )
    assert nothing_left(repository)
    first.path.unlink()
    assert repository.take_in(paper, "again.pdf", held=rows.get).path.name == "again.pdf"


def test_what_is_held_elsewhere_stays_there(repository: Repository, paper: Path, tmp_path: Path) -> None:
    first = repository.take_in(paper, "paper.pdf")
    elsewhere = replace(first.held(0), path=str(paper), mtime_ns=paper.stat().st_mtime_ns)
    taken = repository.take_in(paper, "paper.pdf", held={first.hashes.root: elsewhere}.get)
    assert taken.path == paper
    assert taken.held(0) == elsewhere


def test_a_link_that_the_person_names_is_followed(repository: Repository, paper: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(paper)
    assert repository.take_in(tmp_path / "link", "paper.pdf").hashes.size_bytes == 3_000_004


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
    ],
)
def test_only_regular_files_are_taken_in(
    repository: Repository, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "source")
    with pytest.raises(UsageError):
        repository.take_in(tmp_path / "source", "name")
    assert nothing_left(repository)


def test_what_is_not_there(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(UnknownTargetError):
        repository.take_in(tmp_path / "missing", "name")


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_a_source_that_changes_meanwhile(repository: Repository, paper: Path, change: str) -> None:
    changes: dict[str, Callable[[], object]] = {
        "grow": lambda: paper.open("ab").write(b"more"),
        "shrink": lambda: os.truncate(paper, 2_000_000),
        "touch": lambda: os.utime(paper, ns=(1, 1)),
    }
    with pytest.raises(UsageError, match="being changed"):
        repository.take_in(paper, "paper.pdf", lambda done: done < 1_500_000 and changes[change]())  # type: ignore[arg-type, func-returns-value, return-value]
    assert nothing_left(repository)
    assert not any(repository.folder.iterdir())


def test_a_full_disk(repository: Repository, paper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "sync_file", full)
    with pytest.raises(StoreError, match="disk is full"):
        repository.take_in(paper, "paper.pdf")
    assert nothing_left(repository)
    assert not any(repository.folder.iterdir())


def test_a_part_is_resumed_and_finished(repository: Repository) -> None:
    with repository.open_part(RESOURCE, 10) as file:
        file.seek(5)
        file.write(b"56789")
    assert stat.S_IMODE(repository.part_path(RESOURCE).stat().st_mode) == 0o600
    with repository.open_part(RESOURCE, 10) as file:
        assert file.read() == b"\0" * 5 + b"56789"
        file.seek(0)
        file.write(b"01234")
    path = repository.finish_part(RESOURCE, "../data.csv")
    assert path.parent == repository.folder
    assert path.read_bytes() == b"0123456789"
    assert nothing_left(repository)


def test_a_part_has_the_asked_size(repository: Repository) -> None:
    repository.open_part(RESOURCE, 100).close()
    with repository.open_part(RESOURCE, 10) as file:
        assert os.fstat(file.fileno()).st_size == 10
    assert repository.part_path(RESOURCE).stat().st_size == 10


@pytest.mark.parametrize("plant", ["link", "dangling link", "hard link", "fifo"])
def test_what_is_planted_at_a_part_is_not_written_to(repository: Repository, tmp_path: Path, plant: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    part = repository.part_path(RESOURCE)
    if plant == "link":
        part.symlink_to(victim)
    elif plant == "dangling link":
        part.symlink_to(tmp_path / "nowhere")
    elif plant == "hard link":
        part.hardlink_to(victim)
    else:
        os.mkfifo(part)
    with repository.open_part(RESOURCE, 4) as file:
        file.write(b"evil")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()
    assert repository.finish_part(RESOURCE, "x").read_bytes() == b"evil"


def test_what_cannot_fit_is_refused_at_once(repository: Repository) -> None:
    with pytest.raises(StoreError, match="the disk has"):
        repository.open_part(RESOURCE, 1 << 53)


@pytest.mark.parametrize("resource", ["", "..", "../" + "0a" * 32, "0A" * 32, "0a" * 32 + "\n"])
def test_parts_are_named_by_ids_only(repository: Repository, resource: str) -> None:
    with pytest.raises(UsageError):
        repository.part_path(resource)


def test_finishing_what_was_never_begun(repository: Repository) -> None:
    with pytest.raises(StoreError):
        repository.finish_part(RESOURCE, "x")


def test_changes_of_a_held_file_are_noticed(repository: Repository, paper: Path, tmp_path: Path) -> None:
    taken = repository.take_in(paper, "paper.pdf")
    held = taken.held(0)
    assert repository.still_held(held)
    os.utime(taken.path, ns=(1, 1))
    assert not repository.still_held(held)
    taken.path.unlink()
    assert not repository.still_held(held)
    taken.path.symlink_to(paper)
    assert not repository.still_held(held)
    repository.remove(held)
    repository.remove(held)
    assert paper.exists()


def test_copying_out(repository: Repository, paper: Path, tmp_path: Path) -> None:
    taken = repository.take_in(paper, "paper.pdf")
    to = tmp_path / "new" / "folder"
    first = repository.copy_out(taken.path, to, "paper.pdf")
    second = repository.copy_out(taken.path, to, "paper.pdf")
    assert first == to / "paper.pdf"
    assert first.read_bytes() == second.read_bytes() == paper.read_bytes()
    assert sorted(to.iterdir()) == sorted([first, second])


def test_leftovers_are_swept_once_they_are_old(repository: Repository) -> None:
    old, new = repository.parts / ".taking-old", repository.parts / ".taking-new"
    part = repository.part_path(RESOURCE)
    for path in (old, new, part):
        path.touch()
    for path in (old, part):
        os.utime(path, (1, 1))
    repository.sweep()
    assert sorted(repository.parts.iterdir()) == sorted([new, part])


def test_where_there_are_no_hard_links(repository: Repository, paper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*args: object, **options: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    names = {repository.take_in(paper, "paper.pdf").path.name for _ in range(2)}
    assert len(names) == 2
    assert nothing_left(repository)
