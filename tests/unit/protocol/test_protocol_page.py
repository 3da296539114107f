"""docs/PROTOCOL.md against the code: every event, code, field, limit and example on the page is what the code does."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec import inspect as shapes
from nacl.signing import SigningKey

from academics_jupyter.network import certificate, dialler, guard, link, range_client, range_server, server, sockets
from academics_jupyter.peer import (
    delivering,
    gathering,
    heartbeat,
    membership,
    meshing,
    reaching,
    room_running,
    room_telling,
    room_writing,
)
from academics_jupyter.peer.settings import Settings
from academics_jupyter.protocol import (
    claims,
    election,
    file_tree,
    handshake,
    merkle,
    mesh,
    messages,
    names,
    records,
    room,
    room_hosting,
    rooms,
    scheduling,
    turns,
    votes,
    wire,
)
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.handshake import Auth
from academics_jupyter.protocol.identity import fingerprint, peer_id, verifies
from academics_jupyter.protocol.messages import ROOM_KINDS, Message, open_message
from academics_jupyter.protocol.records import KINDS, Envelope, Record, Signed, open_record
from academics_jupyter.protocol.room_log import CHAIN_START, RoomLog
from academics_jupyter.protocol.rooms import Ballot, Invitation, open_ballot, open_invitation
from academics_jupyter.registry import matching, port, schema, words
from academics_jupyter.registry import membership as registry_membership
from academics_jupyter.registry.documents import COLLECTIONS, document, document_id
from academics_jupyter.store.room_copies import opened, post_from

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
STRUCTS = {
    name: kind
    for module in (records, handshake, wire, messages, rooms)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, Struct) and kind.__module__ == module.__name__
}
EMPTY = {"Ping", "Typing"}
"""Structs without fields, which need no table."""
SIGNED = {kind.__name__: kind.LABEL for kind in KINDS.values()} | {
    "Message": Message.LABEL,
    "Invitation": Invitation.LABEL,
    "Ballot": Ballot.LABEL,
}
"""The labels of all that is signed, by the names of the structs."""

HEX_OR_NOTHING = re.compile(r"\^\(\?:\[0-9a-f\]\{(\d+)\}\)\?\\Z")
HEX = re.compile(r"\^\[0-9a-f\]\{(\d+)\}\\Z")
EITHER_HEX = re.compile(r"\^\(\?:\[0-9a-f\]\{(\d+)\}\|\[0-9a-f\]\{(\d+)\}\)\\Z")


def section(title: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.MULTILINE)
    assert found, f"the page has no heading {title!r}"
    rest = PAGE[found.end() :]
    after = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: after.start()] if after else rest


def table(text: str) -> list[list[str]]:
    """The rows of the first table in a text, without its head."""
    lines = dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    rows = list(takewhile(lambda line: line.startswith("|"), lines))[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def fenced(info: str) -> list[str]:
    """What stands in the fenced blocks with that info string."""
    return re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def examples() -> dict[str, dict[str, Any]]:
    """The examples in JSON, by the name of the struct they are of."""
    found = re.findall(r"^```json (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(dict(found)) == len(found)
    return {name: json.loads(text) for name, text in found}


def values(example: str = "handshake") -> dict[str, str]:
    """A worked example, of the handshake or of a room: name and value."""
    (block,) = fenced(f"text {example}")
    return dict(re.findall(r"^(\w+) += (\S.*)$", block, re.MULTILINE))


def number(value: int) -> str:
    if value >= 1 << 53:
        return "2^53"
    return "2^53 - 1" if value == (1 << 53) - 1 else f"{value:,}"


def any_of(choices: Iterable[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}"


def told_text(shape: shapes.StrType) -> str:
    """A text's form and limits in the page's words."""
    pattern, least, most = shape.pattern or "", shape.min_length, shape.max_length
    if found := HEX.fullmatch(pattern):
        return f"{found[1]} hex digits"
    if found := HEX_OR_NOTHING.fullmatch(pattern):
        return f"{found[1]} hex digits, or empty"
    if found := EITHER_HEX.fullmatch(pattern):
        return f"{found[1]} or {found[2]} hex digits"
    if pattern:
        assert pattern == r"^[a-z_]+\Z"
        return f"1 to {most} of `a` to `z` and `_`"
    assert most is not None
    return f"text, {least} to {number(most)}" if least else f"text, up to {number(most)}"


def told(shape: shapes.Type) -> str:
    """A type and its limits in the page's words."""
    match shape:
        case shapes.StrType():
            return told_text(shape)
        case shapes.IntType(ge=int(least), lt=above, le=most):
            return f"integer, {number(least)} to {number(above - 1 if above else most or 0)}"
        case shapes.BoolType():
            return "boolean"
        case shapes.LiteralType(values=values):
            return any_of(f"`{value}`" for value in values)
        case shapes.VarTupleType(item_type=item, min_length=int(least), max_length=int(most)):
            return f"array, {least} to {number(most)}, of {told(item)}"
        case shapes.VarTupleType(item_type=item, max_length=int(most)):
            return f"array, up to {number(most)}, of {told(item)}"
        case shapes.StructType(cls=kind):
            return kind.__name__
        case shapes.UnionType(types=(one, shapes.NoneType())):
            return f"{told(one)}; or null"
        case shapes.UnionType(types=types):
            return any_of(map(told, types))
        case _:
            pytest.fail(f"the page has no words for {shape}")


def fields(kind: type[Struct]) -> list[tuple[str, str, str]]:
    """The fields of a struct as (name, type, default), those of the header left out for a kind of record."""
    info = shapes.type_info(kind)
    assert isinstance(info, shapes.StructType)
    inherited = Record.__struct_fields__ if issubclass(kind, Record) and kind is not Record else ()
    tag = [(f"`{info.tag_field}`", f"`{info.tag}`", "required")] if info.tag_field else []
    return tag + [
        (f"`{field.name}`", told(field.type), "required" if field.required else json.dumps(field.default))
        for field in info.fields
        if field.name not in inherited
    ]


def signed_examples() -> dict[str, Signed[Record]]:
    """The records among the examples; opening them checks their signatures."""
    found = examples()
    return {kind.__name__: open_record(msgspec.convert(found[kind.__name__], Envelope)) for kind in KINDS.values()}


@pytest.mark.parametrize("name", sorted(STRUCTS.keys() - EMPTY))
def test_every_field_is_on_the_page_with_its_type_and_default(name: str) -> None:
    rows = table(section(name))
    assert [tuple(row[:3]) for row in rows] == fields(STRUCTS[name])
    assert all(row[3] for row in rows if row[0] != "`type`")


def test_structs_without_a_table_have_no_fields() -> None:
    assert [shapes.type_info(STRUCTS[name]).fields for name in EMPTY] == [()] * len(EMPTY)  # type: ignore[attr-defined]
    assert f'`{{"type": "{rooms.Typing.__struct_config__.tag}"}}`' in section("RoomEvent")


def test_what_is_written_as_an_array_is_said_to_be() -> None:
    for name in STRUCTS.keys() - EMPTY:
        assert ("Written as an array" in section(name)) == STRUCTS[name].__struct_config__.array_like, name


def test_what_is_said_in_a_room_can_all_be_said() -> None:
    tagged = {
        name for name, kind in STRUCTS.items() if kind.__module__ == rooms.__name__ and kind.__struct_config__.tag
    }
    (row,) = (row for row in table(section("RoomEvent")) if row[0] == "`said`")
    assert set(re.findall(r"[A-Z]\w+", row[1])) == tagged


def test_every_event_is_on_the_page() -> None:
    sources = [
        path.read_text() for layer in ("network", "peer") for path in (ROOT / "academics_jupyter" / layer).glob("*.py")
    ]
    called = {event for text in sources for event in re.findall(r"\.call\(\s*\"(\w+)\"", text)}
    handled = {event for text in sources for event in re.findall(r"\.on\(\s*\"(\w+)\", [A-Z]", text)}
    assert {row[0].strip("`") for row in table(section("Events"))} == called | handled | {"hello"}


def test_every_error_code_is_on_the_page() -> None:
    assert {row[0].strip("`"): row[1] for row in table(section("Error codes"))} == wire.CODES


def test_every_kind_is_on_the_page() -> None:
    rows = {row[0]: row[1].strip("`") for row in table(section("Signed records"))}
    assert rows == SIGNED


LIMITS = {
    "Protocol version": handshake.VERSION,
    "A challenge lives": f"{handshake.CHALLENGE_LIFETIME_MS // 1000} s",
    "Challenges a server keeps": f"{handshake.MAX_CHALLENGES:,}",
    "A challenge's answer": f"{dialler.MAX_CHALLENGE_BYTES:,} bytes",
    "A socket.io packet": f"{wire.MAX_EVENT_BYTES:,} bytes",
    "Records in one news": wire.MAX_RECORDS,
    "A record's payload": f"{records.MAX_PAYLOAD_BYTES:,} bytes of UTF-8",
    "A message's payload": f"{records.MAX_ENVELOPE_LENGTH:,} characters;"
    f" {messages.MAX_WRITTEN_BYTES:,} bytes as a string in JSON",
    "Frames on a connection": f"{wire.FRAMES_PER_SECOND:,} a second, {wire.FRAMES_AT_ONCE:,} at once",
    "Events on a link, but for reads": f"{wire.EVENTS_PER_SECOND} a second, {wire.EVENTS_AT_ONCE} at once",
    "Reads on a link": f"{wire.READS_PER_SECOND:,} a second, {wire.READS_AT_ONCE:,} at once",
    "Reads unanswered on a link": wire.READS_UNDER_WAY,
    "Bytes of one read": f"{wire.MAX_READ_BYTES:,}",
    "Text of a message": f"{messages.MAX_TEXT_LENGTH:,} characters",
    "Typing is told": f"every {wire.TYPING_INTERVAL_S:.0f} s",
    "Text of a reaction": f"{messages.MAX_REACTION_LENGTH} characters",
    "A cell in a message": f"{messages.MAX_CELL_LENGTH:,} characters",
    "Members of a room": f"{rooms.MAX_MEMBERS:,}",
    "Others that a room is founded with": messages.MAX_INVITED,
    "Messages in one event of a room": f"{room_writing.EVENT_BYTES:,} bytes as in JSON,"
    f" {rooms.MAX_ENTRIES} entries, {rooms.MAX_SUBMITTED} submitted or given",
    "Entries on their way to a member": f"{room_hosting.WINDOW:,}",
    "An answer to room": f"{room_telling.ANSWER_TIMEOUT_S:.0f} s",
    "What is pending is submitted, and what is lacking asked for, again": f"every {room.ASK_AGAIN_MS // 1000} s",
    "Marks are told": f"every {room.MARKS_MS // 1000} s, where they have changed",
    "A room's host is pinged": f"every {reaching.PING_INTERVAL_S} s",
    "A room's host is gone": f"after {election.GONE_MS // 1000} s",
    "A standing is told": f"every {election.STANDING_MS // 1000} s",
    "A turn to canvass": f"{election.TURN_MS / 1000} s for each before;"
    f" {election.GATHER_MS / 1000} s more while not all have said how they stand",
    "A canvass lasts": f"{election.CANVASS_MS // 1000} s",
    "A ballot for another than the first": f"{election.PATIENCE_MS // 1000} s after the host is gone",
    "A round ahead": f"{election.MOST_AHEAD:,} in a canvass, or said to be promised; {claims.MOST_MISSED:,} in a claim",
    "A presence lease": f"{records.PRESENCE_LEASE_MS // 1000} s, renewed every {heartbeat.RENEW_INTERVAL_S:.0f} s",
    "Other records live": f"{records.RECORD_LIFETIME_MS // 86_400_000:,} days",
    "A token lives": f"{wire.TOKEN_LIFETIME_MS // 1000} s",
    "Tokens a server keeps": f"{range_server.MAX_TOKENS:,}",
    "A file": f"{number(records.MAX_SIZE_BYTES)} bytes",
    "A certificate is valid": f"{certificate.VALID_DAYS:,} days either way",
    "TLS handshake": f"{server.TLS_TIMEOUT_S} s",
    "A connection without proof or token": f"{guard.AUTHENTICATION_DEADLINE_S:.0f} s",
    "Links of a peer": Settings().max_links,
    "Sessions of one peer with a server": server.SESSIONS_PER_PEER,
    "Events that wait for the server's proof": dialler.MAX_EARLY_EVENTS,
    "Connections to a server": f"{server.CONNECTIONS_PER_LINK} for each link it takes",
    "Ping interval": f"{server.PING_INTERVAL_S} s",
    "Ping timeout": f"{server.PING_TIMEOUT_S} s",
    "A dial of one address": f"{dialler.DIAL_TIMEOUT_S:.0f} s",
    "An answer": f"{link.CALL_TIMEOUT_S:.0f} s",
    "An answer to chat": f"{delivering.CHAT_TIMEOUT_S:.0f} s",
    "An answer to token, or more bytes": f"{gathering.NEXT_AFTER_S:.0f} s;"
    f" {range_client.PATIENCE_S:.0f} s from the last holder",
    "A chat is tried again after": f"{delivering.FIRST_RETRY_S:.0f} s, then twice as late each time,"
    f" up to {delivering.LAST_RESEND_S:.0f} s",
    "The same peer is dialled again after": f"{meshing.REDIAL_INTERVAL_S:.0f} s;"
    f" {meshing.VOTED_REDIAL_INTERVAL_S:.0f} s once it has been voted on",
    "The registry is read every": f"{meshing.REFRESH_INTERVAL_S:.0f} s,"
    f" {meshing.IDLE_INTERVAL_S:.0f} s while nobody comes or goes, give or take a third;"
    f" all of it every {membership.READ_ALL_INTERVAL_S:.0f} s",
    "Deltas overlap": f"{registry_membership.OVERLAP_MS // 1000} s",
    "A vote counts": f"{records.VOTE_LIFETIME_MS // 1000} s, renewed after {votes.RENEW_MS // 1000} s",
    "Failures that make a vote": f"{votes.FAILURES_TO_VOTE}, over {votes.FAILING_MS // 1000} s or more",
    "The vote rule's r": Settings().disconnect_ratio,
    "Links kept of a large mesh": f"{mesh.part_size(Settings().max_links)} of {Settings().max_links}",
    "Votes read of one peer": port.MAX_VOTES,
    "Bytes in one range": f"up to {scheduling.LONGEST_RUN_BYTES >> 20} MiB, or one piece",
    "Transfers that a server serves at once": Settings().uploads_at_once,
    "Who has no slot asks again after": f"{turns.RETRY_S} s; its place is kept for {turns.PATIENCE_S:.0f} s",
    "TCP keepalive": f"after {sockets.KEEPALIVE_IDLE_S} s, every {sockets.KEEPALIVE_INTERVAL_S} s,"
    f" {sockets.KEEPALIVE_PROBES} times; user timeout {sockets.USER_TIMEOUT_MS // 1000} s",
    "Grace for clocks": f"{matching.CLOCK_GRACE_MS // 3_600_000} h",
    "Words of a resource": words.MAX_RESOURCE_WORDS,
    "Words of a profile": words.MAX_PROFILE_WORDS,
    "A word": f"{words.MAX_WORD_LENGTH} characters",
    "A call of the registry": f"{port.TIMEOUT_S:.0f} s",
}


def test_the_limits_are_those_of_the_code() -> None:
    assert {row[0]: row[1] for row in table(section("Limits"))} == {name: str(value) for name, value in LIMITS.items()}


def test_the_second_column_of_the_limits_of_rooms() -> None:
    beyond = {row[0]: row[2] for row in table(section("Limits"))}
    assert f"acknowledged for {reaching.DEAF_MS // 1000} s" in beyond["A room's host is pinged"]
    assert f"counts for {election.FRESH_MS / 1000} s" == beyond["A standing is told"]
    assert f"told anew {room_running.REGREET_S:.0f} s later" == beyond["An answer to room"]


@pytest.mark.parametrize(
    ("title", "told_times"),
    [
        (
            "Elections",
            (
                f"unacknowledged for {reaching.DEAF_MS // 1000} s",
                f"Ping the host every {reaching.PING_INTERVAL_S} s",
                f"After {election.GONE_MS // 1000} s without the host",
                f"less than {election.FRESH_MS / 1000} s old",
                f"waits {election.TURN_MS / 1000} s for each",
                f"{election.GATHER_MS / 1000} s more unless",
                f"After {election.CANVASS_MS // 1000} s without a majority",
                f"that are {election.MOST_AHEAD:,} or more above",
                f"at most {election.MOST_AHEAD:,} above",
                f"some part of {election.TURN_MS / 1000} s",
                f"waits {election.CANVASS_MS // 1000} s and its turn",
                f"gone for another {election.PATIENCE_MS // 1000} s",
            ),
        ),
        ("Terms and claims", (f"at most {claims.MOST_MISSED:,} above",)),
        (
            "A member and its host",
            (f"never more than {room_hosting.WINDOW:,} beyond", f"every {room.ASK_AGAIN_MS // 1000} s"),
        ),
        ("RoomEvent", (f"at most every {wire.TYPING_INTERVAL_S:.0f} s",)),
        ("Room ids", ("first 32 hex digits of the SHA-256 of the ASCII text `academics/1/room`, a line feed",)),
        (
            "The log",
            (
                f"at 0 it is {len(CHAIN_START)} zero bytes",
                "the SHA-256 of its `signature`",
                "shown to its author alone",
            ),
        ),
        ("Message", (f"`text` up to {messages.MAX_REACTION_LENGTH} characters",)),
    ],
)
def test_the_times_and_numbers_of_rooms(title: str, told_times: tuple[str, ...]) -> None:
    text = " ".join(section(title).split())
    assert [each for each in told_times if each not in text] == []


def test_every_kind_of_message_is_on_the_page() -> None:
    kinds = msgspec.inspect.type_info(messages.Kind).values  # type: ignore[attr-defined]
    said = section("Message")
    rows = table(said[said.index("| kind | where |") :])
    assert {row[0].strip("`"): row[1] for row in rows} == {
        kind: "rooms" if kind in ROOM_KINDS else "both" for kind in kinds
    }
    seen = table(section("Who sees what"))
    assert [row[0] for row in seen[1:]] == ["others", "void ones"]
    assert (
        set(re.findall(r"`(\w+)`", seen[0][0]))
        == ROOM_KINDS
        == set(re.findall(r"`(\w+)`", "".join(row[0] for row in table(section("The log")))))
    )


def test_every_refusal_by_a_host_is_an_error_code() -> None:
    text = section("The log")
    codes = {row[1].strip("`") for row in table(text[text.index("| where | code |") :])}
    assert codes == {"none", "out_of_order", "not_member", "not_entitled", "too_many"}
    assert codes - {"none"} <= wire.CODES.keys()


def test_the_worked_room() -> None:
    worked, found = values("room"), examples()
    ada, grace, lin = (values()["dialler_id"], values()["server_id"], worked["lin_id"])
    assert peer_id(SigningKey(bytes.fromhex(worked["lin_seed"]))) == lin
    assert (ada, messages.room_id(ada, worked["founding"])) == (worked["creator"], worked["room"])
    told_log = msgspec.convert(found["Entries"], rooms.Entries)
    log = RoomLog(worked["room"])
    for number_, entry in enumerate(told_log.entries, 1):
        post = opened(entry.message).post if entry.message else post_from(entry.head)  # type: ignore[arg-type]
        assert log.refusal(post) == ""
        log.append(post)
        assert (post.digest.hex(), log.chain(number_).hex()) == (
            worked[f"digest_{number_}"],
            worked[f"chain_{number_}"],
        )
        assert log.members >= {post.author}
    assert log.members == {ada, grace, lin}
    assert [bool(entry.message) for entry in told_log.entries] == [log.shows(lin, at) for at in range(1, len(log) + 1)]
    assert log.terms == msgspec.convert(found["Terms"], messages.Terms)
    assert log.haves() == tuple((number_, chain) for number_, chain in found["Progress"]["haves"])
    (given,) = msgspec.convert(found["Given"], rooms.Given).messages
    assert messages.digest(given).hex() == found["Head"]["digest"] == worked["digest_3"]
    (submitted,) = msgspec.convert(found["Submit"], rooms.Submit).messages
    assert submitted == told_log.entries[-1].message


def test_the_worked_election() -> None:
    worked, found = values("room"), examples()
    grace, lin = values()["server_id"], worked["lin_id"]
    claim = msgspec.convert(found["Claim"], rooms.Claim)
    assert claims.voters(worked["room"], claim) == frozenset(claim.members) == {grace, lin}
    assert claims.is_elected(worked["room"], claim)
    former = msgspec.convert(found["Canvass"], rooms.Canvass).term
    standing = rooms.Standing(term=former, promised=0, stands=True)
    view = election.View(former, frozenset(claim.members), {}, is_host_reached=False, stands=True)
    voting = election.Election(worked["room"], grace)
    voting.heard(lin, standing, 0)
    # Nobody has measured anybody, so the lots decide.
    lots = {grace: worked["lot_grace"], lin: worked["lot_lin"]}
    assert voting.ranking(view, 0) == sorted(lots, key=lots.__getitem__)
    for candidate, lot in lots.items():
        text = f"{worked['room']}{former.round}{former.host}{candidate}"
        assert sha256(text.encode()).hexdigest() == lot


def test_the_signed_invitation_and_ballot_hold() -> None:
    found = examples()
    invitation = open_invitation(msgspec.convert(found["Invitation"], Envelope))
    assert (invitation.room, invitation.inviter) == (values("room")["room"], values()["dialler_id"])
    assert found["Invite"]["invitation"] == found["Invitation"]
    ballot = open_ballot(msgspec.convert(found["Ballot"], Envelope))
    assert (ballot.voter, ballot.round) == (values("room")["lin_id"], found["Canvass"]["round"])
    assert found["Cast"]["ballot"] == found["Ballot"]


def test_the_worked_handshake() -> None:
    found = values()
    keys = {side: SigningKey(bytes.fromhex(found[f"{side}_seed"])) for side in ("dialler", "server")}
    for side, key in keys.items():
        assert peer_id(key) == found[f"{side}_id"]
        assert fingerprint(peer_id(key)) == found[f"{side}_fingerprint"]
    auth = handshake.prove_as_dialler(
        keys["dialler"], found["server_id"], found["certificate"], found["nonce_server"], found["nonce_dialler"]
    )
    signed = handshake.transcript(auth, found["certificate"])
    assert signed.hex() == found["transcript"]
    assert auth.proof == found["dialler_proof"]
    assert handshake.prove_as_server(keys["server"], auth, found["certificate"]) == found["server_proof"]
    assert msgspec.convert(examples()["Auth"], Auth) == auth
    handshake.check_dialler(auth, found["server_id"], found["certificate"])
    handshake.check_server(found["server_proof"], auth, found["certificate"])


@pytest.mark.parametrize("side", ["dialler", "server"])
def test_the_signed_bytes_are_the_label_and_the_transcript(side: str) -> None:
    found = values()
    label = found[f"{side}_label"].encode().decode("unicode_escape").encode()
    assert label == {"dialler": handshake.DIALLER_LABEL, "server": handshake.SERVER_LABEL}[side]
    assert verifies(found[f"{side}_id"], label + bytes.fromhex(found["transcript"]), found[f"{side}_proof"])


def test_the_examples_follow_their_schemas() -> None:
    for name, data in examples().items():
        assert msgspec.convert(data, Envelope if name in SIGNED else STRUCTS[name])


@pytest.mark.parametrize("name", [kind.__name__ for kind in KINDS.values()])
def test_the_signed_examples_hold(name: str) -> None:
    signed = signed_examples()[name]
    assert type(signed.record).__name__ == name
    assert signed.record.peer == values()["server_id"]
    assert set(json.loads(signed.payload.partition("\n")[2])) <= set(signed.record.__struct_fields__)


def test_the_signed_message_holds() -> None:
    message = open_message(msgspec.convert(examples()["Message"], Envelope))
    messages.check_delivery(message, values()["dialler_id"], values()["server_id"])


def test_the_introductions_of_the_worked_handshake_hold() -> None:
    for name, side in (("Hello", "dialler"), ("Welcome", "server")):
        opened = [open_record(msgspec.convert(each, Envelope)) for each in examples()[name]["records"]]
        assert {signed.record.peer for signed in opened} == {values()[f"{side}_id"]}
    assert examples()["Welcome"]["proof"] == values()["server_proof"]


def test_the_roots_of_files_of_zeros() -> None:
    rows = table(section("Resource ids and pieces"))
    assert len(rows) > 5
    for size_text, pieces_text, root in rows:
        size = int(size_text.replace(",", ""))
        hasher = merkle.FileHasher(size)
        hasher.update(bytes(size))
        hashes = hasher.finish()
        assert (hashes.root, merkle.piece_count(size)) == (root.strip("`"), int(pieces_text))


def test_the_example_of_a_folder() -> None:
    (block,) = fenced("text folder")
    told_values = dict(re.findall(r"^(\w+) += (\w+)$", block, re.MULTILINE))
    tree = bytes.fromhex(told_values["tree"])
    assert file_tree.name_tree(tree).root == told_values["id"]
    roots = {row[0]: row[2].strip("`") for row in table(section("Resource ids and pieces"))}
    assert [("/".join(file.path), file.size_bytes, file.root) for file in file_tree.decode(tree).files] == [
        ("data/a.csv", 1, roots["1"]),
        ("data/b.csv", 16_385, roots["16,385"]),
        ("empty.txt", 0, roots["0"]),
    ]


def test_the_limits_of_a_folder() -> None:
    text = " ".join(section("Folders").split())
    for limit in (
        f"longer than {file_tree.MAX_TREE_BYTES >> 20} MiB",
        f"more than {records.MAX_FILES:,}",
        f"deeper than {file_tree.MAX_DEPTH} folders",
        f"a path of more than {file_tree.MAX_PATH_BYTES} bytes",
        f"more than {file_tree.MAX_PIECES:,} pieces",
        f"over {names.MAX_NAME_BYTES} bytes",
    ):
        assert limit in text


def test_the_piece_sizes() -> None:
    text = section("Resource ids and pieces")
    assert f"{merkle.MAX_PIECES:,} pieces" in text
    assert merkle.piece_bytes(merkle.MAX_PIECES << 20) == 1 << 20 == merkle.SMALLEST_PIECE_BYTES
    assert merkle.piece_bytes((merkle.MAX_PIECES << 20) + 1) == 2 << 20


def test_the_addresses_that_are_dialled() -> None:
    for row in table(section("Addresses")):
        url, local, remote = row[0].strip("`"), row[1], row[2]
        assert (may_dial(url, loopback=True), may_dial(url, loopback=False)) == (local == "yes", remote == "yes"), url


def test_the_paths() -> None:
    text = section("HTTP")
    assert f"`GET {server.CHALLENGE_PATH}`" in text
    assert f"`GET {range_server.RESOURCES_PATH}/ID`" in text
    assert f"`GET {range_server.RESOURCES_PATH}/ID/pieces`" in text
    assert f"`GET {range_server.RESOURCES_PATH}/ID/tree`" in text


@pytest.mark.parametrize("kind", COLLECTIONS, ids=lambda kind: kind.__name__)
def test_every_field_of_the_registry_is_on_the_page(kind: type[Record]) -> None:
    signed = signed_examples()[kind.__name__]
    written = document(signed) | {"_id": document_id(signed.record)}
    if kind is records.Presence:
        # What the server's clock fills in, and what voters write beside it.
        written |= dict.fromkeys(("lease_until", "changed", "votes", "disconnectedCount"))
    common = {row[0].strip("`") for row in table(section("Documents"))}
    own = {row[0].strip("`") for row in table(section(f"`{COLLECTIONS[kind]}`"))}
    assert common | own == written.keys()


def test_the_registry_example_is_what_is_written() -> None:
    (text,) = fenced("json registry document")
    resource = signed_examples()["Resource"]
    told_document = json.loads(text)
    written = {"_id": document_id(resource.record)} | document(resource)
    assert told_document.pop("expires") == {"$date": {"$numberLong": str(resource.record.expires_at_ms)}}
    del written["expires"]
    assert {**told_document, "payload": resource.payload, "signature": resource.signature} == written


def test_the_stop_words_and_indexes_are_on_the_page() -> None:
    (block,) = fenced("text stop words")
    assert set(block.split()) == words.STOP_WORDS
    text = section("Indexes")
    for collection, indexes in schema.INDEXES.items():
        rows = [row[1:] for row in table(text) if row[0] == f"`{collection}`"]
        wanted = []
        for index in indexes:
            keys = ", ".join(f"{name} {order}" for name, order in index.document["key"].items())
            wanted.append([f"`{index.document['name']}`", keys])
        assert [row[:2] for row in rows] == wanted
    assert f"`{schema.TERMS}`" in PAGE
    assert f"{schema.LEFT_KEPT_S:,} s" in text
