"""The `academics` command: a peer with no notebook, for a lab's server or a shell. `main` is in `parsing`."""

from academics_jupyter.command_line.parsing import main

__all__ = ["main"]
