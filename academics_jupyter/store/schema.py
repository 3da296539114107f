"""The tables of the store, as migrations: the n-th brings a store of version n - 1 to version n. Imports nothing.

A migration that has been released is never edited; a change is a new one at the end. No column holds the text of a
message: it lies in `messages.sealed` only.
"""

from __future__ import annotations

_FIRST = (
    "CREATE TABLE identity (only INTEGER PRIMARY KEY CHECK (only = 1), peer TEXT NOT NULL)",
    "CREATE TABLE profile (only INTEGER PRIMARY KEY CHECK (only = 1), details TEXT NOT NULL)",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE records (
        label TEXT NOT NULL, key TEXT NOT NULL,
        epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
        payload TEXT NOT NULL, signature TEXT NOT NULL,
        PRIMARY KEY (label, key)
    )
    """,
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        destination TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('record', 'message')), reference TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        UNIQUE (destination, kind, reference)
    )
    """,
    """
    CREATE TABLE messages (
        id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL, author TEXT NOT NULL,
        series INTEGER NOT NULL, sequence INTEGER NOT NULL,
        place INTEGER NOT NULL,
        sent_at_ms INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'read', 'received')),
        unread INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        UNIQUE (author, conversation, series, sequence)
    )
    """,
    "CREATE INDEX messages_by_place ON messages (conversation, place)",
    "CREATE INDEX messages_unread ON messages (conversation) WHERE unread = 1",
    """
    CREATE TABLE files (
        resource TEXT PRIMARY KEY, path TEXT NOT NULL, size_bytes INTEGER NOT NULL, pieces BLOB NOT NULL,
        added_at_ms INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE downloads (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        resource TEXT NOT NULL, name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        done_bytes INTEGER NOT NULL DEFAULT 0, rate_bytes_s REAL NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'active', 'finished', 'failed', 'cancelled')),
        error TEXT NOT NULL DEFAULT '', holders TEXT NOT NULL DEFAULT '[]',
        path TEXT NOT NULL DEFAULT '', folder TEXT NOT NULL,
        requested_at_ms INTEGER NOT NULL, finished_at_ms INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE UNIQUE INDEX downloads_unfinished ON downloads (resource, folder) WHERE state IN ('waiting', 'active')
    """,
    """
    CREATE TABLE peers (
        peer TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '',
        first_seen_ms INTEGER NOT NULL DEFAULT 0, last_seen_ms INTEGER NOT NULL DEFAULT 0,
        online INTEGER NOT NULL DEFAULT 0, verified INTEGER NOT NULL DEFAULT 0, blocked INTEGER NOT NULL DEFAULT 0,
        direction TEXT NOT NULL DEFAULT '', rtt_ms REAL, since_ms INTEGER
    )
    """,
)

_SECOND = (
    "ALTER TABLE peers ADD COLUMN busy INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        origin TEXT NOT NULL, told_at_ns INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE driving (
        what TEXT PRIMARY KEY CHECK (what IN ('driver', 'wish')), token TEXT NOT NULL, at_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

_THIRD = ("ALTER TABLE outbox ADD COLUMN failing_since_ms INTEGER NOT NULL DEFAULT 0",)

_FOURTH = (
    # A folder's bencoded file tree; NULL for a file.
    "ALTER TABLE files ADD COLUMN tree BLOB",
    """
    CREATE TABLE folder_files (
        folder TEXT NOT NULL, place INTEGER NOT NULL,
        root TEXT NOT NULL, path TEXT NOT NULL, mtime_ns INTEGER NOT NULL,
        PRIMARY KEY (folder, place)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX folder_files_by_root ON folder_files (root)",
    """
    CREATE TABLE trees (
        resource TEXT PRIMARY KEY, tree BLOB NOT NULL, error TEXT NOT NULL, asked_at_ms INTEGER NOT NULL
    )
    """,
    # SQLite cannot change a CHECK, so the table is made anew.
    "DROP INDEX downloads_unfinished",
    "ALTER TABLE downloads RENAME TO former_downloads",
    """
    CREATE TABLE downloads (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        resource TEXT NOT NULL, name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        done_bytes INTEGER NOT NULL DEFAULT 0, rate_bytes_s REAL NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'active', 'paused', 'finished', 'failed', 'cancelled')),
        error TEXT NOT NULL DEFAULT '',
        holders TEXT NOT NULL DEFAULT '[]', pieces TEXT NOT NULL DEFAULT '',
        inside TEXT NOT NULL DEFAULT '',
        path TEXT NOT NULL DEFAULT '', folder TEXT NOT NULL,
        requested_at_ms INTEGER NOT NULL, finished_at_ms INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    INSERT INTO downloads (id, resource, name, size_bytes, done_bytes, state, error, path, folder, requested_at_ms,
        finished_at_ms)
        SELECT id, resource, name, size_bytes, done_bytes, state, error, path, folder, requested_at_ms, finished_at_ms
        FROM former_downloads
    """,
    "DROP TABLE former_downloads",
    """
    CREATE UNIQUE INDEX downloads_unfinished ON downloads (resource, folder)
        WHERE state IN ('waiting', 'active', 'paused')
    """,
    """
    CREATE TABLE rates (
        what TEXT PRIMARY KEY CHECK (what IN ('upload', 'download')), bytes_s REAL NOT NULL, at_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

_FIFTH = (
    # SQLite cannot change a CHECK, so the tables are made anew.
    "DROP INDEX messages_by_place",
    "DROP INDEX messages_unread",
    "ALTER TABLE messages RENAME TO former_messages",
    """
    CREATE TABLE messages (
        row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        conversation TEXT NOT NULL, author TEXT NOT NULL,
        series INTEGER NOT NULL, sequence INTEGER NOT NULL,
        place INTEGER NOT NULL,
        sent_at_ms INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'delivered', 'read', 'received', 'refused')),
        unread INTEGER NOT NULL,
        kind TEXT NOT NULL DEFAULT 'text', about TEXT NOT NULL DEFAULT '',
        sealed BLOB NOT NULL,
        UNIQUE (author, conversation, series, sequence)
    )
    """,
    """
    INSERT INTO messages (id, conversation, author, series, sequence, place, sent_at_ms, received_at_ms, state, unread,
        sealed)
        SELECT id, conversation, author, series, sequence, place, sent_at_ms, received_at_ms, state, unread, sealed
        FROM former_messages
    """,
    "DROP TABLE former_messages",
    "CREATE INDEX messages_by_place ON messages (conversation, place)",
    "CREATE INDEX messages_unread ON messages (conversation) WHERE unread = 1",
    "CREATE INDEX messages_queued ON messages (conversation) WHERE state = 'queued'",
    "CREATE INDEX messages_about ON messages (about) WHERE about != ''",
    "ALTER TABLE outbox RENAME TO former_outbox",
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        destination TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('record', 'message', 'invitation', 'declined', 'read')),
        reference TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        failing_since_ms INTEGER NOT NULL DEFAULT 0,
        UNIQUE (destination, kind, reference)
    )
    """,
    """
    INSERT INTO outbox (id, destination, kind, reference, created_at_ms, attempts, error, failing_since_ms)
        SELECT id, destination, kind, reference, created_at_ms, attempts, error, failing_since_ms FROM former_outbox
    """,
    "DROP TABLE former_outbox",
    # What is told of a room (its name, its members) is sealed in `facts`.
    """
    CREATE TABLE rooms (
        room TEXT PRIMARY KEY,
        standing TEXT NOT NULL CHECK (standing IN ('invited', 'declined', 'member', 'leaving', 'left')),
        claim TEXT NOT NULL, promised INTEGER NOT NULL DEFAULT 0, read INTEGER NOT NULL DEFAULT 0,
        muted INTEGER NOT NULL DEFAULT 0, at_ms INTEGER NOT NULL, facts BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE room_log (
        room TEXT NOT NULL, number INTEGER NOT NULL, message TEXT NOT NULL,
        author TEXT NOT NULL, series INTEGER NOT NULL, sequence INTEGER NOT NULL, sent_at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (room, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE room_marks (
        room TEXT NOT NULL, member TEXT NOT NULL, number INTEGER NOT NULL, read INTEGER NOT NULL,
        PRIMARY KEY (room, member)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE invitations (
        room TEXT NOT NULL, invitee TEXT NOT NULL,
        answer TEXT NOT NULL DEFAULT '' CHECK (answer IN ('', 'declined')), sealed BLOB NOT NULL,
        PRIMARY KEY (room, invitee)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE read_marks (
        conversation TEXT NOT NULL, reader TEXT NOT NULL, series INTEGER NOT NULL, sequence INTEGER NOT NULL,
        PRIMARY KEY (conversation, reader)
    ) WITHOUT ROWID
    """,
)

_SIXTH = (
    """
    CREATE TABLE drafts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, files INTEGER NOT NULL DEFAULT 0,
        brought INTEGER NOT NULL DEFAULT 0, said TEXT NOT NULL, notice TEXT NOT NULL DEFAULT '',
        made_at_ms INTEGER NOT NULL
    )
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH)
"""The statements of each migration, in order."""
