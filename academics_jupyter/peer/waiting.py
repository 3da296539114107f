"""What the outbox holds, told so that a person knows what it is, for whom, and why it has not gone out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import NO_ANSWER
from academics_jupyter.peer.status import Waiting
from academics_jupyter.protocol.names import safe_file_name
from academics_jupyter.protocol.records import Holding, Profile, Resource
from academics_jupyter.store.outbox import REGISTRY, OutboxEntry

MOST_NAMED = 3
"""More records than these are told of in one line, which names the first of them."""

_OFFLINE = "your peer is offline"
_ON_ITS_WAY = "on its way"


def waiting(context: Context, name_of: Callable[[str], str], *, driven: bool) -> tuple[Waiting, ...]:
    """A line for each thing that waits, or for many at once; what goes out first comes first.

    `driven` is whether some process runs the peer.
    """
    queues: dict[str, list[OutboxEntry]] = {}
    for entry in context.store.outbox.waiting():
        queues.setdefault(entry.destination, []).append(entry)
    told: list[Waiting] = []
    for destination, entries in queues.items():
        if destination == REGISTRY:
            why = _why_not_published(context, entries) if driven else _OFFLINE
            told += [Waiting(what=what, destination="the registry", why=why) for what in _records(context, entries)]
        else:
            name, groups = name_of(destination), _messages(context, destination, entries, driven=driven)
            told += [Waiting(what=what, destination=name, why=why) for what, why in groups]
    return tuple(told)


def _why_not_published(context: Context, entries: list[OutboxEntry]) -> str:
    """They go out in order, so what keeps one keeps all."""
    failing = min((entry for entry in entries if entry.error), key=lambda entry: entry.failing_since_ms, default=None)
    if failing is None:
        return _ON_ITS_WAY
    if failing.error != NO_ANSWER:
        return failing.error
    return f"{NO_ANSWER} since {_clock_time(context.clock.now_ms() - failing.failing_since_ms)}"


def _clock_time(ago_ms: int) -> str:
    """When it was, on the clock on the wall; with the day, if that was not today."""
    now = datetime.now()
    then = now - timedelta(milliseconds=ago_ms)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%H:%M on %d %B}"


def _messages(context: Context, recipient: str, entries: list[OutboxEntry], *, driven: bool) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.kind == "read":
            continue  # nothing that the person has asked for
        why = _why_not_delivered(context, recipient, entry) if driven else _OFFLINE
        counts[why] = counts.get(why, 0) + 1
    return [("a message" if count == 1 else f"{count} messages", why) for why, count in counts.items()]


def _why_not_delivered(context: Context, recipient: str, entry: OutboxEntry) -> str:
    contact = context.store.peers.get(recipient)
    if contact is not None and contact.blocked:
        return "you have blocked them"
    if contact is None or not contact.online:
        return "they are offline"
    if contact.busy:
        return "they are busy, and get it when their cell has ended"
    if not contact.linked:
        return "they cannot be reached just now"
    return entry.error or _ON_ITS_WAY


def _records(context: Context, entries: list[OutboxEntry]) -> list[str]:
    """Each record by name, the first few of many. Who hears of a description need not hear of the copy behind it."""
    keys = [(label, key) for label, _, key in (entry.reference.partition("\n") for entry in entries)]
    described = {key[:64] for label, key in keys if label == Resource.LABEL}
    shown = [(label, key) for label, key in keys if label != Holding.LABEL or key[:64] not in described]
    if len(shown) <= MOST_NAMED:
        return [_record(context, label, key) for label, key in shown]
    named = ", ".join(_record(context, label, key) for label, key in shown[: MOST_NAMED - 1])
    return [f"{named} and {len(shown) - MOST_NAMED + 1} more"]


def _record(context: Context, label: str, key: str) -> str:
    records = context.store.records
    name = _file_name(context, key[:64])
    if label == Resource.LABEL:
        resource = records.get(Resource, key)
        withdrawn = resource is not None and resource.record.withdrawn
        return f"{'withdrawal' if withdrawn else 'description'} of {name}"
    if label == Holding.LABEL:
        holding = records.get(Holding, key)
        held = holding is not None and holding.record.held
        return f"word that you {'hold' if held else 'no longer hold'} {name}"
    return "your profile" if label == Profile.LABEL else label


def _file_name(context: Context, resource: str) -> str:
    store = context.store
    described = [store.records.get(Resource, f"{resource}{context.me}"), *store.records.resources(resource)]
    names = [safe_file_name(signed.record.file_name) for signed in described if signed is not None]
    return names[0] if names else f"{resource[:12]}…"
