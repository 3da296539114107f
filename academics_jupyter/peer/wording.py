"""How far a download is, in words: what cells, the status and the panel say of one is the same."""

from __future__ import annotations

from collections.abc import Sequence

from academics_jupyter.protocol.durations import left_text
from academics_jupyter.protocol.names import shown
from academics_jupyter.protocol.sizes import size_text
from academics_jupyter.store.downloads import UNFINISHED, Download

MOST_LINES = 5


def percent(download: Download) -> int:
    """How much of it is there and verified; 100 only where all is."""
    if not download.size_bytes:
        return 100 if download.state == "finished" else 0
    return 100 * download.done_bytes // download.size_bytes


def progress_text(download: Download) -> str:
    """An unfinished download's bytes, rate, time left and holders; or why none come."""
    done = f"{size_text(download.done_bytes)} of {size_text(download.size_bytes)}"
    if download.state == "waiting":
        return f"{done}, waiting for its turn"
    if download.state == "paused":
        return f"{done}, paused (Continue in %academics panel)"
    if not download.rate_bytes_s:
        return f"{done}, {'waiting for a holder' if download.holders else 'asking its holders'}"
    giving = sum(share.rate_bytes_s > 0 for share in download.holders)
    holders = f"{giving} holder{'' if giving == 1 else 's'}"
    return f"{done}, {size_text(download.rate_bytes_s)}/s, {left_text(download.left_s)}, {holders}"


def download_text(download: Download) -> str:
    """A download in one line."""
    name = shown(download.name)
    if download.state in UNFINISHED:
        goes_on = f": peer.continue_download({download.id}) goes on" if download.state == "paused" else ""
        return f"{name}: {percent(download)} %, {progress_text(download)}{goes_on}"
    if download.state == "finished":
        return f"{name}: finished, {download.path}"
    return f"{name}: {download.state}" + (f", {download.error}" if download.error else f" at {percent(download)} %")


def under_way_texts(unfinished: Sequence[Download]) -> tuple[str, ...]:
    """A line for each unfinished download; of many, the first ones, and how many more there are."""
    lines = [download_text(each) for each in unfinished[:MOST_LINES]]
    more = len(unfinished) - len(lines)
    return (*lines, f"and {more} more") if more else tuple(lines)
