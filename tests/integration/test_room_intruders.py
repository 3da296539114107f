"""Peers that do not keep the rules of a room: members who write what is not theirs to write, and who is in no room."""

from __future__ import annotations

from tests.lab import Lab, meet
from tests.rooms import FACTS, ROOM, TERM, TEXTS, found, id_of, say, sees_members, sees_texts
from tests.waiting import wait_until

MODIFIED = """
import secrets
from academics_jupyter.protocol.messages import Message, Terms, sign_message
from academics_jupyter.protocol.rooms import *
from academics_jupyter.protocol.wire import Done
context, mesh = peer._context, peer._engine.mesh
key = context.keys.signing

async def write(kind, text='', **content):
    room = await peer.lookup.room('reading')
    with context.store.transaction():
        context.store.messages.compose(key, room, text, context.clock.now_ms(), kind=kind, **content)

async def tell(to, said):
    room = await peer.lookup.room('reading')
    try:
        await mesh.links[to].call('room', RoomEvent(room=room, said=said), Done)
    except Exception as error:
        return getattr(error, 'code', repr(error))
    return ''

async def term():
    return (await peer.rooms.get(await peer.lookup.room('reading'))).claim.term

async def claim(*others):
    room, round_ = await peer.lookup.room('reading'), (await term()).round + 1
    ballot = sign_ballot(key, Ballot(room=room, voter=context.me, round=round_, host=context.me))
    members = tuple(sorted((context.me, *others)))
    return Claim(term=Term(round_, context.me), members=members, ballots=(ballot,) * 5)

async def entries(after, chain):
    return Entries(term=await term(), after=Have(after, chain), entries=(), last=after)
"""


def test_what_is_not_theirs_to_say_is_refused_and_logged(lab: Lab) -> None:
    ada, grace, eve = people = [lab.enter(name) for name in ("ada", "grace", "eve")]
    found(*people)
    say(eve, "before")
    texts = ["before"]
    sees_texts(people, texts)
    eve.value(MODIFIED)
    others = repr([id_of(ada), id_of(grace)])

    # Entries, refusals and claims of who hosts nothing.
    for said in (
        f"await entries(0, {'00' * 32!r})",
        "Refused(message='00' * 16, code='not_member')",
        f"await claim(*{others})",
        f"Canvass(term=await term(), round={1 << 50})",
        f"Progress(term=Term({1 << 50}, context.me), haves=(Have(0, {'00' * 32!r}),))",
    ):
        for person in (ada, grace):
            assert eve.value(f"await tell({id_of(person)!r}, {said})") == "", said
    say(grace, "and on")
    texts.append("and on")
    sees_texts(people, texts)
    for person in (ada, grace):
        assert person.value(TERM) == [1, id_of(ada)]

    # A deletion by who did not found the room, and what comes after it.
    eve.value("await write('deletion')")
    wait_until(lambda: "was refused: not_entitled" in ada.log(whole=True), what="the refusal in the host's log")
    for person in (ada, grace):
        assert not person.value(f"{FACTS}.deleted")
    say(grace, "still here")
    texts.append("still here")
    sees_texts((ada, grace), texts)


def test_who_is_in_no_room_is_told_nothing_and_nothing_of_theirs_is_kept(lab: Lab) -> None:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    found(ada, grace)
    eve = lab.enter("eve")
    meet(ada, grace, eve)
    say(ada, "among us")
    sees_texts((ada, grace), ["among us"])
    room = ada.value(f"await {ROOM}")

    # It has got to know the room's id, and makes itself one of its members.
    eve.value(MODIFIED)
    eve.value(
        f"""
from academics_jupyter.store.rooms import Facts
claim = Claim(term=Term(1, {id_of(ada)!r}))
facts = Facts(name='reading', creator={id_of(ada)!r}, members=(context.me,), host={id_of(ada)!r})
context.store.rooms.enter({room!r}, 'member', claim, facts, 0)
invitation = Invitation(
    room={room!r}, inviter=context.me, invitee=context.me, creator={id_of(ada)!r}, name='reading', members=1,
    term=claim.term, sent_at_ms=0,
)
await write('join', invitation=sign_invitation(key, invitation))
await write('text', text='let me in')
"""
    )
    ids = tuple(ada.value(f"[each.id for each in await peer.chatting.history(await {ROOM})]"))
    for person in (ada, grace):
        assert eve.value(f"await tell({id_of(person)!r}, Wanted(messages={ids!r}))") == ""
        said = f"Progress(term=Term(1, {id_of(ada)!r}), haves=(Have(0, {'00' * 32!r}),))"
        assert eve.value(f"await tell({id_of(person)!r}, {said})") == ""
    say(grace, "still among us")
    sees_texts((ada, grace), ["among us", "still among us"])
    sees_members(ada, grace)
    assert eve.value(TEXTS) == ["let me in"]
    for person in (ada, grace):
        kept = person.value(f"len(await peer.chatting.history(await {ROOM}))")
        assert kept == 3, "the stranger's messages were kept"
