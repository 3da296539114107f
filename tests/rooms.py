"""A room among people in processes of their own, and what each of them sees of it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.lab import meet
from tests.processes import PeerProcess, ProcessError
from tests.waiting import TIMEOUT_S, wait_until

ROOM = "peer.lookup.room('reading')"
TEXTS = f"[each.text for each in await peer.chatting.history(await {ROOM}) if each.kind == 'text']"
FACTS = f"(await peer.rooms.get(await {ROOM})).facts"
STANDING = f"(await peer.rooms.get(await {ROOM})).standing"
TERM = f"(lambda term: [term.round, term.host])((await peer.rooms.get(await {ROOM})).claim.term)"


def found(host: PeerProcess, *others: PeerProcess) -> None:
    """Have a room with some people in it, founded by the first."""
    meet(host, *others)
    names = [name for other in others for name in other.ids]
    host.value(f"await peer.create_room('reading', *{names!r})")
    for other in others:
        other.sees("[room.standing for room in await peer.rooms.all()]", ["invited"])
        other.value("await peer.join_room('reading')")
    sees_members(host, *others)


def name_of(person: PeerProcess) -> str:
    return next(iter(person.ids))


def id_of(person: PeerProcess) -> str:
    return str(person.ids[name_of(person)])


def say(person: PeerProcess, *texts: str) -> None:
    for text in texts:
        person.value(f"await peer.chat('#reading', {text!r})")


def sees_members(*people: PeerProcess) -> None:
    """Wait until these see that they are who is in the room."""
    wanted = sorted(id_of(person) for person in people)
    for person in people:
        person.sees(f"sorted({FACTS}.members)", wanted)


def sees_texts(people: Iterable[PeerProcess], texts: Iterable[str], timeout_s: float = TIMEOUT_S) -> list[str]:
    """Wait until all have the same texts in the same order, those that are given, in the same term; the order.

    All are looked at each time: an election under way may still change the order that one of them has.
    """
    people, wanted = list(people), sorted(texts)
    seen: list[tuple[list[str], list[object]]] = []

    def look() -> bool:
        try:
            seen[:] = [(person.value(TEXTS), person.value(TERM)) for person in people]
        except ProcessError:
            if not all(person.is_alive for person in people):
                raise
            return False
        return sorted(seen[0][0]) == wanted and all(each == seen[0] for each in seen)

    try:
        wait_until(look, timeout_s, "one order of all texts")
    except AssertionError as error:
        logs = "\n".join(f"{name_of(person)}:\n{person.log()}" for person in people)
        raise AssertionError(f"{wanted} came to be {seen}\n{logs}") from error
    return seen[0][0]


def elected(people: Iterable[PeerProcess], former: PeerProcess) -> PeerProcess:
    """Wait until these have agreed on another host than the former; who it is.

    All are looked at each time: until they have agreed, there may be another round.
    """
    people = list(people)
    terms: list[list[object]] = []

    def look() -> bool:
        terms[:] = [person.value(TERM) for person in people]
        return terms[0][1] != id_of(former) and all(term == terms[0] for term in terms)

    try:
        wait_until(look, what="one host for all")
    except AssertionError as error:
        logs = "\n".join(f"{name_of(person)}:\n{person.log()}" for person in people)
        raise AssertionError(f"the terms came to be {terms}\n{logs}") from error
    return next(person for person in people if id_of(person) == terms[0][1])
