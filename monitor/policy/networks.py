"""Which source group owns an address: the networks of a policy, their overlaps, and the longest prefix.

Inside a tenant a longer prefix is an exception to a shorter one. Between tenants no address may be shared,
so that no order of the file decides whose traffic a flow is.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from monitor.policy.remarks import Path, Remark, suggest
from monitor.policy.schema import Group, PolicyDocument
from monitor.types import Subject

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # IPv4 inside IPv6 (RFC 4291 section 2.5.5.2)
_UNOWNED = Subject()


class Entry(NamedTuple):
    """A network of a source group, and where the policy says so."""

    network: Network
    subject: Subject
    path: Path


class SubjectTable:
    """Finds the subject of an address by the longest prefix."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        levels: dict[tuple[int, int], dict[int, Subject]] = {}
        for network, subject, _ in entries:
            shift = network.max_prefixlen - network.prefixlen
            level = levels.setdefault((network.version, shift), {})
            level[int(network.network_address) >> shift] = subject
        self._levels = {
            version: [(shift, levels[of, shift]) for of, shift in sorted(levels) if of == version]
            for version in (4, 6)
        }

    def find(self, address: str) -> Subject:
        """The subject that owns an address in text; all null where none does, or where it is no address."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return _UNOWNED
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        number = int(parsed)
        for shift, level in self._levels[parsed.version]:
            subject = level.get(number >> shift)
            if subject is not None:
                return subject
        return _UNOWNED


def read_networks(document: PolicyDocument) -> tuple[list[Entry], list[Remark]]:
    """The networks of all source groups, and what is wrong with the text of any."""
    services, remarks = read_services(document)
    entries: list[Entry] = []
    for at, tenant in enumerate(document.tenants):
        if not tenant.groups:
            remarks.append(Remark(("tenants", at), f"tenant {tenant.name!r} has no groups", "add `groups:`"))
        for index, group in enumerate(tenant.groups):
            path: Path = ("tenants", at, "groups", index)
            subject = Subject(tenant.name, group.name, group.data_class)
            found, wrong = _sources(path, group, services)
            entries += [Entry(network, subject, where) for network, where in found]
            remarks += wrong
    return entries, remarks


def read_resolvers(document: PolicyDocument) -> tuple[list[Network], list[Remark]]:
    """The networks of the resolvers, and what is wrong with the text of any."""
    read = [_network(("resolvers", at), text) for at, text in enumerate(document.resolvers)]
    networks = [each for each in read if not isinstance(each, Remark)]
    return networks, [each for each in read if isinstance(each, Remark)]


def check_overlaps(entries: Iterable[Entry]) -> Iterator[Remark]:
    """Networks that two tenants share, and networks that stand twice."""
    open_networks: list[Entry] = []
    for entry in sorted(entries, key=_first_address):
        while open_networks and not _holds(open_networks[-1].network, entry.network):
            open_networks.pop()
        yield from _clash(entry, open_networks)
        open_networks.append(entry)


def _first_address(entry: Entry) -> tuple[int, int, int]:
    network = entry.network
    return network.version, int(network.network_address), network.prefixlen


def _holds(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.network_address in outer


def _clash(entry: Entry, outer: list[Entry]) -> Iterator[Remark]:
    tenant = entry.subject.tenant
    other = next((each for each in reversed(outer) if each.subject.tenant != tenant), None)
    if other is not None:
        relation = "is also" if other.network == entry.network else f"lies inside {other.network}"
        problem = f"tenants overlap: {entry.network} of {tenant!r} {relation} of {other.subject.tenant!r}"
        yield Remark(entry.path, problem, "give every address to one tenant")
    elif outer and outer[-1].network == entry.network:
        twin = outer[-1].subject.source_group
        problem = f"network {entry.network} stands twice, in {twin!r} and in {entry.subject.source_group!r}"
        yield Remark(entry.path, problem, "keep it in one group")


def read_services(document: PolicyDocument) -> tuple[dict[str, list[Network]], list[Remark]]:
    """The networks of the policy's services by name, and what is wrong with the text of any."""
    services: dict[str, list[Network]] = {}
    remarks: list[Remark] = []
    for at, service in enumerate(document.services):
        networks = services.setdefault(service.name, [])
        if not service.addresses:
            remarks.append(Remark(("services", at), f"service {service.name!r} is empty", "add `addresses:`"))
        for index, text in enumerate(service.addresses):
            network = _network(("services", at, "addresses", index), text)
            if isinstance(network, Remark):
                remarks.append(network)
            else:
                networks.append(network)
    return services, remarks


def _sources(
    path: Path, group: Group, services: Mapping[str, list[Network]]
) -> tuple[list[tuple[Network, Path]], list[Remark]]:
    if group.sources:
        return read_sources((*path, "sources"), group.sources, services)
    problem = f"source group {group.name!r} is empty"
    return [], [Remark(path, problem, "add its networks under `sources:`")]


def read_sources(
    path: Path, sources: Sequence[str], services: Mapping[str, list[Network]]
) -> tuple[list[tuple[Network, Path]], list[Remark]]:
    """The networks that a list of networks, addresses and names of services means, each with its place."""
    found: list[tuple[Network, Path]] = []
    remarks: list[Remark] = []
    for at, text in enumerate(sources):
        where: Path = (*path, at)
        if text in services:
            found += [(network, where) for network in services[text]]
        elif not looks_like_network(text):
            mend = suggest(text, services, "define it under `services:`, or write a network")
            remarks.append(Remark(where, f"unknown service {text!r}", mend))
        else:
            network = _network(where, text)
            if isinstance(network, Remark):
                remarks.append(network)
            else:
                found.append((network, where))
    return found, remarks


def looks_like_network(text: str) -> bool:
    """Whether a text is meant as a network, well written or not."""
    return text[0].isdigit() or ":" in text or "/" in text


def _network(path: Path, text: str) -> Network | Remark:
    """The network that a text means, or the remark that it means none."""
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        mend = "write a network such as 10.20.0.0/16 or 2001:db8::/32"
        return Remark(path, f"{text!r} is not a network", mend)
    if isinstance(loose, ipaddress.IPv6Network) and loose.subnet_of(_MAPPED):
        plain = ipaddress.IPv4Network((int(loose.network_address) & 0xFFFFFFFF, loose.prefixlen - 96))
        return Remark(path, f"{text!r} is an IPv4 network in IPv6 form", f"write {plain}")
    if "/" in text and ipaddress.ip_interface(text).ip != loose.network_address:
        address = ipaddress.ip_interface(text).ip
        mend = f"write {loose} for the network, or {address} for the one address"
        return Remark(path, f"{text!r} has bits set behind its prefix", mend)
    return loose
