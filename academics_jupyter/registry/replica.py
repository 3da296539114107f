"""Making a fresh mongod the one member of its replica set. May import pymongo and errors only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from academics_jupyter.registry.layout import uri

PATIENCE_MS = 2_000
_NOT_YET_INITIALISED = 94


def prepared(socket: Path) -> bool:
    """Whether the mongod at a socket takes writes; if it has no replica set yet, it is given one."""
    try:
        with MongoClient[dict[str, Any]](uri(socket), serverSelectionTimeoutMS=PATIENCE_MS) as client:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            _configure(client, str(socket))
    except PyMongoError:
        return False
    return False


def _configure(client: MongoClient[dict[str, Any]], host: str) -> None:
    """Initiate the set, or, where the socket has moved since, tell the set its new place."""
    try:
        current = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALISED:
            client.admin.command("replSetInitiate", _configuration(host, 1))
        return
    if current["members"][0]["host"] != host:
        client.admin.command("replSetReconfig", _configuration(host, current["version"] + 1), force=True)


def _configuration(host: str, version: int) -> dict[str, Any]:
    members = [{"_id": 0, "host": host}]
    return {"_id": "rs0", "version": version, "members": members, "settings": {"electionTimeoutMillis": 1000}}
