"""The section ``behaviours``, ready to use: times and sizes as numbers, networks as networks.

What is absent from the policy is null here, and nobody looks for it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from monitor.policy.networks import Network, read_services, read_sources
from monitor.policy.places import Territory
from monitor.policy.quantities import duration_ns, size_bytes
from monitor.policy.schema import PolicyDocument
from monitor.policy.section import (
    BehaviourSection,
    Consoles,
    DualExposure,
    Gateway,
    Latency,
    Relay,
    UploadLimit,
)
from monitor.policy.words import Quantity


class Window(NamedTuple):
    """How long, and how the policy writes it."""

    ns: int
    said: str


class GatewayAt(NamedTuple):
    """A gateway, and the networks that it is in."""

    gateway: Gateway
    networks: tuple[Network, ...]


class Limit(NamedTuple):
    """A limit of uploads in bytes."""

    item: UploadLimit
    max_bytes: int


class Asked(NamedTuple):
    """What a policy wants to be looked for."""

    dual_exposure: tuple[DualExposure, Window] | None
    gateways: tuple[GatewayAt, ...]
    relay: tuple[Relay, Window, tuple[Network, ...]] | None
    upload_limits: tuple[Limit, ...]
    consoles: tuple[Consoles, tuple[Network, ...], frozenset[str]] | None
    latency: tuple[Latency, Territory] | None


def compile_section(
    document: PolicyDocument, territory: Callable[[Sequence[str]], Territory]
) -> Asked | None:
    """What the policy asks for; null where it has no such section. The document has been checked."""
    section = document.behaviours
    if section is None:
        return None
    dual, relay, latency = section.dual_exposure, section.relay, section.latency
    return Asked(
        dual_exposure=(dual, _window(dual.window)) if dual else None,
        gateways=gateway_networks(document, section),
        relay=(relay, _window(relay.window), networks_of(relay.crm_ranges)) if relay else None,
        upload_limits=tuple(Limit(each, size_bytes(each.bytes) or 0) for each in section.upload_limits),
        consoles=_consoles(document, section.consoles) if section.consoles else None,
        latency=(latency, territory(latency.sovereign)) if latency else None,
    )


def gateway_networks(document: PolicyDocument, section: BehaviourSection) -> tuple[GatewayAt, ...]:
    """The gateways with their networks; what is wrong with these is not said here."""
    services, _ = read_services(document)
    found = []
    for gateway in section.gateways:
        networks, _ = read_sources((), gateway.addresses, services)
        found.append(GatewayAt(gateway, tuple(network for network, _ in networks)))
    return tuple(found)


def group_names(document: PolicyDocument) -> frozenset[str]:
    """The names of all source groups."""
    return frozenset(group.name for tenant in document.tenants for group in tenant.groups)


def networks_of(words: Iterable[str]) -> tuple[Network, ...]:
    """The networks that words mean; what is wrong with these is not said here."""
    networks, _ = read_sources((), list(words), {})
    return tuple(network for network, _ in networks)


def _consoles(
    document: PolicyDocument, consoles: Consoles
) -> tuple[Consoles, tuple[Network, ...], frozenset[str]]:
    groups = frozenset(consoles.permitted) & group_names(document)
    return consoles, networks_of(word for word in consoles.permitted if word not in groups), groups


def _window(written: Quantity) -> Window:
    return Window(duration_ns(written) or 0, str(written))
