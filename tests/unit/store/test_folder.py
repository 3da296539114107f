from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from academics_jupyter.errors import ProfileDrivenElsewhereError, UsageError
from academics_jupyter.store.folder import Driver, ProfileFolder


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a\n", "ä", "a" * 65])
def test_a_profile_needs_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        ProfileFolder(tmp_path, name)


def test_folders_are_for_their_user_only(folder: ProfileFolder) -> None:
    before = os.umask(0)
    try:
        folder.create()
        folder.create()
    finally:
        os.umask(before)
    for path in (folder.path, folder.repository, folder.parts):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert not folder.exists


def test_one_driver_at_a_time(folder: ProfileFolder) -> None:
    assert folder.driver() is None
    lock = folder.drive("the side panel")
    driver = folder.driver()
    assert driver is not None
    assert driver == Driver(os.getpid(), "the side panel", driver.started_at_ms)
    with pytest.raises(ProfileDrivenElsewhereError) as refused:
        folder.drive()
    assert str(refused.value) == (
        f"The profile is driven by the side panel (process {os.getpid()});"
        " this kernel can still explore, share and read as a passenger."
    )
    lock.release()
    lock.release()
    assert folder.driver() is None
    folder.drive().release()


def test_a_damaged_sidecar_only_costs_the_name(folder: ProfileFolder) -> None:
    lock = folder.drive()
    folder.sidecar.write_text("{")
    assert folder.driver() == Driver(0, "another process", 0)
    lock.release()
    folder.sidecar.write_text('{"pid": 1, "label": "gone", "started_at_ms": 1}')
    assert folder.driver() is None


def test_a_forked_child_cannot_release_its_parents_lock(folder: ProfileFolder) -> None:
    lock = folder.drive()
    child = multiprocessing.get_context("fork").Process(target=lock.release)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert folder.driver() is not None
    lock.release()
