"""What happens at a peer, as frozen facts; `event_bus` tells them. Imports nothing of the package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """A link with a peer is up."""

    peer: str
    name: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The link with a peer has ended."""

    peer: str
    name: str


@dataclass(frozen=True, slots=True)
class ResourceShared:
    """Somebody, or we, have published or changed a description."""

    resource: str
    title: str
    sharer: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message has come and is in the store."""

    id: str
    author: str
    text: str
    conversation: str = ""
    """A room's id, or the author's."""


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """A message of ours is in its recipient's store."""

    id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """Somebody has edited or withdrawn a message of theirs, or reacted to one: `id` is the message that it is about."""

    id: str
    author: str
    conversation: str


@dataclass(frozen=True, slots=True)
class MessagesRead:
    """A peer has read what we wrote to it, up to some message."""

    reader: str


@dataclass(frozen=True, slots=True)
class WritingBegun:
    """Our person is writing in a conversation."""

    conversation: str


@dataclass(frozen=True, slots=True)
class WritingSeen:
    """Somebody else is writing in a conversation: shown for a while."""

    conversation: str
    author: str


@dataclass(frozen=True, slots=True)
class RoomInvited:
    """Somebody has invited us to a room."""

    room: str
    name: str
    inviter: str


@dataclass(frozen=True, slots=True)
class HostChanged:
    """A room has another host, elected in a round."""

    room: str
    host: str
    round: int


@dataclass(frozen=True, slots=True)
class DownloadFinished:
    """A resource is whole, verified and in the repository."""

    download: int
    resource: str
    path: str


@dataclass(frozen=True, slots=True)
class DownloadFailed:
    """A download cannot go on now."""

    download: int
    resource: str
    error: str


@dataclass(frozen=True, slots=True)
class LoopStarved:
    """A cell has kept the driver's loop from turning for so long, and nobody could reach the peer meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class TwinFound:
    """The same identity is online in another place too, from a copy of the profile; that one counts if `newer`."""

    newer: bool


Event = (
    PeerJoined
    | PeerLeft
    | ResourceShared
    | MessageReceived
    | MessageDelivered
    | MessageChanged
    | MessagesRead
    | WritingBegun
    | WritingSeen
    | RoomInvited
    | HostChanged
    | DownloadFinished
    | DownloadFailed
    | LoopStarved
    | TwinFound
)
