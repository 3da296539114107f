"""docs/performance.md: what was measured, where, and what came out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.benchmarks.four_holders import Holders
from tests.benchmarks.many_files import BY_HAND, ManyFiles
from tests.benchmarks.many_files import SYNCED as BY_HAND_SYNCED
from tests.benchmarks.measuring import Strain, median
from tests.benchmarks.report.machine import Machine
from tests.benchmarks.transfers import BITTORRENT, CURL, SYNCED, Transfers

WIDTH = 120
HEAD = """# Performance

What transfers cost, measured by `tests/benchmarks` and drawn by `python -m tests.benchmarks.report`; with the name of a
benchmark behind it, that one is run anew. All peers, and what they are held against, run on one machine, so the ratios
say more than the speeds. Contenders take turns, and each figure is the median of its runs, which the dots show.
"""


def transfers(found: Transfers, machine: Machine) -> str:
    """The section about one holder."""
    rows = [
        (name, f"{median(runs):.2f}", f"{found.size_mib / median(runs):.0f}", f"{found.ratio(name):.2f}")
        for name, runs in found.seconds.items()
    ]
    strains = [
        (f"{what}, {size_mib} MiB", *_strain(strain))
        for what, each in (("downloading", found.downloading), ("serving", found.serving))
        for size_mib, strain in each.items()
    ]
    return _section(
        "One holder",
        f"A file of {found.size_mib} MiB goes from one process to the disk of another, over TLS 1.3. Ours is verified,"
        " synced and under its final name at the end. curl fetches it from nginx over one connection, and neither"
        " verifies nor, but for the row that says so, syncs it. libtorrent fetches it by BitTorrent v2: verified, not"
        " encrypted and not synced.",
        f"We are {found.ratio(CURL):.2f} times as fast as curl, {found.ratio(SYNCED):.2f} times as fast as curl with a"
        f" sync, and {found.ratio(BITTORRENT):.2f} times as fast as libtorrent over TCP, unencrypted. Where libtorrent"
        f" chooses the transport, which is uTP, it carries {found.utp_mib_s:.1f} MiB/s, and we are"
        f" {found.utp_ratio:.0f} times as fast.",
        "![Bars of MiB/s for curl, curl with a sync, academics and libtorrent](pictures/transfers.png)",
        _table(("", "seconds", "MiB/s", "we are so many times as fast"), rows),
        "What the two peers' processes take meanwhile: memory at its peak above idle, and how late a timer of their"
        " event loops is.",
        "![Bars of the peak memory above idle of both peers for two sizes of file](pictures/memory.png)",
        _table(("", "MiB above idle", "late, 99 % (ms)", "late, most (ms)"), strains),
        f"Taken on {machine}.",
    )


def four_holders(found: Holders, machine: Machine) -> str:
    """The section about several holders."""
    rows = [
        (f"{count} of 4", f"{median(runs):.2f}", f"{found.size_mib / median(runs):.1f}")
        for count, runs in found.seconds.items()
    ]
    return _section(
        "Several holders",
        f"{found.size_mib} MiB from holders each on a line that carries {found.line_mib_s} MiB/s: from four at"
        f" once it comes {found.ratio:.2f} times as fast as from one.",
        "![Bars of MiB/s from one holder and from four](pictures/four_holders.png)",
        _table(("holders", "seconds", "MiB/s"), rows),
        f"Taken on {machine}.",
    )


def many_files(found: ManyFiles, machine: Machine) -> str:
    """The section about folders."""
    rows = [(name, f"{median(runs):.2f}", f"{found.ratio(name):.2f}") for name, runs in found.seconds.items()]
    return _section(
        "Many files",
        f"A folder of {found.files:,} files of {found.file_bytes:,} bytes, downloaded whole, takes"
        f" {found.ratio(BY_HAND):.2f} times as long as copying and hashing the same files by hand, and"
        f" {found.ratio(BY_HAND_SYNCED):.2f} times as long as that with a sync at the end. Sharing it takes"
        f" {found.share_s:.1f} s, and downloading it takes {found.downloading.memory_mib:.0f} MiB above idle.",
        "![Bars of seconds by hand, by hand with a sync, and with academics](pictures/many_files.png)",
        _table(("", "seconds", "we take so many times as long"), rows),
        f"Taken on {machine}.",
    )


def page(sections: Mapping[str, str]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *sections.values()])


def _section(title: str, *parts: str) -> str:
    filled = [part if part.startswith(("|", "!")) else textwrap.fill(part, WIDTH) for part in parts]
    return "\n\n".join([f"## {title}", *filled]) + "\n"


def _strain(strain: Strain) -> tuple[str, str, str]:
    return f"{strain.memory_mib:.0f}", f"{strain.late_p99_ms:.0f}", f"{strain.late_most_ms:.0f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, tuple("---" for _ in head), *rows])
