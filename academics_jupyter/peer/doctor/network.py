"""The doctor's checks of the way to other peers: port, addresses, a JupyterHub around us, and who can be reached."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from academics_jupyter.network.addresses import announced_urls
from academics_jupyter.network.probing import Answer, ask_server, bind_error, listener
from academics_jupyter.peer.doctor.case import Case
from academics_jupyter.peer.doctor.diagnosis import Finding
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.records import Presence
from academics_jupyter.registry.inspection import RegistryHealth

FRESH_MS = 60_000
"""Whoever renewed the lease, which is done twice in this time, is there; others may have just died."""
MAX_PROBED = 8
MAX_NAMED = 3
HUB_VARIABLES = ("JUPYTERHUB_SERVICE_PREFIX", "BINDER_SERVICE_HOST")
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


async def check_port(case: Case) -> Finding:
    """Whether the server has its port or, offline, could have it."""
    settings, presence = case.settings, case.presence
    where = f"on {settings.bind_host}" if settings.bind_host else "on every interface"
    if case.is_online:
        port = _port_of(presence.urls[0]) if presence and presence.urls and not settings.public_urls else settings.port
        named = f"port {port}" if port else "a free port"
        kept = "" if settings.port or settings.is_local else "; another one each time, unless ACADEMICS_PORT is set"
        return Finding("port", "good", f"your server has {named} {where}{kept}{case.as_told}")
    error = await asyncio.to_thread(bind_error, settings.bind_host, settings.port)
    if error is None:
        return Finding(
            "port", "good", f"{f'port {settings.port}' if settings.port else 'a free port'} can be had {where}"
        )
    return await asyncio.to_thread(_taken, case, error)


async def check_addresses(case: Case) -> Finding:
    """Whether what is announced can be dialled, leads back to us, and is of use to others."""
    settings, presence = case.settings, case.presence
    for url in settings.public_urls:
        if not may_dial(url, loopback=settings.is_local):
            return _undiallable(url)
    urls = presence.urls if presence else settings.public_urls or announced_urls(settings.bind_host, settings.port or 1)
    if not urls:
        return Finding("addresses", "bad", "this machine has no network address", "connect it to a network")
    answers = dict.fromkeys(urls, Answer.ANSWERED)
    if presence:
        asked = await asyncio.gather(*(ask_server(url, presence.certificate, loopback=True) for url in urls))
        answers = dict(zip(urls, asked, strict=True))
    failing = {url: answer for url, answer in answers.items() if answer is not Answer.ANSWERED}
    if failing:
        return _failing(case, failing, len(urls))
    if not settings.is_local and all(_is_loopback(url) for url in urls):
        return Finding(
            "addresses",
            "poor",
            "only this machine itself can reach you, while the registry is elsewhere; you reach others all the same",
            "leave ACADEMICS_HOST unset, or connect the machine to a network",
        )
    hosts = ", ".join(dict.fromkeys(urlsplit(url).hostname or url for url in urls))
    if not presence:
        return Finding("addresses", "good", f"{hosts} will be announced once you are online")
    return Finding("addresses", "good", f"{', '.join(urls)}: you answer there{case.as_told}")


async def check_hub(case: Case) -> Finding | None:
    """In a hub's container, whose addresses are of no use outside, while the hub's proxy must not be used."""
    if case.settings.is_local or not any(os.environ.get(variable) for variable in HUB_VARIABLES):
        return None
    if case.settings.public_urls:
        return None
    return Finding(
        "hub",
        "poor",
        "this is a JupyterHub or Binder server, which most others cannot dial; you dial them, and that is enough to"
        " share and talk with everyone you reach",
        "never announce the hub's own address, for its proxy would show your Jupyter token to others",
    )


async def check_others(case: Case) -> Finding | None:
    """Who else is online, whom we have links with, and whether the others reach us and we them."""
    context, health = case.context, await case.health_if_any()
    if context is None or health is None:
        return None
    others = [signed.record for signed in health.members.presences if signed.record.peer != context.me]
    if not others:
        return Finding("others", "good", "nobody else is online now")
    if not case.is_online:
        return Finding("others", "good", f"{_count(len(others))} online; you are not")
    contacts = {contact.peer: contact for contact in context.store.peers.all()}
    directions = [contact.direction for contact in contacts.values() if contact.linked]
    out = directions.count("out")
    says = (
        f"{_count(len(others))} online; {out} linked by your dialling, {len(directions) - out} by theirs{case.as_told}"
    )
    if voters := _voters(case, health):
        return Finding("others", "poor", f"{says}; {voters} of them cannot reach you", f"{_admit(case)} from them")
    known = {contact.peer for contact in contacts.values() if contact.linked or contact.blocked}
    probed = [each for each in others if each.peer not in known and case.age_ms(each, health) < FRESH_MS][:MAX_PROBED]
    reached = await asyncio.gather(*(_is_reached(presence, loopback=case.settings.is_local) for presence in probed))
    lost = [presence.name for presence, is_reached in zip(probed, reached, strict=True) if not is_reached]
    if not lost:
        return Finding("others", "good", says)
    if directions or len(lost) < len(probed):
        names = ", ".join(lost[:MAX_NAMED]) + (f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else "")
        mend = f"{_admit(case)}, so that they reach you"
        return Finding("others", "poor", f"{says}; {names} cannot be reached from here", mend)
    return Finding(
        "others",
        "bad",
        f"{_count(len(others))} online and none can be reached from here, most likely for a firewall{_proxy()}",
        f"{_admit(case)} and out to other machines; who can only dial out still talks with everyone they reach",
    )


def _voters(case: Case, health: RegistryHealth) -> int:
    """How many of those online say that they cannot reach us."""
    presence, now_ms = case.presence, case.wall_ms() - health.clock_off_ms
    if presence is None:
        return 0
    online = {signed.record.peer for signed in health.members.presences}
    votes = (signed.record for signed in health.members.votes)
    return sum(
        vote.failed
        and (vote.target, vote.target_epoch) == (presence.peer, presence.epoch)
        and vote.peer in online
        and vote.expires_at_ms > now_ms
        for vote in votes
    )


def _taken(case: Case, error: OSError) -> Finding:
    settings = case.settings
    if error.errno == errno.EADDRINUSE:
        who = listener(settings.port) or "a program of another user"
        return Finding(
            "port", "bad", f"port {settings.port} is taken by {who}", "set ACADEMICS_PORT to a free one, or to 0"
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Finding(
            "port", "bad", f"you may not use port {settings.port}", "set ACADEMICS_PORT to one above 1023, or to 0"
        )
    return Finding(
        "port",
        "bad",
        f"{settings.bind_host or 'the port'} cannot be used ({error.strerror or type(error).__name__})",
        "set ACADEMICS_HOST to an address of this machine, or leave it unset",
    )


def _undiallable(url: str) -> Finding:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.netloc and parts.path.strip("/"):
        return Finding(
            "addresses",
            "bad",
            f"{url} of ACADEMICS_PUBLIC_URLS has a path, as behind Jupyter's proxy, which nobody dials: such a proxy"
            " would show your Jupyter token to others",
            "set it to https://HOST:PORT of this machine, or leave it unset",
        )
    return Finding(
        "addresses",
        "bad",
        f"{url!r} of ACADEMICS_PUBLIC_URLS is no address that others can dial",
        "set it to https://HOST:PORT as others reach this machine, or leave it unset",
    )


def _failing(case: Case, failing: Mapping[str, Answer], count: int) -> Finding:
    url, answer = next(iter(failing.items()))
    # Many routers let nobody inside dial their outer address, so silence there proves nothing.
    is_certain = len(failing) == count and not (case.settings.public_urls and answer is Answer.SILENT)
    if not case.settings.public_urls:
        return Finding(
            "addresses",
            "bad" if is_certain else "poor",
            f"{url}, which is announced, {answer.value}",
            "have this machine's firewall let connections to it in; if the kernel is busy, wait for its cell",
        )
    return Finding(
        "addresses",
        "bad" if is_certain else "poor",
        f"{url} of ACADEMICS_PUBLIC_URLS {answer.value}, seen from here; it should lead to your server",
        "have its port forwarded to this machine and ACADEMICS_PORT set to match, or leave ACADEMICS_PUBLIC_URLS unset",
    )


async def _is_reached(presence: Presence, *, loopback: bool) -> bool:
    answers = await asyncio.gather(*(ask_server(url, presence.certificate, loopback=loopback) for url in presence.urls))
    return Answer.ANSWERED in answers


def _admit(case: Case) -> str:
    """What to ask of the administrator."""
    port = case.settings.port
    if port:
        return f"ask the administrator to let TCP connections to port {port} of this machine in"
    return "set ACADEMICS_PORT to a fixed port and ask the administrator to let TCP connections to it in"


def _proxy() -> str:
    named = next((variable for variable in PROXY_VARIABLES if os.environ.get(variable)), "")
    return f" (links go straight, not through the proxy of {named})" if named else ""


def _count(others: int) -> str:
    return "1 other is" if others == 1 else f"{others} others are"


def _port_of(url: str) -> int:
    return urlsplit(url).port or 0


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
