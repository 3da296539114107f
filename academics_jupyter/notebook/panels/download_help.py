"""What helps with a download that has failed, beyond what its error says: who has it now, or who may have it later."""

from __future__ import annotations

from collections.abc import Sequence

from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.names import shown

MOST_NAMES = 3
OFFLINE = "Your peer is offline: go online, then try again."
NOBODY = "Nobody is known to hold it any more: look for it under Explore, or ask who shared it."


def help_text(peer: Peer, resource: str, *, driven: bool) -> str:
    """One line, from what is known here; blocks on the store."""
    if not driven:
        return OFFLINE
    online, away = peer.uptake.holders(resource)
    if online:
        return f"{_names(peer, online)} {'is' if len(online) == 1 else 'are'} online now and can give it: try again."
    if away:
        return f"Try again once {_names(peer, away, 'or')} is online. What has come is kept."
    return NOBODY


def _names(peer: Peer, peers: Sequence[str], joined: str = "and") -> str:
    names = [shown(peer.exploring.name_of(each)) for each in peers[:MOST_NAMES]]
    if len(peers) > MOST_NAMES:
        names.append(f"{len(peers) - MOST_NAMES} more" if joined == "and" else "another holder")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joined} {names[-1]}"
