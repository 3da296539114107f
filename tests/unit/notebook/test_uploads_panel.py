"""Files on their way from the browser to the panel: whole or not at all, under safe names, and nothing left behind."""

# ruff: noqa: F811  fixtures of other files

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from academics_jupyter.errors import StoreError, UsageError
from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.notebook.panels.uploads import LEFTOVER_S, PREFIX, Uploads
from academics_jupyter.peer.peer import Peer
from tests.unit.notebook.test_panels import MIB, Viewer, ada, bytes_of, network, panel  # noqa: F401  fixtures
from tests.unit.notebook.test_share_panel import described, parts_left, publish, rows, upload, viewer  # noqa: F401
from tests.waiting import wait_until_async


async def test_a_file_over_ten_mebibytes_is_shared_whole(viewer: Viewer, ada: Peer) -> None:
    data = bytes(range(256)) * (11 * MIB // 256) + b"the end"
    await upload(viewer, "long.bin", data)
    assert await viewer.reply("looking") == {"looking": "u1"}
    [draft] = await rows(viewer, "drafts", 1)
    assert (draft["name"], draft["path"], draft["size_bytes"]) == ("long.bin", "", len(data))
    assert described(ada) == []
    await publish(viewer, draft)
    [row] = await rows(viewer, "repository", 1)
    assert (row["file_name"], row["size_bytes"], bytes_of(row)) == ("long.bin", len(data), data)
    await wait_until_async(lambda: parts_left(ada) == [])


@pytest.mark.parametrize(
    "name", ["../../.ssh/authorized_keys", "/etc/passwd", "C:\\a\\..\\CON", "a\x00b\n.pdf", "", ".."]
)
async def test_a_file_keeps_to_the_repository_whatever_its_name(viewer: Viewer, ada: Peer, name: str) -> None:
    await upload(viewer, name, b"bytes")
    [draft] = await rows(viewer, "drafts", 1)
    await publish(viewer, draft)
    [row] = await rows(viewer, "repository", 1)
    assert Path(row["path"]).parent == ada.folder.repository
    assert "/" not in row["file_name"]
    assert not set(row["file_name"]) & set("\x00\n\\")


async def test_an_empty_file_is_shared(viewer: Viewer) -> None:
    await upload(viewer, "empty.txt", b"")
    [draft] = await rows(viewer, "drafts", 1)
    await publish(viewer, draft)
    assert (await rows(viewer, "repository", 1))[0]["size_bytes"] == 0


async def test_a_file_attached_to_a_message_is_shared_at_once(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.chat)
    await upload(viewer, "plot.txt", b"a plot")
    row = (await viewer.reply("shared"))["row"]
    assert (row["file_name"], bytes_of(row)) == ("plot.txt", b"a plot")
    await wait_until_async(lambda: parts_left(ada) == [])


async def test_a_cancelled_upload_leaves_nothing_and_does_not_touch_another(viewer: Viewer, ada: Peer) -> None:
    for key in ("gone", "kept"):
        viewer.ask("begin", upload=key, name="x.bin", size=10)
        await viewer.reply("received")
        viewer.ask("chunk", b"12345", upload=key, offset=0)
        await viewer.reply("received")
    viewer.ask("drop", upload="gone")
    viewer.ask("chunk", b"67890", upload="gone", offset=5)
    assert "cancelled" in (await viewer.reply("failed"))["error"]
    viewer.ask("chunk", b"67890", upload="kept", offset=5)
    await viewer.reply("received")
    viewer.ask("finish", upload="kept")
    await publish(viewer, *await rows(viewer, "drafts", 1))
    [row] = await rows(viewer, "repository", 1)
    assert bytes_of(row) == b"1234567890"
    await wait_until_async(lambda: parts_left(ada) == [])


async def test_closing_the_panel_drops_what_is_on_its_way(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.share)
    viewer.ask("begin", upload="u", name="x.bin", size=10)
    await viewer.reply("received")
    assert len(parts_left(ada)) == 1
    await panel._end()
    assert parts_left(ada) == []


def test_chunks_count_once_and_in_order(tmp_path: Path) -> None:
    uploads = Uploads()
    uploads.begin("u", "x.bin", 10, tmp_path)
    assert uploads.take("u", 0, b"12345") == 5
    assert uploads.take("u", 0, b"12345") == 5
    with pytest.raises(UsageError):
        uploads.take("u", 6, b"7")
    with pytest.raises(UsageError):
        uploads.take("u", 5, b"678901")
    with pytest.raises(UsageError):
        uploads.finish("u")
    assert uploads.take("u", 5, b"67890") == 10
    path = uploads.finish("u")
    assert path.read_bytes() == b"1234567890"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    uploads.drop("u")
    uploads.drop("u")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_fit_on_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    uploads = Uploads()
    with pytest.raises(StoreError, match="left"):
        uploads.begin("u", "x.bin", 1 << 60, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_old_leftovers_are_swept_and_young_ones_are_not(tmp_path: Path) -> None:
    old, young = tmp_path / f"{PREFIX}old", tmp_path / f"{PREFIX}young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, time.time() - LEFTOVER_S - 1))
    Uploads().sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
