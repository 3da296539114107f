"""The founding order: newcomers look before they can be seen; who returns can be reached before others hear of it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.database import Database

from tests.mongod import running_mongod
from tests.processes import PeerProcess


def reached(presence: dict[str, Any]) -> bool:
    """Whether something listens where a presence says."""
    url = urlsplit(presence["payload"].partition('"urls":["')[2].partition('"')[0])
    with socket.socket() as sock:
        return sock.connect_ex((url.hostname, url.port)) == 0


def steps(database: Database[dict[str, Any]]) -> list[str]:
    """What was done about the active users, first things first, as the registry's profiler noted it."""
    noted = database["system.profile"].find({"ns": "academics.active_users"}).sort("ts")
    kinds = ("announce" if each["op"] == "update" else "ask" for each in noted if each["op"] in ("update", "command"))
    return list(dict.fromkeys(kinds))


def test_newcomers_ask_first_and_who_returns_serves_and_announces_first(tmp_path: Path) -> None:
    with running_mongod() as mongod, MongoClient[dict[str, Any]](mongod.uri) as client:
        database = client["academics"]
        with PeerProcess(tmp_path / "grace", "grace", registry=mongod.uri) as grace:
            announced: list[bool] = []
            with database["active_users"].watch(full_document="updateLookup") as changes:

                def follow() -> None:
                    for change in changes:
                        if change.get("fullDocument", {}).get("_id") != grace.ids["grace"]:
                            announced.append(reached(change["fullDocument"]))
                            return

                for expected in (["ask", "announce"], ["announce", "ask"]):
                    announced.clear()
                    watching = threading.Thread(target=follow)
                    watching.start()
                    with PeerProcess(tmp_path / "ada", registry=mongod.uri) as ada:
                        # Grace asks now and then, and would be noted too.
                        grace.stop()
                        database["system.profile"].drop()
                        database.command("profile", 2)
                        ada.ask("await open_profile('ada', True, True)")
                        watching.join(20)
                        ada.sees("'ada' in peers and peers['ada'].is_driver")
                        database.command("profile", 0)
                        assert steps(database) == expected
                        assert announced == [True], "its port was open when it was announced"
                        grace.cont()
                        ada.sees("peers['ada'].peers().set_index('name').direction['grace']", "out")
                        grace.sees("peer.peers().set_index('name').direction['ada']", "in")
                    grace.sees("peer.peers().set_index('name').state['ada']", "offline")
                    # The farewell has been seen by the watcher of nobody.
                    while changes.try_next() is not None:
                        pass
