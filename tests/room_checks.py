"""What must hold of a simulated room, a while after all has healed."""

from __future__ import annotations

from collections.abc import Iterable

from tests.room_simulation import Simulation
from tests.simulated_member import Member


def check(room: Simulation) -> None:
    """That all members have the same, and nobody what is not theirs."""
    host = room.host
    assert host is not None, "the highest term is not known to its host"
    members = [room.by_id[member] for member in host.machine.log.members]
    for member in members:
        check_copy(member, host)
    check_written(room, host, members)
    check_secrets(room)
    for leaver in room.members.values():
        assert leaver.stands or leaver.id not in host.machine.log.members, "a departure was lost"
    if not room.changed:
        assert all(len(hosts) == 1 for hosts in room.hosts.values()), "two hosts in one round"


def check_copy(member: Member, host: Member) -> None:
    """That a member has what the host has."""
    assert member.machine.term == host.machine.term
    assert [post.digest for post in member.disk.log] == [post.digest for post in host.disk.log]
    assert not member.disk.pending
    log = member.machine.log
    assert member.machine.copy.pending == {}
    assert member.machine.copy.heads == {post.id for post in member.disk.log if post.id not in member.disk.held}
    for number, post in enumerate(member.disk.log, 1):
        # What everybody held has left with who left holding it.
        assert not log.shows(member.id, number) or post.id in member.disk.held, f"{member.name} lacks {number}"


def check_written(room: Simulation, host: Member, members: Iterable[Member]) -> None:
    """That all that was written is there once, and each author's in its order."""
    numbered = [post.id for post in host.disk.log]
    assert len(set(numbered)) == len(numbered), "a message is there twice"
    remaining = {member.id for member in members if not member.has_left}
    for author in {member.id for member in room.members.values()}:
        theirs = [message for message, by in room.written.items() if by == author]
        found = [message for message in host.texts if room.written[message] == author]
        assert found == (theirs if author in remaining else [each for each in theirs if each in found])
    for member in room.members.values():
        assert set(member.disk.rejected.values()) <= {"not_member"}
        refused = {room.authors[message] for message in member.disk.rejected}
        assert not refused & remaining, "a message of a member was refused"


def check_secrets(room: Simulation) -> None:
    """That who came holds nothing from before, and who left nothing from after."""
    for name, secret in room.secret.items():
        assert not secret & room.members[name].disk.held.keys(), f"{name} holds what is not theirs"
