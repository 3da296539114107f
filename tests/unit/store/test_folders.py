"""Folders in the repository: surveyed, taken in, on their way, copied out, removed; whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from academics_jupyter.errors import NotVerifiedError, StoreError, UsageError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import File
from academics_jupyter.protocol.merkle import EMPTY_ROOT, FileHasher
from academics_jupyter.store import durable, folders
from academics_jupyter.store.files import FolderFile, HeldFolder
from academics_jupyter.store.folder_parts import FolderPart
from academics_jupyter.store.folders import TakenFolder, copy_folder_out, is_whole, remove_folder, take_in_folder
from academics_jupyter.store.repository import Repository
from academics_jupyter.store.store import Store
from academics_jupyter.store.surveying import survey

WANTED = {"a/one.csv": b"1\n", "a/two.csv": b"22\n", "b.txt": b"", "large.bin": bytes(3 << 20)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, content in WANTED.items():
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "results"


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def found(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def taken(repository: Repository, source: Path) -> TakenFolder:
    return take_in_folder(repository, survey(source), source.name)


def root(content: bytes) -> str:
    hasher = FileHasher(len(content))
    hasher.update(content)
    return hasher.finish().root


def test_a_folder_is_copied_and_named_by_its_files(repository: Repository, source: Path) -> None:
    told: list[int] = []
    result = take_in_folder(repository, survey(source), "results", told.append)
    assert result.path == repository.folder / "results"
    assert found(result.path) == WANTED
    files = [File(tuple(name.split("/")), root(content), len(content)) for name, content in sorted(WANTED.items())]
    assert result.tree == file_tree.encode(files)
    assert result.id == file_tree.name_tree(result.tree).root
    assert told == sorted(told)
    assert told[-1] == sum(map(len, WANTED.values()))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in result.path.rglob("*") if path.is_file()}
    assert modes == {0o600}
    result.contents.check(result.pieces)
    assert is_whole(repository, result.held(7))
    assert not list(repository.parts.iterdir())


def test_a_folder_that_is_held_is_not_kept_twice(repository: Repository, source: Path) -> None:
    first = taken(repository, source)
    held = {first.id: first.held(0)}
    again = take_in_folder(repository, survey(source), "other", held=held.get)
    assert (again.path, again.copied) == (first.path, False)
    assert again.held(0) == first.held(0)
    (first.path / "b.txt").unlink()
    assert take_in_folder(repository, survey(source), "results", held=held.get).path.name == "results (2)"


def test_a_survey_leaves_out_what_was_not_meant(source: Path) -> None:
    (source / ".git").mkdir()
    (source / ".git" / "config").touch()
    (source / "a" / ".DS_Store").touch()
    (source / "link").symlink_to("/etc")
    os.mkfifo(source / "pipe")
    surveyed = survey(source)
    assert sorted("/".join(names) for names, _ in surveyed.files) == sorted(WANTED)
    assert (surveyed.left_out, surveyed.size_bytes) == (4, sum(map(len, WANTED.values())))
    some = survey(source, [Path("a/one.csv"), Path("link")])
    assert (some.files, some.left_out) == (((("a", "one.csv"), 2),), 1)


@pytest.mark.parametrize("change", ["grow", "shrink", "exchange"])
def test_a_file_that_changes_meanwhile_keeps_all_of_it_out(repository: Repository, source: Path, change: str) -> None:
    surveyed = survey(source)
    if change == "exchange":
        (source / "b.txt").unlink()
        (source / "b.txt").symlink_to("/etc/passwd")
    else:
        (source / "a" / "two.csv").write_text("333\n" if change == "grow" else "")
    with pytest.raises(UsageError, match=r"was being changed|cannot be shared"):
        take_in_folder(repository, surveyed, "results")
    assert not list(repository.folder.iterdir())
    assert not list(repository.parts.iterdir())


def test_nothing_is_replaced(repository: Repository, source: Path) -> None:
    (repository.folder / "results").mkdir()
    (repository.folder / "Results (2)").write_text("a file")
    assert taken(repository, source).path.name == "results (3)"
    assert not list((repository.folder / "results").iterdir())


def test_a_name_taken_in_the_last_moment_is_left_to_who_took_it(
    repository: Repository, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = durable.place_new_folder
    names: list[str] = []

    def late(temporary: Path, target: Path) -> None:
        if not names:
            target.mkdir()
        names.append(target.name)
        place(temporary, target)

    monkeypatch.setattr(folders, "place_new_folder", late)
    assert taken(repository, source).path.name == "results (2)"
    assert names == ["results", "results (2)"]


def test_without_syncfs_each_file_is_synced(
    repository: Repository, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(durable.sys, "platform", "darwin")
    monkeypatch.setattr(durable.os, "fsync", note)
    path = taken(repository, source).path
    assert {each.stat().st_ino for each in path.rglob("*")} <= synced


def test_copying_out_and_removing(repository: Repository, source: Path, tmp_path: Path) -> None:
    held = taken(repository, source).held(0)
    assert found(copy_folder_out(repository, held, tmp_path / "out", "results")) == WANTED
    assert copy_folder_out(repository, held, tmp_path / "out", "results").name == "results (2)"
    (repository.folder / "results" / "b.txt").write_text("changed")
    with pytest.raises(UsageError, match="was being changed"):
        copy_folder_out(repository, held, tmp_path / "out", "results")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["results", "results (2)"]
    remove_folder(repository, held)
    remove_folder(repository, held)
    assert not list(repository.folder.iterdir())
    assert not list(repository.parts.iterdir())


def test_an_old_leftover_is_swept(repository: Repository) -> None:
    old, young = repository.parts / ".taking-old", repository.parts / ".taking-young"
    for each in (old, young):
        (each / "below").mkdir(parents=True)
    os.utime(old, (1, 1))
    repository.sweep()
    assert list(repository.parts.iterdir()) == [young]


def part_of(repository: Repository, result: TakenFolder) -> FolderPart:
    part = FolderPart(repository, result.id, result.tree)
    part.open()
    return part


def fill(part: FolderPart, source: Path) -> None:
    for number in sorted(part.missing):
        piece = part.contents.piece(number)
        content = (source / "/".join(part.contents.files[piece.file].path)).read_bytes()
        part.write(number, 0, content[piece.start : piece.end])


def test_a_part_becomes_the_folder(repository: Repository, source: Path, threads: Executor) -> None:
    result = taken(repository, source)
    part = part_of(repository, result)
    part.learn_hashes(result.pieces, threads)
    assert len(part.missing) == 5
    fill(part, source)
    held = part.finish("results", 7)
    assert found(repository.folder / held.path) == WANTED
    assert held.path == "results (2)"
    assert is_whole(repository, held)
    assert (held.resource, held.tree, held.pieces, held.size_bytes) == (
        result.id,
        result.tree,
        result.pieces,
        (3 << 20) + 5,
    )
    assert not list(repository.parts.iterdir())


def test_a_part_goes_on_with_what_holds_and_takes_the_rest_away(
    repository: Repository, source: Path, threads: Executor
) -> None:
    result = taken(repository, source)
    part = part_of(repository, result)
    part.learn_hashes(result.pieces, threads)
    fill(part, source)
    part.close()
    lying = repository.parts / f"{result.id}.parts"
    (lying / "a" / "one.csv").write_bytes(b"9\n")
    (lying / "a" / "two.csv").unlink()
    (lying / "a" / "two.csv").symlink_to("/etc/passwd")
    with (lying / "large.bin").open("r+b") as file:
        file.truncate(2 << 20)
    (lying / "stray").mkdir()
    (lying / "stray" / "file").touch()
    again = part_of(repository, result)
    assert not (lying / "stray").exists()
    again.learn_hashes(result.pieces, threads)
    assert len(again.missing) == 3
    fill(again, source)
    assert found(repository.folder / again.finish("results", 0).path) == WANTED


@pytest.mark.parametrize(
    "plant", [lambda path: path.symlink_to("/tmp"), lambda path: path.write_text("x")], ids=["a link", "a file"]
)
def test_a_part_is_a_folder_of_ours(
    repository: Repository, source: Path, plant: Callable[[Path], object], threads: Executor
) -> None:
    result = taken(repository, source)
    plant(repository.parts / f"{result.id}.parts")
    part = part_of(repository, result)
    part.learn_hashes(result.pieces, threads)
    fill(part, source)
    assert found(repository.folder / part.finish("results", 0).path) == WANTED


def test_wrong_hashes_and_a_full_disk(
    repository: Repository, source: Path, monkeypatch: pytest.MonkeyPatch, threads: Executor
) -> None:
    result = taken(repository, source)
    with pytest.raises(NotVerifiedError):
        part_of(repository, result).learn_hashes(bytes(len(result.pieces)), threads)
    usage = type("Usage", (), {"free": (3 << 20) + 5})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    # Beside the bytes, every file takes a block.
    with pytest.raises(StoreError, match="bytes more than it has"):
        part_of(repository, result)


def test_the_store_knows_a_folder_and_the_files_in_it(store: Store) -> None:
    tree = file_tree.encode([File(("a",), "aa" * 32, 1), File(("b",), EMPTY_ROOT, 0), File(("c",), "aa" * 32, 1)])
    resource = file_tree.name_tree(tree).root
    files = (FolderFile("aa" * 32, "a", 5), FolderFile(EMPTY_ROOT, "b", 6), FolderFile("aa" * 32, "c", 7))
    held = HeldFolder(resource, "results", 2, bytes.fromhex("aa" * 64), 9, 0, tree=tree, files=files)
    store.files.put(held)
    assert store.files.folder(resource) == held
    (row,) = store.files.all()
    assert (row.resource, row.is_folder, store.files.added_at_ms(resource)) == (resource, True, 9)
    assert store.files.get(resource) == row
    assert store.files.inside("aa" * 32) == [(resource, 0), (resource, 2)]
    assert store.files.inside("bb" * 32) == []
    store.files.put(held)
    store.files.remove(resource)
    assert store.files.folder(resource) is store.files.added_at_ms(resource) is None
    assert store.files.inside("aa" * 32) == []


def test_a_tree_is_wished_for_once(store: Store, topics: list[frozenset[str]]) -> None:
    assert store.trees.get("ab") is None
    assert store.trees.wish("ab") == store.trees.wish("ab")
    assert store.trees.wished() == ["ab"]
    store.trees.fail("ab", "Nobody is online.")
    assert (store.trees.wished(), store.trees.get("ab").error) == ([], "Nobody is online.")  # type: ignore[union-attr]
    assert store.trees.wish("ab").error == ""
    store.trees.put("ab", b"tree")
    assert (store.trees.wish("ab").tree, store.trees.wished()) == (b"tree", [])
    assert topics == [{"trees"}] * 4
