"""Garbage collection in a process that is there for the peer alone: `academics serve`, the side panel's kernel."""

import gc


def spare_what_lives() -> None:
    """Have Python never again go through all that there is by now, most of it code: it answers nobody for so long.

    What comes to be from now on is collected as ever. Not for a process with a person's own objects, which would be
    kept where they hold on to one another.
    """
    gc.collect()
    gc.freeze()
