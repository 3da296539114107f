"""A cell that somebody has sent, in one's own notebook: its source to be read and run, its output to be looked at."""

from __future__ import annotations

import unicodedata

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image, display

from academics_jupyter.protocol.cells import Cell
from academics_jupyter.protocol.names import shown

MAX_SHOWN_LENGTH = 20_000


def insert(shell: InteractiveShell, cell: Cell) -> None:
    """Put the source into a new cell below, not run, and show the outputs here, as text and PNG pictures."""
    shell.set_next_input(cell.source)
    print("The cell is below. It was not run: read it before you do.")  # noqa: T201  the cell is where people look
    if hides_something(cell.source):
        print("It has invisible characters in it, and may do other things than it seems to.")  # noqa: T201
    for output in cell.outputs:
        text = output.text[:MAX_SHOWN_LENGTH]
        if output.png:
            display(Image(data=output.png, format="png"))
        else:
            print("\n".join(shown(line) for line in text.splitlines()))  # noqa: T201


def hides_something(source: str) -> bool:
    """Whether there are characters in a source that nobody sees."""
    return any(unicodedata.category(char) in ("Cf", "Cc") and char not in "\n\t\r" for char in source)
