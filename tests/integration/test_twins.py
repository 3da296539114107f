"""The same identity online in two places, from a copy of its profile: both are told, and the newer one counts."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.mongod import running_mongod
from tests.processes import PeerProcess

WARNED = "'in another place' in repr(peer.status())"


def test_both_copies_of_a_profile_are_told_and_the_newer_one_counts(tmp_path: Path) -> None:
    with running_mongod() as mongod:
        with PeerProcess(tmp_path / "first", "ada", registry=mongod.uri):
            pass
        shutil.copytree(tmp_path / "first", tmp_path / "second")
        with (
            PeerProcess(tmp_path / "first", "ada", registry=mongod.uri) as first,
            PeerProcess(tmp_path / "grace", "grace", registry=mongod.uri) as grace,
        ):
            grace.sees("peer.peers().set_index('name').state['ada']", "linked")
            assert first.value(WARNED) is False
            with PeerProcess(tmp_path / "second", "ada", registry=mongod.uri) as second:
                first.sees(WARNED)
                second.sees(WARNED)
                grace.sees("peer.peers().set_index('name').state['ada']", "linked")
                grace.value("await peer.chat('ada', 'which of you?')")
                second.sees("(await peer.history('grace')).text.tolist()", ["which of you?"])
                assert first.value("(await peer.history('grace')).text.tolist()") == []
        with PeerProcess(tmp_path / "first", "ada", registry=mongod.uri) as alone:
            assert alone.value(WARNED) is False
