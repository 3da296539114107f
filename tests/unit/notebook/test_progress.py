"""Progress bars in cells: what they say in words, also while no bytes come."""

from __future__ import annotations

import pytest

from academics_jupyter.notebook.progress import progress_bar
from tests.waiting import wait_until_async


async def test_a_bar_says_how_it_goes_though_nothing_comes(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = ""

    def says(text: str) -> bool:
        nonlocal drawn
        drawn += capsys.readouterr().err
        return text in drawn

    async with progress_bar("Downloading stars.csv", 200) as progress:
        progress.set(86, "2 holders")
        await wait_until_async(lambda: says("43%"))
        assert says("2 holders")
        progress.set(86, "paused")
        await wait_until_async(lambda: says("paused"))
    assert "Downloading stars.csv" in drawn


async def test_what_is_done_at_once_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress_bar("Sharing stars.csv", 200) as progress:
        progress.set(200)
    assert "stars.csv" not in capsys.readouterr().err
