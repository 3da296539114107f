"""What the person said of themselves when registering. May import protocol and errors only."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.database import Database


@dataclass(frozen=True, slots=True)
class ProfileDetails:
    """A person's own details, as others will see them."""

    name: str
    email: str = ""
    affiliation: str = ""
    interests: tuple[str, ...] = ()


class ProfileRow:
    """The details of this store's profile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> ProfileDetails | None:
        """The details; None before registration."""
        rows = self._database.read("SELECT details FROM profile")
        return msgspec.json.decode(rows[0]["details"], type=prepared(ProfileDetails)) if rows else None

    def put(self, details: ProfileDetails) -> None:
        """Keep new details. Topic "profile"."""
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO profile (only, details) VALUES (1, ?)"
                " ON CONFLICT (only) DO UPDATE SET details = excluded.details",
                (msgspec.json.encode(details).decode(),),
            )
            self._database.changed("profile")
