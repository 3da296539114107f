"""docs/performance.md: what was measured, where, and what came out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.benchmarks import chat as chatting
from tests.benchmarks import exploring as looking
from tests.benchmarks import history as reading
from tests.benchmarks import room as rooms
from tests.benchmarks.chat import Chat
from tests.benchmarks.exploring import Explored
from tests.benchmarks.four_holders import Holders
from tests.benchmarks.history import Opened
from tests.benchmarks.many_files import BY_HAND, ManyFiles
from tests.benchmarks.many_files import SYNCED as BY_HAND_SYNCED
from tests.benchmarks.measuring import Strain, median
from tests.benchmarks.report.machine import Machine
from tests.benchmarks.room import Delivered
from tests.benchmarks.transfers import BITTORRENT, CURL, SYNCED, Transfers

WIDTH = 120
HEAD = """# Performance

What transfers, chat, history and exploring cost, measured by `tests/benchmarks` and drawn by
`python -m tests.benchmarks.report`; with the name of a benchmark behind it, that one is run anew. All peers, and what
they are held against, run on one machine, so the ratios say more than the speeds. Contenders take turns, and each
figure is the median of its runs, which the dots show.
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


def chat(found: Chat, machine: Machine) -> str:
    """The section about messages on their way."""
    rows = [(name, f"{median(rounds):.2f}", f"{found.ratio(name):.2f}") for name, rounds in found.ms.items()]
    ours, floor = found.ratio(chatting.OURS), found.ratio(chatting.FLOOR)
    return _section(
        "Chat",
        "From the call that writes a message until its author knows that it is on its reader's disk. It is held against"
        " a bare python-socketio echo over the same TLS 1.3, which signs, checks and keeps nothing, and against the"
        " same echo where the sender signs and syncs a page to disk before it sends, and the server checks and syncs"
        " one before it answers. That is the least that a promise to lose nothing costs, whatever it is written in: two"
        " writes that last, one after the other, two threads that are woken so that no kernel's loop waits for a disk,"
        " and a signature.",
        f"A message takes {ours:.1f} times as long as the bare echo, and {ours / floor:.1f} times as long as the one"
        " that keeps what it carries. What is above that is the store: the message is numbered, sealed and written with"
        " its place in the outbox, its recipient looks whether it came before, and its author notes that it arrived.",
        "![Bars of milliseconds for each contender](pictures/chat.png)",
        _table(("", "p50 (ms)", "times a bare echo's"), rows),
        f"Taken on {machine}.",
    )


def room(found: Delivered, machine: Machine) -> str:
    """The section about a message to many."""
    rows = [
        (name, f"{found.within(0.5, name):.0f}", f"{found.within(0.9, name):.0f}", f"{found.within(0.99, name):.0f}")
        for name in found.ms
    ]
    return _section(
        "Rooms",
        f"In a room of {found.members}, whose members are spread over {rooms.PROCESSES} processes and share"
        f" {machine.cores} cores and one disk: from the call that writes a message until it is on the disks of the"
        " others, one by one. It is held against a bare python-socketio server with a client beside each member, in the"
        " same processes, which signs a message and syncs a page before it sends; each client checks the signature and"
        " syncs one.",
        f"99 % of {sum(map(len, found.ms[rooms.OURS])):,} deliveries are done in {found.within(0.99):.0f} ms. Until all"
        f" have a message takes {found.ratio:.1f} times as long as with the bare server.",
        "![How many deliveries were done after how many milliseconds](pictures/room.png)",
        _table(("", "p50 (ms)", "p90 (ms)", "p99 (ms)"), rows),
        f"Taken on {machine}.",
    )


def history(found: Opened, machine: Machine) -> str:
    """The section about what was said long ago."""
    rows = [(what, f"{median(found.ms[what]):.1f}", f"{max(found.ms[what]):.1f}") for what in reading.SHOWN]
    return _section(
        "History",
        f"A conversation of {found.messages:,} messages, sealed, in a store of {found.store_mb:.0f} MB: what a fresh"
        " process takes to open the store and the conversation's last page, and to make a first search and further"
        f" ones, where {reading.SINCE} messages came since the search index was saved, the most that may. A store that"
        " was not closed properly is looked through for damage first.",
        "![Bars of milliseconds for each step](pictures/history.png)",
        _table(("", "median (ms)", "slowest (ms)"), rows),
        f"Taken on {machine}.",
    )


def exploring(found: Explored, machine: Machine) -> str:
    """The section about a large registry."""
    rows = [
        (
            what,
            f"{max(each.ms[0] for each in found.of(what)):.0f}",
            f"{max(each.ms[-1] for each in found.of(what)):.0f}",
            f"{max(each.ratio for each in found.of(what)):.0f}",
        )
        for what in dict.fromkeys(each.what for each in found.asked)
    ]
    return _section(
        "Exploring",
        f"A registry of {found.resources:,} resources, whose mongod has 256 MB for its cache: what a page of"
        f" {looking.PAGE} resources takes, with all who hold them, each signature checked; the first page, and the"
        f" {looking.FAR}th or the last one before. Of the orders by fit, age, title, year and size, the slowest is"
        " given. Beside each runs a plain find of as many documents along an index, of which nothing is checked.",
        "![Bars of milliseconds for each query](pictures/exploring.png)",
        _table(("asked for", "first page (ms)", f"page {looking.FAR} (ms)", "times a find"), rows),
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
