"""Physics in a simulated geography: no true place is refuted, whatever lies on the way; most lies are."""

import random
from collections.abc import Callable

import pytest

from monitor.aids import Aids
from monitor.catalog import Catalog
from monitor.geography import Site
from monitor.physics import Physics
from monitor.pipeline import Pipeline
from monitor.types import Hello, Name, Totals
from sensors.connections import ConnectionSeen
from sensors.observations import FlowKey, Transport
from tests.catalog_help import built_in
from tests.world_kit import HOST, NS_PER_MS, GeoByAddress, Place, catalog, drawn, extents, light_ms, sites

ADDRESS = "20.79.107.4"
FAR_MS = 40  # light there and back: 6,000 km
SEEDS = range(20)  # sensors a test: each a place of its own
SPEEDS = (1.0, 0.99, 0.66)  # of light in vacuum; others are drawn


class Path:
    """What a connection's packets go through: times are in milliseconds."""

    def __init__(self, light: float, rng: random.Random, address: str = ADDRESS) -> None:
        speed = rng.choice((*SPEEDS, rng.uniform(0.3, 0.99)))
        self.rng = rng
        self.address = address
        self.rtt = light / speed
        self.near = rng.uniform(0.05, 3)

    def jitter(self) -> float:
        """Return what queues and hosts add."""
        return self.rng.choice((0.0, self.rng.expovariate(1), self.rng.expovariate(0.05)))


def seen(path: Path, handshake_ms: float, first_ms: float, **other: object) -> ConnectionSeen:
    """Return a TLS connection with these times."""
    totals = Totals(6, 6, 2_000, 5_000, 10**9, _ns(handshake_ms), _ns(first_ms), "fin")
    fields: dict[str, object] = {
        "ts_ns": 0,
        "flow": flow(path),
        "names": (Name(HOST, "sni"),),
        "hello": Hello("tls"),
        "totals": totals,
        "coverage": "sni",
        **other,
    }
    return ConnectionSeen(**fields)  # type: ignore[arg-type]


def flow(path: Path, port: int = 443, transport: Transport = "tcp", tunnel: str | None = None) -> FlowKey:
    return FlowKey("10.20.1.5", 50_000, path.address, port, transport, None, tunnel)


def _ns(ms: float) -> int:
    return int(ms * NS_PER_MS)


def direct(path: Path) -> ConnectionSeen:
    return seen(path, path.rtt + path.jitter(), path.rtt + path.jitter())


def sent_again(path: Path) -> ConnectionSeen:
    """What was lost on the way, in either phase, came a time-out later."""
    again = [path.rng.choice((0, 200, 1_000, 3_000)) for _ in range(2)]
    return seen(path, path.rtt + again[0], path.rtt + again[1] + path.jitter())


def missed_syn(path: Path) -> ConnectionSeen:
    """The capture has only the second SYN, and the answer to the first."""
    return seen(path, path.rng.uniform(0.001, path.rtt), path.rtt + path.jitter())


def missed_first_segment(path: Path) -> ConnectionSeen:
    """The capture has only what the client sent again, and the answer to what it had sent first."""
    return seen(path, path.rtt + path.jitter(), path.rng.uniform(0.001, path.rtt))


def transparent_proxy(path: Path) -> ConnectionSeen:
    """A middlebox nearby completes the handshake, and passes the stream on."""
    return seen(path, path.near, path.near + path.rtt + path.jitter())


def declared_proxy(path: Path) -> ConnectionSeen:
    names = (Name(HOST, "sni"), Name(HOST, "connect"))
    return seen(path, path.near, path.near, names=names)


def proxy_header(path: Path) -> ConnectionSeen:
    return seen(path, path.near, path.near, flow=flow(path, tunnel="proxy:10.0.0.90:1-10.0.0.91:443"))


def mirrored(path: Path) -> ConnectionSeen:
    """The mirror of one direction is slower than that of the other."""
    return seen(
        path,
        path.rng.uniform(0.001, path.rtt),
        path.rng.uniform(0.001, path.rtt),
        flow=flow(path, tunnel="gre/erspan"),
    )


def quic_retry(path: Path) -> ConnectionSeen:
    """A front end nearby answers with Retry."""
    return seen(path, path.near, path.near, flow=flow(path, transport="udp"), hello=Hello("quic"))


def firewall_alert(path: Path) -> ConnectionSeen:
    totals = Totals(4, 4, 900, 4 * 40 + 7, 10**7, _ns(path.near), _ns(path.near), "rst")
    return seen(path, 1, 1, totals=totals)


def starttls(path: Path) -> ConnectionSeen:
    """A transparent mail proxy nearby greets first, and its banner comes in two pieces."""
    return seen(path, path.near, 0.01, flow=flow(path, 587))


def midstream(path: Path) -> ConnectionSeen:
    totals = Totals(4, 4, 900, 5_000, 10**7, None, _ns(path.rng.uniform(0.001, path.rtt)), "rst")
    return seen(path, 1, 1, totals=totals, coverage="midstream", hello=None, names=(Name(HOST, "dns"),))


PATHS: tuple[Callable[[Path], ConnectionSeen], ...] = (
    direct,
    sent_again,
    missed_syn,
    missed_first_segment,
    transparent_proxy,
    declared_proxy,
    proxy_header,
    mirrored,
    quic_retry,
    firewall_alert,
    starttls,
    midstream,
)


def at(sensor: Place, of: Catalog) -> Physics:
    return Physics(Site(sensor.latitude, sensor.longitude), extents(), of)


@pytest.mark.parametrize("lies_on_the_way", PATHS, ids=lambda each: each.__name__)
def test_no_true_place_is_refuted(lies_on_the_way: Callable[[Path], ConnectionSeen]) -> None:
    cases = 0
    for seed in SEEDS:
        rng = random.Random(seed)
        world, geo = sites(rng), GeoByAddress()
        sensor = rng.choice((rng.choice(world), rng.choice(drawn())))
        paths = [Path(light_ms(sensor, site), rng, geo.address(site.country)) for site in world]
        connections = [lies_on_the_way(path) for path in paths]
        with_physics = Pipeline(catalog(), aids=Aids(geo=geo, physics=at(sensor, catalog()))).feed(
            connections
        )
        assert list(with_physics) == list(Pipeline(catalog(), aids=Aids(geo=geo)).feed(connections))
        cases += len(connections)
    assert cases == 4_000


def test_an_edges_own_place_is_not_refuted_and_a_far_one_is() -> None:
    lies = refuted = 0
    for seed in SEEDS:
        rng = random.Random(seed)
        world, geo = sites(rng), GeoByAddress()
        pipeline = Pipeline(catalog(), aids=Aids(geo=geo, physics=at(sensor := rng.choice(world), catalog())))
        edge = min((light_ms(sensor, site), site) for site in world if site != sensor)[1]
        path = Path(light_ms(sensor, edge), rng, geo.address(edge.country))
        times = path.rtt + rng.uniform(0, 2), path.rtt + rng.uniform(0.5, 4)
        (own,) = pipeline.feed([seen(path, *times)])
        assert own.attribution.countries == (edge.country,)
        for said in sorted({site.country for site in world if light_ms(sensor, site) > FAR_MS}):
            path.address = geo.address(said)
            (decision,) = pipeline.feed([seen(path, *times)])
            lies += 1
            refuted += decision.attribution.countries == ()
    assert lies > 1_000
    assert refuted / lies > 0.85, (lies, refuted)


def test_a_region_is_not_contradicted_where_it_is() -> None:
    regions = regions_by_name()
    assert len(regions) > 200
    contradicted = 0
    for seed in SEEDS:
        rng = random.Random(seed)
        sensor = rng.choice(sites(rng))
        pipeline = Pipeline(built_in(), aids=Aids(physics=at(sensor, built_in())))
        for name, where in rng.sample(sorted(regions.items()), 50):
            path = Path(light_ms(sensor, where), rng)
            (true,) = pipeline.feed([seen(path, path.rtt, path.rtt, names=(Name(name, "sni"),))])
            assert true.attribution.conflicts == ()
            (near,) = pipeline.feed([seen(path, path.near, path.near, names=(Name(name, "sni"),))])
            assert near.attribution.countries == (where.country,)
            contradicted += bool(near.attribution.conflicts)
    assert contradicted > 800


def regions_by_name() -> dict[str, Place]:
    """Return the places of regions that a name stands for, of endpoints that are in one place."""
    found: dict[str, Place] = {}
    for each in built_in().endpoints:
        region = built_in().region(each.provider or "", each.region or "")
        named = not each.is_range and "*" not in each.match and each.scope in ("region", "entry")
        if region is None or region.latitude is None or region.longitude is None or not named:
            continue
        if each.address == "unicast":
            found[each.match] = Place(region.country, region.latitude, region.longitude)
    return found
