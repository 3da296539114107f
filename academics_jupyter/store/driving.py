"""Who drives the profile, and the wish of another process to (`protocol.driving`). May import protocol and errors only.

The lock of `folder` says whether the driver of this row still lives.
"""

from __future__ import annotations

from academics_jupyter.protocol.driving import Wish
from academics_jupyter.store.database import Database


class DrivingRows:
    """One store's last driver, and the one wish that counts. Every write has the topic "driving"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def driver(self) -> str:
        """The token of the process that was the last to drive; empty before the first one."""
        rows = self._rows("driver")
        return rows[0][0] if rows else ""

    def drives(self, token: str, now_ms: int) -> None:
        """The process with this token drives from now on."""
        self._put("driver", token, now_ms)

    def wish(self) -> Wish | None:
        """The wish, whether or not it still counts."""
        rows = self._rows("wish")
        return Wish(*rows[0]) if rows else None

    def make_wish(self, wish: Wish) -> None:
        """Wish to drive, in place of whoever wished before."""
        self._put("wish", wish.token, wish.renewed_at_ms)

    def renew_wish(self, wish: Wish) -> None:
        """Go on wishing; another process's wish stays."""
        self._write("UPDATE driving SET at_ms = ? WHERE what = 'wish' AND token = ?", (wish.renewed_at_ms, wish.token))

    def withdraw_wish(self, token: str) -> None:
        """Wish no more; another process's wish stays."""
        self._write("DELETE FROM driving WHERE what = 'wish' AND token = ?", (token,))

    def _rows(self, what: str) -> list[tuple[str, int]]:
        rows = self._database.read("SELECT token, at_ms FROM driving WHERE what = ?", (what,))
        return [(row["token"], row["at_ms"]) for row in rows]

    def _put(self, what: str, token: str, at_ms: int) -> None:
        self._write(
            "INSERT INTO driving (what, token, at_ms) VALUES (?, ?, ?)"
            " ON CONFLICT (what) DO UPDATE SET token = excluded.token, at_ms = excluded.at_ms",
            (what, token, at_ms),
        )

    def _write(self, sql: str, args: tuple[str | int, ...]) -> None:
        with self._database.transaction():
            if self._database.execute(sql, args):
                self._database.changed("driving")
