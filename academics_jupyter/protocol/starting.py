"""In which order a peer goes online: the founding rules. Pure; imports nothing.

| who                            | first        | then         | then         | last |
| ------------------------------ | ------------ | ------------ | ------------ | ---- |
| registered, for the first time | ask          | serve        | announce     | dial |
| returns                        | serve        | announce     | ask          | dial |

A newcomer has nobody who waits for it, so it looks before it can be seen; who returns can be reached from the moment
that others hear of it.
"""

from __future__ import annotations

from enum import Enum, auto


class Step(Enum):
    """One thing to do on the way online."""

    ASK = auto()
    """Ask the registry who is online."""
    SERVE = auto()
    """Start the server."""
    ANNOUNCE = auto()
    """Publish our presence."""
    DIAL = auto()
    """Dial each peer that is to be linked with."""


def steps(*, returning: bool) -> tuple[Step, ...]:
    """What to do, in order."""
    if returning:
        return (Step.SERVE, Step.ANNOUNCE, Step.ASK, Step.DIAL)
    return (Step.ASK, Step.SERVE, Step.ANNOUNCE, Step.DIAL)
