"""The plots: one PNG for each question, from figures alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.benchmarks import chat as chatting
from tests.benchmarks import history as reading
from tests.benchmarks import room as rooms
from tests.benchmarks.chat import Chat
from tests.benchmarks.exploring import Explored
from tests.benchmarks.four_holders import Holders
from tests.benchmarks.history import Opened
from tests.benchmarks.many_files import ManyFiles
from tests.benchmarks.measuring import median
from tests.benchmarks.room import Delivered
from tests.benchmarks.transfers import Transfers

OURS_COLOUR, OTHERS_COLOUR, LINE_COLOUR = "#1f6f8b", "#b9c4c9", "#c0504d"
MEMORY_GOAL_MIB = 100e6 / (1 << 20)
ROOM_GOAL_MS, HISTORY_GOAL_MS = 50, 100
DPI = 160


def transfers(found: Transfers, path: Path) -> None:
    """How fast each contender is."""
    rates = {name: [found.size_mib / run_s for run_s in runs] for name, runs in found.seconds.items()}
    with _Picture(path, f"{found.size_mib} MiB from one holder over loopback", "MiB/s, more is better") as axes:
        _bars(axes, rates)


def memory(found: Transfers, path: Path) -> None:
    """How far memory rose above idle."""
    rows = {
        f"{what}, {size_mib} MiB": [strain.memory_mib]
        for what, strains in (("downloading", found.downloading), ("serving", found.serving))
        for size_mib, strain in strains.items()
    }
    with _Picture(path, "Memory of a peer's process at its peak", "MiB above idle, less is better") as axes:
        _bars(axes, rows, ours=tuple(rows))
        axes.axvline(MEMORY_GOAL_MIB, color=LINE_COLOUR, linestyle="--", label="goal: 100 MB")
        axes.legend(frameon=False)


def four_holders(found: Holders, path: Path) -> None:
    """How fast one and all are."""
    rates = {f"{count} of 4 holders": [found.size_mib / run for run in runs] for count, runs in found.seconds.items()}
    title = f"{found.size_mib} MiB from holders on lines of {found.line_mib_s} MiB/s"
    with _Picture(path, title, "MiB/s, more is better") as axes:
        _bars(axes, rates, ours=tuple(rates))
        alone = found.size_mib / median(found.seconds[1])
        axes.axvline(4 * alone, color=LINE_COLOUR, linestyle="--", label="four times one")
        axes.legend(frameon=False)


def many_files(found: ManyFiles, path: Path) -> None:
    """How long a folder takes."""
    title = f"{found.files} files of {found.file_bytes} bytes over loopback"
    with _Picture(path, title, "seconds, less is better") as axes:
        _bars(axes, found.seconds)


def chat(found: Chat, path: Path) -> None:
    """How long a message takes, and what it is held against."""
    with _Picture(path, "One message to one reader, until it is known to have come", "ms, less is better") as axes:
        _bars(axes, found.ms, ours=(chatting.OURS, chatting.LINK))


def room(found: Delivered, path: Path) -> None:
    """How soon all have it."""
    title = f"A message to a room of {found.members}: % of deliveries done"
    with _Picture(path, title, "ms, less is better") as axes:
        for name, colour in ((rooms.OURS, OURS_COLOUR), (rooms.FLOOR, OTHERS_COLOUR)):
            ordered = sorted(ms for message in found.ms[name] for ms in message)
            axes.plot(
                ordered, [100 * (place + 1) / len(ordered) for place in range(len(ordered))], color=colour, label=name
            )
        axes.axvline(ROOM_GOAL_MS, color=LINE_COLOUR, linestyle="--", label=f"goal for 99 %: {ROOM_GOAL_MS} ms")
        axes.set_xlim(left=0)
        axes.legend(frameon=False)


def history(found: Opened, path: Path) -> None:
    """How long opening and searching take."""
    rows = {what: found.ms[what] for what in reading.SHOWN}
    title = f"A conversation of {found.messages:,} messages"
    with _Picture(path, title, "ms, less is better") as axes:
        _bars(axes, rows, ours=tuple(rows))
        axes.axvline(HISTORY_GOAL_MS, color=LINE_COLOUR, linestyle="--", label=f"goal: {HISTORY_GOAL_MS} ms")
        axes.legend(frameon=False)


def exploring(found: Explored, path: Path) -> None:
    """How long a page takes, each dot one order's first or far one."""
    rows = {
        what: [ms for each in found.of(what) for ms in each.ms]
        for what in dict.fromkeys(each.what for each in found.asked)
    }
    title = f"A page of what {found.resources:,} resources have"
    with _Picture(path, title, "ms, less is better", height=0.24 * len(rows) + 0.8) as axes:
        _bars(axes, rows, ours=tuple(rows))


class _Picture:
    """A PNG of one plot, written where drawing it went well."""

    def __init__(self, path: Path, title: str, unit: str, height: float = 2.6) -> None:
        self._path, self._title, self._unit, self._height = path, title, unit, height

    def __enter__(self) -> Axes:
        self._figure, axes = plt.subplots(figsize=(7, self._height), layout="constrained")
        axes.set_title(self._title, loc="left", fontsize=11)
        axes.set_xlabel(self._unit)
        axes.spines[["top", "right"]].set_visible(False)
        return axes

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            # No date or version in it, so that the same figures are the same file.
            self._figure.savefig(self._path, dpi=DPI, metadata={"Software": None})
        plt.close(self._figure)


def _bars(axes: Axes, rows: Mapping[str, Sequence[float]], ours: tuple[str, ...] = ("academics",)) -> None:
    """A bar for each row's median, and a dot for each run."""
    names = list(rows)[::-1]
    medians = [median(rows[name]) for name in names]
    axes.barh(names, medians, color=[OURS_COLOUR if name in ours else OTHERS_COLOUR for name in names])
    for place, (name, value) in enumerate(zip(names, medians, strict=True)):
        if len(rows[name]) > 1:
            axes.plot(rows[name], [place] * len(rows[name]), ".", color="black", alpha=0.6)
        axes.annotate(f"{value:.3g}", (max(rows[name]), place), (6, 0), textcoords="offset points", va="center")
    axes.margins(x=0.12)
