"""What is said of a download in each of its states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from academics_jupyter.peer.wording import download_text, percent, under_way_texts
from academics_jupyter.store.downloads import Download, Share

ACTIVE = Download(
    id=3,
    resource="ab" * 32,
    name="stars.csv",
    size_bytes=20_000_000,
    done_bytes=8_600_000,
    rate_bytes_s=1_200_000.0,
    state="active",
    error="",
    holders=(Share("aa", 8_000_000, 1_000_000.0), Share("bb", 500_000, 200_000.0), Share("cc", 100_000, 0.0)),
    pieces="9940",
    inside="",
    path="",
    folder="",
    requested_at_ms=0,
    finished_at_ms=0,
)
IDLE = replace(ACTIVE, rate_bytes_s=0.0, holders=tuple(each._replace(rate_bytes_s=0.0) for each in ACTIVE.holders))


@pytest.mark.parametrize(
    ("download", "text"),
    [
        (ACTIVE, "stars.csv: 43 %, 8.6 MB of 20.0 MB, 1.2 MB/s, about 10 s left, 2 holders"),
        (
            replace(ACTIVE, holders=ACTIVE.holders[:1]),
            "stars.csv: 43 %, 8.6 MB of 20.0 MB, 1.2 MB/s, about 10 s left, 1 holder",
        ),
        (IDLE, "stars.csv: 43 %, 8.6 MB of 20.0 MB, waiting for a holder"),
        (replace(IDLE, holders=(), done_bytes=0), "stars.csv: 0 %, 0 B of 20.0 MB, asking its holders"),
        (replace(IDLE, state="waiting"), "stars.csv: 43 %, 8.6 MB of 20.0 MB, waiting for its turn"),
        (
            replace(IDLE, state="paused"),
            "stars.csv: 43 %, 8.6 MB of 20.0 MB, paused (Continue in %academics panel):"
            " peer.continue_download(3) goes on",
        ),
        (
            replace(IDLE, state="finished", done_bytes=20_000_000, path="/here/stars.csv"),
            "stars.csv: finished, /here/stars.csv",
        ),
        (replace(IDLE, state="failed", error="Nobody is online."), "stars.csv: failed, Nobody is online."),
        (replace(IDLE, state="cancelled"), "stars.csv: cancelled at 43 %"),
    ],
)
def test_a_download_is_one_line(download: Download, text: str) -> None:
    assert download_text(download) == text


def test_a_name_keeps_to_its_line() -> None:
    assert "\n" not in download_text(replace(ACTIVE, name="a\nb\u202e.csv"))


def test_all_is_there_only_where_it_is() -> None:
    assert percent(replace(ACTIVE, done_bytes=19_999_999)) == 99
    assert percent(replace(ACTIVE, size_bytes=0, done_bytes=0)) == 0
    assert percent(replace(ACTIVE, size_bytes=0, done_bytes=0, state="finished")) == 100


def test_of_many_downloads_the_first_are_named() -> None:
    texts = under_way_texts([replace(ACTIVE, name=f"{number}.csv") for number in range(7)])
    assert [text.partition(":")[0] for text in texts] == [*(f"{number}.csv" for number in range(5)), "and 2 more"]
    assert under_way_texts([]) == ()
