"""`%room`: everything about rooms but writing in them, which is `%chat "#ROOM"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.store.rooms import RoomRow

if TYPE_CHECKING:
    import pandas as pd

ACTIONS = (
    "create",
    "invite",
    "accept",
    "decline",
    "leave",
    "delete",
    "list",
    "members",
    "mute",
    "unmute",
    "rename",
    "history",
)


@magics_class
class RoomMagics(PeerMagics):
    """Rooms."""

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("action", choices=ACTIONS, help="what to do")
    @argument("names", nargs="*", metavar="NAME", help="the room, then people")
    @argument("--history", action="store_true", help="create: who joins later sees what was said before")
    def room(self, line: str) -> RoomRow | pd.DataFrame:
        """Rooms, which live on when their host leaves.

        `%room create NAME PEER…` founds one and invites people; `invite #ROOM PEER…` asks more in.
        `%room accept #ROOM` takes an invitation up, `decline #ROOM` does not.
        `%room leave #ROOM`; `delete #ROOM` closes it for good, which only who founded it can do.
        `%room list` shows yours, `members #ROOM` who is in one and online.
        `%room mute #ROOM` and `unmute #ROOM`: whether what comes counts as unread.
        `%room rename #ROOM NEW` and `history #ROOM`, by who founded it: rename it, open its history to who joins later.
        Write with `%chat #ROOM MESSAGE`, read with `%history #ROOM`.
        """
        given = parsed(self.room, line)
        action, names = given.action, given.names
        if given.history and action != "create":
            raise UsageError("%room: --history belongs to create.")
        if action == "list":
            _expect(action, names, 0, 0)
            return self.ask(lambda peer: peer.list_rooms())
        _expect(action, names, *_COUNTS.get(action, (1, 1)))
        room, *people = names
        match action:
            case "create":
                return self.ask(lambda peer: peer.create_room(room, *people, history=given.history))
            case "invite":
                return self.ask(lambda peer: peer.invite(room, *people))
            case "members":
                return self.ask(lambda peer: peer.room_members(room))
            case "rename":
                return self.ask(lambda peer: peer.set_room_terms(room, name=people[0]))
            case _:
                return self._change(action, room)

    def _change(self, action: str, room: str) -> RoomRow:
        match action:
            case "accept":
                return self.ask(lambda peer: peer.join_room(room))
            case "decline":
                return self.ask(lambda peer: peer.decline_room(room))
            case "leave":
                return self.ask(lambda peer: peer.leave_room(room))
            case "delete":
                return self.ask(lambda peer: peer.delete_room(room))
            case "history":
                return self.ask(lambda peer: peer.set_room_terms(room, history=True))
            case _:
                return self.ask(lambda peer: peer.mute_room(room, muted=action == "mute"))


_COUNTS = {"create": (1, 1_000), "invite": (2, 1_000), "rename": (2, 2)}


def _expect(action: str, names: list[str], least: int, most: int) -> None:
    if not least <= len(names) <= most:
        wanted = {"create": "NAME PEER…", "invite": "#ROOM PEER…", "rename": "#ROOM NEWNAME", "list": ""}
        raise UsageError(f"%room {action} is written: %room {action} {wanted.get(action, '#ROOM')}".rstrip())
