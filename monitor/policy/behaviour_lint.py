"""Checks of the section ``behaviours``: values that mean nothing, and what it asks for without effect."""

import re
from collections.abc import Iterator, Sequence

from monitor.policy.behaviours import gateway_networks, group_names
from monitor.policy.networks import Entry, Network, looks_like_network, read_services, read_sources
from monitor.policy.quantities import A_DURATION, A_SIZE, MAX_WINDOW_NS, duration_ns, size_bytes
from monitor.policy.remarks import Path, Remark
from monitor.policy.schema import PolicyDocument
from monitor.policy.section import BehaviourSection, Gateway, UploadLimit
from monitor.policy.words import Quantity

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", re.ASCII)
_SECTION: Path = ("behaviours",)


def check_section(document: PolicyDocument) -> Iterator[Remark]:
    """Windows and limits that are none, gateways without a place, and networks that are none."""
    section = document.behaviours
    if section is None:
        return
    if section.dual_exposure is not None:
        yield from _window((*_SECTION, "dual_exposure", "window"), section.dual_exposure.window)
    if section.relay is not None:
        yield from _window((*_SECTION, "relay", "window"), section.relay.window)
        yield from read_sources((*_SECTION, "relay", "crm_ranges"), section.relay.crm_ranges, {})[1]
    services, _ = read_services(document)
    for at, gateway in enumerate(section.gateways):
        path: Path = (*_SECTION, "gateways", at)
        yield from _gateway(path, gateway)
        yield from read_sources((*path, "addresses"), gateway.addresses, services)[1]
    yield from _limits(section.upload_limits)
    groups = group_names(document)
    for at, word in enumerate(section.consoles.permitted if section.consoles else ()):
        if looks_like_network(word) and word not in groups:
            where: Path = (*_SECTION, "consoles", "permitted")
            yield from (each._replace(path=(*where, at)) for each in read_sources(where, [word], {})[1])


def check_use(document: PolicyDocument, networks: Sequence[Entry]) -> Iterator[Remark]:
    """Gateways that nobody is to use, and a section that asks for nothing: warnings."""
    section = document.behaviours
    if section is None:
        return
    if section == BehaviourSection():
        yield Remark(
            _SECTION, "`behaviours:` asks for nothing", "say what to look for, or remove it", "warning"
        )
    for at, (gateway, own) in enumerate(gateway_networks(document, section)):
        path: Path = (*_SECTION, "gateways", at)
        users = [each.network for each in networks if each.subject.source_group in gateway.groups]
        if not users:
            problem = f"gateway {gateway.name!r} is in reach of no source group"
            yield Remark(path, problem, "name the groups that are to use it under `for:`", "warning")
        elif all(_inside(network, own) for network in users):
            problem = f"gateway {gateway.name!r} has no clients: all addresses of its groups are its own"
            yield Remark(
                path, problem, "name other groups under `for:`, or write its address alone", "warning"
            )


def _window(path: Path, written: Quantity) -> Iterator[Remark]:
    window = duration_ns(written)
    if window is None:
        yield Remark(path, f"{written!r} is not a duration", A_DURATION)
    elif not 0 < window <= MAX_WINDOW_NS:
        problem = f"a window of {written} {'is too long' if window else 'holds no two connections'}"
        yield Remark(path, problem, "write a duration from 1s to 366d, such as 24h")


def _gateway(path: Path, gateway: Gateway) -> Iterator[Remark]:
    if not gateway.addresses and not gateway.hosts:
        problem = f"gateway {gateway.name!r} is nowhere"
        yield Remark(path, problem, "add `addresses:`, `hosts:` or both")
    for at, host in enumerate(gateway.hosts):
        if not _HOST.fullmatch(host):
            mend = "write a name such as llm.corp.example, or *.llm.corp.example"
            yield Remark((*path, "hosts", at), f"{host!r} is not a host name", mend)


def _limits(limits: Sequence[UploadLimit]) -> Iterator[Remark]:
    seen: dict[str, Quantity] = {}
    for at, limit in enumerate(limits):
        path: Path = (*_SECTION, "upload_limits", at)
        if not size_bytes(limit.bytes):
            problem = (
                f"{limit.bytes!r} is not a size" if size_bytes(limit.bytes) is None else "a limit of nothing"
            )
            yield Remark((*path, "bytes"), problem, A_SIZE)
        if limit.data_class in seen:
            problem = f"limits overlap: {limit.data_class!r} is limited to {seen[limit.data_class]} already"
            yield Remark(path, problem, "keep one of them")
        seen.setdefault(limit.data_class, limit.bytes)


def _inside(network: Network, others: Sequence[Network]) -> bool:
    return any(
        network.version == other.version
        and other.prefixlen <= network.prefixlen
        and network.network_address in other
        for other in others
    )
