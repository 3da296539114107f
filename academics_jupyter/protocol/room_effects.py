"""What a room's machine has its member do. May import messages, room_log and rooms.

They are carried out in their order, and nothing is told before all that comes before it is on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from academics_jupyter.protocol.room_log import Post
from academics_jupyter.protocol.rooms import Claim, Said


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep messages of others that have been submitted: they are pending."""

    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """Extend the log on disk, from `number` on, with messages that are held unless they are in `heads`.

    Those in `void` came too late for a room that was deleted, and are shown to nobody but their authors.
    """

    number: int
    posts: tuple[Post, ...]
    heads: frozenset[str] = frozenset()
    void: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut the log on disk off after `number`; what is held of what came after is pending, in front of the rest."""

    number: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Messages of which the log had only the heads are held now."""

    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adopt:
    """Keep the claim of the highest term that is known."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Promise:
    """Keep the highest round that a ballot was given in."""

    round: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A pending message can never be numbered, for the reason of an error code."""

    message: str
    code: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a member."""

    peer: str
    said: Said


@dataclass(frozen=True, slots=True)
class TellEntries:
    """Tell a member what is in the log after the number `after`, up to and with `to`."""

    peer: str
    after: int
    to: int


@dataclass(frozen=True, slots=True)
class TellMessages:
    """Tell a member messages that are held: to submit them, or as given."""

    peer: str
    messages: tuple[str, ...]
    submit: bool


Effect: TypeAlias = Hold | Keep | Cut | Fill | Adopt | Promise | Reject | Tell | TellEntries | TellMessages
