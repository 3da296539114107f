"""docs/PROTOCOL.md against the code: every event, code, field, limit and example on the page is what the code does."""

from __future__ import annotations

import inspect
import json
import re
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec import inspect as shapes
from nacl.signing import SigningKey

from academics_jupyter.network import certificate, dialler, guard, link, range_client, range_server, server, sockets
from academics_jupyter.peer import courier, gathering, heartbeat, membership, meshing
from academics_jupyter.peer.settings import Settings
from academics_jupyter.protocol import (
    file_tree,
    handshake,
    merkle,
    mesh,
    messages,
    names,
    records,
    scheduling,
    turns,
    votes,
    wire,
)
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.handshake import Auth
from academics_jupyter.protocol.identity import fingerprint, peer_id, verifies
from academics_jupyter.protocol.messages import Message, open_message
from academics_jupyter.protocol.records import KINDS, Envelope, Record, Signed, open_record
from academics_jupyter.registry import matching, port, schema, words
from academics_jupyter.registry import membership as registry_membership
from academics_jupyter.registry.documents import COLLECTIONS, document, document_id

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
STRUCTS = {
    name: kind
    for module in (records, handshake, wire, messages)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, Struct) and kind.__module__ == module.__name__
}
EMPTY = {"Ping"}
"""Structs without fields, which need no table."""

HEX_OR_NOTHING = re.compile(r"\^\(\?:\[0-9a-f\]\{(\d+)\}\)\?\\Z")
HEX = re.compile(r"\^\[0-9a-f\]\{(\d+)\}\\Z")


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


def values() -> dict[str, str]:
    """The worked example of the handshake: name and value."""
    (block,) = fenced("text handshake")
    return dict(re.findall(r"^(\w+) += (\S.*)$", block, re.MULTILINE))


def number(value: int) -> str:
    if value >= 1 << 53:
        return "2^53"
    return "2^53 - 1" if value == (1 << 53) - 1 else f"{value:,}"


def told_text(shape: shapes.StrType) -> str:
    """A text's form and limits in the page's words."""
    pattern, least, most = shape.pattern or "", shape.min_length, shape.max_length
    if found := HEX.fullmatch(pattern):
        return f"{found[1]} hex digits"
    if found := HEX_OR_NOTHING.fullmatch(pattern):
        return f"{found[1]} hex digits, or empty"
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
            *most, last = (f"`{value}`" for value in values)
            return f"{', '.join(most)} or {last}"
        case shapes.VarTupleType(item_type=item, max_length=int(most)):
            return f"array, up to {most}, of {told(item)}"
        case shapes.StructType(cls=kind):
            return kind.__name__
        case shapes.UnionType(types=(one, shapes.NoneType())):
            return f"{told(one)}; or null"
        case _:
            pytest.fail(f"the page has no words for {shape}")


def fields(kind: type[Struct]) -> list[tuple[str, str, str]]:
    """The fields of a struct as (name, type, default), those of the header left out for a kind of record."""
    info = shapes.type_info(kind)
    assert isinstance(info, shapes.StructType)
    inherited = Record.__struct_fields__ if issubclass(kind, Record) and kind is not Record else ()
    return [
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
    rows = [tuple(row[:3]) for row in table(section(name))]
    assert rows == fields(STRUCTS[name])
    assert all(row[3] for row in table(section(name)))


def test_structs_without_a_table_have_no_fields() -> None:
    assert not any(fields(STRUCTS[name]) for name in EMPTY)


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
    assert rows == {kind.__name__: kind.LABEL for kind in (*KINDS.values(), Message)}


LIMITS = {
    "Protocol version": handshake.VERSION,
    "A challenge lives": f"{handshake.CHALLENGE_LIFETIME_MS // 1000} s",
    "Challenges a server keeps": f"{handshake.MAX_CHALLENGES:,}",
    "A challenge's answer": f"{dialler.MAX_CHALLENGE_BYTES:,} bytes",
    "A socket.io packet": f"{wire.MAX_EVENT_BYTES:,} bytes",
    "Records in one news": wire.MAX_RECORDS,
    "A record's payload": f"{records.MAX_PAYLOAD_BYTES:,} bytes of UTF-8",
    "A message's payload": f"{records.MAX_PAYLOAD_BYTES:,} characters",
    "Frames on a connection": f"{wire.FRAMES_PER_SECOND:,} a second, {wire.FRAMES_AT_ONCE:,} at once",
    "Events on a link, but for reads": f"{wire.EVENTS_PER_SECOND} a second, {wire.EVENTS_AT_ONCE} at once",
    "Reads on a link": f"{wire.READS_PER_SECOND:,} a second, {wire.READS_AT_ONCE:,} at once",
    "Reads unanswered on a link": wire.READS_UNDER_WAY,
    "Bytes of one read": f"{wire.MAX_READ_BYTES:,}",
    "Text of a message": f"{messages.MAX_TEXT_LENGTH:,} characters",
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
    "An answer to chat": f"{courier.CHAT_TIMEOUT_S:.0f} s",
    "An answer to token, or more bytes": f"{gathering.NEXT_AFTER_S:.0f} s;"
    f" {range_client.PATIENCE_S:.0f} s from the last holder",
    "A chat is tried again after": f"{courier.FIRST_RETRY_S:.0f} s, then twice as late each time,"
    f" up to {courier.LAST_RESEND_S:.0f} s",
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
    envelopes = {kind.__name__ for kind in (*KINDS.values(), Message)}
    for name, data in examples().items():
        assert msgspec.convert(data, Envelope if name in envelopes else STRUCTS[name])


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
