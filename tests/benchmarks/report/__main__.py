"""Run benchmarks, and draw the page of all figures that are kept.

    python -m tests.benchmarks.report [NAME…] [--docs FOLDER]

Each benchmark named (transfers, four_holders, many_files, chat, room, history, exploring) is run with its own defaults,
and its figures are kept beside the page in performance/NAME.json; with no name, the page is drawn from what is kept.
The machine should be quiet.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import chat, exploring, four_holders, history, many_files, room, transfers
from tests.benchmarks.report import page, plots
from tests.benchmarks.report.machine import Machine, this_machine

DOCS = Path(__file__).parents[3] / "docs"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How one is run, what it finds, and how that is shown; plots by the name of their picture."""

    measure: Callable[[], Any]
    kind: type
    section: Callable[[Any, Machine], str]
    plots: dict[str, Callable[[Any, Path], None]]


BENCHMARKS = {
    "transfers": Benchmark(
        transfers.measure,
        transfers.Transfers,
        page.transfers,
        {"transfers": plots.transfers, "memory": plots.memory},
    ),
    "four_holders": Benchmark(
        four_holders.measure, four_holders.Holders, page.four_holders, {"four_holders": plots.four_holders}
    ),
    "many_files": Benchmark(
        many_files.measure, many_files.ManyFiles, page.many_files, {"many_files": plots.many_files}
    ),
    "chat": Benchmark(chat.measure, chat.Chat, page.chat, {"chat": plots.chat}),
    "room": Benchmark(room.measure, room.Delivered, page.room, {"room": plots.room}),
    "history": Benchmark(history.measure, history.Opened, page.history, {"history": plots.history}),
    "exploring": Benchmark(exploring.measure, exploring.Explored, page.exploring, {"exploring": plots.exploring}),
}


class Kept(msgspec.Struct):
    """The figures of one benchmark, and where they were taken."""

    machine: Machine
    figures: msgspec.Raw


def main() -> None:
    """Run what is named, and draw what is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of the page")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - BENCHMARKS.keys())
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    for folder in ("performance", "pictures"):
        (given.docs / folder).mkdir(parents=True, exist_ok=True)
    for name in given.names:
        _run(name, given.docs)
    sections = {name: _draw(name, given.docs) for name in BENCHMARKS if _kept(name, given.docs).exists()}
    (given.docs / "performance.md").write_text(page.page(sections), encoding="utf-8")


def _kept(name: str, docs: Path) -> Path:
    return docs / "performance" / f"{name}.json"


def _run(name: str, docs: Path) -> None:
    machine = this_machine()
    found = BENCHMARKS[name].measure()
    print(f"{machine}\n{found}", flush=True)
    content = msgspec.json.encode(Kept(machine, msgspec.Raw(msgspec.json.encode(found))))
    _kept(name, docs).write_bytes(msgspec.json.format(content) + b"\n")


def _draw(name: str, docs: Path) -> str:
    benchmark = BENCHMARKS[name]
    kept = msgspec.json.decode(_kept(name, docs).read_bytes(), type=Kept)
    figures: Any = msgspec.json.decode(kept.figures, type=benchmark.kind)
    for picture, draw in benchmark.plots.items():
        draw(figures, docs / "pictures" / f"{picture}.png")
    return benchmark.section(figures, kept.machine)


if __name__ == "__main__":
    main()
