"""What the speed of light rules out: a server that answered at once is not far away. Pure.

Nothing gets further than 150 km and back in a millisecond, and time inside hosts only adds to it. So a
measured time can refute "far away". It never proves a place: what answers slowly may stand next door.

What counts as measured is chosen so that it cannot be too short:

- Both the handshake and the first byte of the answer have to be known, and the longer one counts. A middlebox
  near the sensor may complete the TCP handshake by itself (transparent proxy, SYN proxy, WAN optimiser), but
  the first bytes of a TLS answer come from where TLS ends. Where the capture missed a SYN or the client's
  first segment, and has only what was sent again, one of the two may be too short; then the other one holds.
- The two have to agree. Where one took much longer than the other, a middlebox or a missed packet made the
  other one short, or the server is slow; then one measurement would stand alone, and it is not used.
- The client has to have spoken first, in a TLS hello that was read whole from the stream's start, to a port
  where TLS begins at once: after STARTTLS a server's bytes need not be an answer.
- The answer has to be longer than a firewall's alert.
- QUIC has one measurement for both. A Retry from a nearby front end makes it too short, and so do the late
  datagrams of an earlier connection on the same ports: it refutes nothing. Nor do plain HTTP (a nearby cache
  may answer), connections through a declared proxy, those in a tunnel (time stamps are of a mirrored packet's
  arrival, and mirrors do not keep step), and those to private addresses.

Each connection is bounded by its own time alone. An address may stand in several places (anycast), so what
one connection shows says nothing of another to the same address; and so there is no table, nothing is
forgotten, and the order of connections makes no difference.
"""

import ipaddress
import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from monitor.attribution.evidence import gives_place
from monitor.catalog import Catalog
from monitor.catalog.hostmatch import parse_address
from monitor.geography import Extents, Site, distance_km, nearest
from monitor.types import Attribution, Connection, Evidence

KM_PER_MS = 150.0  # there and back at the speed of light in vacuum, rounded up
NS_PER_MS = 1_000_000
MARGIN_KM = 200.0  # 1 ms for time stamps (batches, a paused virtual machine), 50 km for the sensor's place
AGREE_NS = 10 * NS_PER_MS  # what a server may need for its first answer, beside the round trip
REGION_KM = 150.0  # around the city that a region is named after
TLS_PORTS = frozenset({443, 8443})  # where TLS begins with the first byte
LEAST_ANSWER_BYTES = 100  # more than a TLS alert, less than any ServerHello with what follows it
_HEADER_BYTES = {4: 60, 6: 80}  # IP and TCP with options, at most
_NEARBY = tuple(
    ipaddress.ip_network(prefix)
    for prefix in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


class Physics:
    """Holds attributions against the time that a connection's server took to answer the sensor's site."""

    def __init__(self, site: Site, extents: Extents, catalog: Catalog) -> None:
        self.site = site
        self._version = extents.version
        self._distance_km = nearest(site, extents)
        self._catalog = catalog
        self._unicast = {each.match for each in catalog.endpoints if each.address == "unicast"}

    def refute(
        self, connection: Connection, attribution: Attribution, without_geoip: Callable[[], Attribution]
    ) -> Attribution:
        """Return the attribution without what the measured time rules out.

        A country that only GeoIP gave goes; what the provider says stays, and the time is a conflict.
        ``without_geoip`` gives the attribution as it would be without that data set.
        """
        rtt_ns = bound_ns(connection) if attribution.countries else None
        if rtt_ns is None:
            return attribution
        reach = reach_km(rtt_ns) + MARGIN_KM
        far_km, region_km = self._least_km(attribution.countries), self._region_km(attribution)
        if max(far_km, region_km) <= reach:
            return attribution
        country = f"no place in {', '.join(attribution.countries)}", far_km
        bare = without_geoip()
        if not bare.countries:
            said = self._said(rtt_ns, *country)
            return _without_place(attribution, bare, said) if far_km > reach else attribution
        if attribution.scope not in ("region", "entry") or not self._is_in_one_place(attribution):
            return attribution
        region = f"no place in region {attribution.region}", region_km
        return _against(attribution, self._said(rtt_ns, *(region if region_km > far_km else country)))

    def _least_km(self, countries: Sequence[str]) -> float:
        """Return how far the nearest of the countries is at least; 0 where one's extent is not known."""
        return min(self._distance_km(country) or 0.0 for country in countries)

    def _region_km(self, attribution: Attribution) -> float:
        """Return how far the named region is at least; 0 where its place is not known well."""
        region = self._catalog.region(attribution.provider or "", attribution.region or "")
        if region is None or region.verified != "full" or region.latitude is None or region.longitude is None:
            return 0.0
        return distance_km(self.site, region.latitude, region.longitude) - REGION_KM

    def _is_in_one_place(self, attribution: Attribution) -> bool:
        """Tell whether the entries, or a range, promise one place: elsewhere an edge contradicts nothing."""
        if any(each.kind == "range" and gives_place(each) for each in attribution.evidence):
            return True
        entries = {each.value for each in attribution.evidence if each.kind == "catalogue"}
        return bool(entries) and entries <= self._unicast

    def _said(self, rtt_ns: int, named: str, least_km: float) -> Evidence:
        taken = f"{math.ceil(rtt_ns / 100_000) / 10:.1f} ms"
        says = (
            f"the connection was answered within {taken} of the sensor at {self.site}, so it ended at most"
            f" {math.ceil(reach_km(rtt_ns)):,} km away, and {named} is nearer than {int(least_km):,} km: it"
            " ended at an edge, or at a proxy that ends TLS, and where that passes it on was not seen"
        )
        return Evidence("rtt", taken, says, self._version)


def reach_km(rtt_ns: int) -> float:
    """Return how far away at most something is that answered after ``rtt_ns``."""
    return rtt_ns * KM_PER_MS / NS_PER_MS


def bound_ns(connection: Connection) -> int | None:
    """Return a time in which the server's end of TLS was reached and answered; None where none is sure."""
    handshake_ns, first_byte_ns = connection.totals.handshake_rtt_ns, connection.totals.first_byte_ns
    if not handshake_ns or not first_byte_ns:  # 0: packets out of order, or a coarse clock
        return None
    if not handshake_ns / 2 <= first_byte_ns <= handshake_ns + AGREE_NS:
        return None
    if not _client_spoke_tls(connection) or not _server_answered(connection):
        return None
    return max(handshake_ns, first_byte_ns)


def _client_spoke_tls(connection: Connection) -> bool:
    """Tell whether the connection began with a TLS hello, for the server itself and not for a proxy."""
    flow, hello = connection.flow, connection.hello
    if flow.transport != "tcp" or flow.server_port not in TLS_PORTS or flow.tunnel is not None:
        return False
    if hello is None or hello.carrier != "tls" or not hello.complete:
        return False
    return all(name.source in ("sni", "dns") for name in connection.names)


def _server_answered(connection: Connection) -> bool:
    """Tell whether a public address sent more than an alert."""
    totals, address = connection.totals, parse_address(connection.flow.server)
    if address is None or any(
        address in network for network in _NEARBY if network.version == address.version
    ):
        return False
    answer_bytes = totals.bytes_down - totals.packets_down * _HEADER_BYTES[address.version]
    return answer_bytes >= LEAST_ANSWER_BYTES


def _without_place(attribution: Attribution, bare: Attribution, said: Evidence) -> Attribution:
    """Return the attribution as it is without GeoIP's country, with the evidence for and against that."""
    geoip = (each for each in attribution.evidence if each.kind == "geoip")
    return replace(bare, certainty="indeterminate", evidence=(*bare.evidence, *geoip, said))


def _against(attribution: Attribution, said: Evidence) -> Attribution:
    """Return the attribution with the time against it, first where it is what makes the place uncertain."""
    conflicts = attribution.conflicts
    first = attribution.certainty != "indeterminate"
    return replace(
        attribution,
        certainty="indeterminate",
        conflicts=(said, *conflicts) if first else (*conflicts, said),
    )
