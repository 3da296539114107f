"""The store of a profile: its database in parts, one for each noun. May import protocol and errors only."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from academics_jupyter.errors import StoreError
from academics_jupyter.store.counters import Clock, Counters
from academics_jupyter.store.database import Database, Subscriber
from academics_jupyter.store.doorbell import Doorbell
from academics_jupyter.store.downloads import Downloads
from academics_jupyter.store.drafts import Drafts
from academics_jupyter.store.driving import DrivingRows
from academics_jupyter.store.events import Events
from academics_jupyter.store.files import Files
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.invitations import Invitations
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.message_search import MessageSearch
from academics_jupyter.store.messages import Messages
from academics_jupyter.store.outbox import Outbox
from academics_jupyter.store.peers import Peers
from academics_jupyter.store.profile import ProfileRow
from academics_jupyter.store.rates import RateRows
from academics_jupyter.store.read_marks import ReadMarks
from academics_jupyter.store.records import Records
from academics_jupyter.store.room_copies import RoomCopies
from academics_jupyter.store.rooms import Rooms
from academics_jupyter.store.sealing import Sealing
from academics_jupyter.store.search_snapshot import SearchSnapshot
from academics_jupyter.store.trees import Trees

MAX_INTEGER = (1 << 63) - 1
"""What SQLite can hold."""


def wall_clock_ms() -> int:
    """The system's time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Store:
    """An open store, made by `Store.open`. Synchronous; its methods may be called from any thread."""

    def __init__(self, folder: ProfileFolder, database: Database, doorbell: Doorbell, keys: Keys, clock: Clock) -> None:
        self.database = database
        self.doorbell = doorbell
        self.profile = ProfileRow(database)
        self.counters = Counters(database, clock)
        self.records = Records(database)
        self.outbox = Outbox(database, clock)
        sealing = Sealing(keys.data)
        self.messages = Messages(database, sealing, self.counters, self.outbox)
        self.read_marks = ReadMarks(database, sealing, self.messages, self.outbox, keys.peer)
        self.rooms = Rooms(database, sealing)
        self.invitations = Invitations(database, sealing)
        self.room_copies = RoomCopies(database, sealing, self.messages, self.rooms)
        self.search = MessageSearch(SearchSnapshot(folder.search, keys.data), database, self.messages)
        self.files = Files(database)
        self.downloads = Downloads(database, clock)
        self.drafts = Drafts(database, clock)
        self.trees = Trees(database, clock)
        self.peers = Peers(database)
        self.events = Events(database)
        self.driving = DrivingRows(database)
        self.rates = RateRows(database)

    @classmethod
    def open(cls, folder: ProfileFolder, keys: Keys, clock: Clock = wall_clock_ms) -> Store:
        """Open the profile's store, made if it is not there; `clock` gives milliseconds since 1970.

        Raises StoreDamagedError after setting a damaged database aside, and StoreError.
        """
        folder.create()
        doorbell = Doorbell(folder.path)
        try:
            database = Database(folder.database, doorbell.ring, lambda: folder.driver() is not None)
        except BaseException:
            doorbell.close()
            raise
        store = cls(folder, database, doorbell, keys, clock)
        try:
            store._belong_to(keys.peer)
            store.counters.lie_at(folder.database.stat().st_ino & MAX_INTEGER)
            store.counters.series()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the search, the database and the doorbell. Safe to repeat."""
        self.search.close()
        self.doorbell.close()
        self.database.close()

    def transaction(self, *, lasting: bool = True) -> AbstractContextManager[None]:
        """All or nothing, on disk when it ends; re-entrant in its thread. Nothing may be awaited inside it.

        For what is not `lasting`, see `Database.transaction`.
        """
        return self.database.transaction(lasting=lasting)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Have `callback` told the topics of each change, in the thread that committed it; returns what ends that.

        What other processes change is told too, when someone calls `receive_doorbell`.
        """
        return self.database.subscribe(callback)

    def receive_doorbell(self) -> frozenset[str]:
        """Tell this process's subscribers what the other processes changed; returns the topics."""
        topics = self.doorbell.receive()
        if topics:
            self.database.notify(topics)
        return topics

    def _belong_to(self, peer: str) -> None:
        """A store written with other keys would show messages that nobody can read: refuse it."""
        with self.transaction():
            self.database.execute("INSERT INTO identity (only, peer) VALUES (1, ?) ON CONFLICT DO NOTHING", (peer,))
            if self.database.read("SELECT peer FROM identity")[0]["peer"] != peer:
                raise StoreError(
                    "The profile's store was written with other keys: put its keys.json back, or move store.sqlite3"
                    " away to begin with an empty one."
                )
