"""Downloads in the panel around real peers: what helps with those that failed, and tidying up."""

# ruff: noqa: F811  fixtures of other files

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.peer.peer import Peer
from tests.unit.notebook.test_panels import MARKUP, Viewer, ada, bytes_of, grace, network, panel  # noqa: F401  fixtures
from tests.waiting import wait_until_async


@pytest.fixture
async def viewer(panel: Panel) -> Viewer:
    """Ada's downloads, in sight."""
    viewer = Viewer(panel.downloads)
    viewer.look()
    return viewer


def downloads(viewer: Viewer, *states: str) -> list[dict[str, Any]]:
    return [row for row in viewer.state.get("downloads", []) if row["state"] in states]


async def failed(viewer: Viewer, ada: Peer, grace: Peer, folder: Path) -> str:
    """A download whose only holder has just left; its resource."""
    await ada.start()
    await grace.start()
    (folder / "y.txt").write_text("y")
    resource = (await grace.share(folder / "y.txt")).id
    await grace.flushed()
    await wait_until_async(lambda: ada.exploring.listing(resource))
    await grace.stop()
    await ada.request_download(resource)
    await wait_until_async(lambda: downloads(viewer, "failed"))
    return resource


async def test_what_helps_with_a_failed_download_is_said_as_it_changes(
    viewer: Viewer,
    ada: Peer,
    grace: Peer,
    tmp_path: Path,
) -> None:
    resource = await failed(viewer, ada, grace, tmp_path)

    def helps(part: str) -> bool:
        return part in viewer.state.get("help", {}).get(resource, "")

    await wait_until_async(lambda: helps(f"Try again once Grace {MARKUP} is online"))
    await grace.start()
    await wait_until_async(lambda: helps(f"Grace {MARKUP} is online now and can give it"))
    await ada.stop()
    # As the panel does every few seconds.
    viewer.part.tick()
    await wait_until_async(lambda: helps("go online, then try again"))
    assert viewer.state["offline"] is True


async def test_the_list_is_tidied_and_the_files_stay(
    viewer: Viewer,
    ada: Peer,
    grace: Peer,
    tmp_path: Path,
) -> None:
    await failed(viewer, ada, grace, tmp_path)
    await grace.start()
    viewer.ask("again", download=downloads(viewer, "failed")[0]["id"])
    await wait_until_async(lambda: downloads(viewer, "finished"))
    # What was tried again is not shown beside its former failure.
    [finished] = viewer.state["downloads"]
    assert viewer.state["counts"] == {"finished": 1}
    viewer.ask("forget", download=finished["id"] + 1)
    viewer.ask("clear", states=["finished"])
    await viewer.shows(downloads=[])
    assert bytes_of(finished) == b"y"
