"""What hides others: known by what it says, by name, by address, by port, and never instead of an LLM."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.catalog.hostmatch import parse_address
from monitor.concealing import ALPNS, CARRIERS, PORTS, RESOLVER_PORTS, Concealing
from monitor.counts import FlowCount, total
from monitor.coverage import CONCEALMENTS
from monitor.pipeline import Pipeline
from monitor.tally import Tally
from monitor.types import Concealment, Connection, Hello, Name, NameSource, NameState, Subject, Totals
from sensors.observations import Carrier, FlowKey, FlowUpdate, HelloSeen, NameResolved, Observation, Transport
from tests.catalog_help import built_in, compiled
from tests.observed import CLIENT, SERVER, at

DOH, DOT_HOST, SITE = "mozilla.cloudflare-dns.com", "dns.corp.example", "www.heise.de"
CLOUDFLARE, WARP, PROXY = "1.1.1.1", "162.159.193.7", "10.0.0.80"


@functools.cache
def concealing() -> Concealing:
    """Return the built-in concealers."""
    return Concealing(built_in().concealers)


def flow(server: str = SERVER, port: int = 443, transport: Transport = "tcp") -> FlowKey:
    """Return a five-tuple."""
    return FlowKey(CLIENT, 50_000, server, port, transport)


def name(value: str, source: NameSource = "sni", state: NameState = "live", *cnames: str) -> Name:
    """Return a name of a connection's server."""
    return Name(value, source, state, cnames)


def kind(key: FlowKey, *names: Name, hello: Hello | None = None) -> Concealment | None:
    """Return how a connection conceals, with a TLS hello where it carries a name."""
    if hello is None and any(each.source == "sni" for each in names):
        hello = Hello("tls")
    connection = Connection(at(0), key, Subject(), names, hello, Totals(), "address")
    return concealing().kind(connection)


NAMED = [
    ("doh by name", flow(), [name(DOH)], "doh"),
    ("the name alone, without a subdomain", flow(), [name("cloudflare-dns.com")], "doh"),
    ("in another case, with the root's dot", flow(), [name("DNS.Google.")], "doh"),
    ("doh over HTTP/3", flow(transport="udp"), [name("dns.google")], "doh"),
    ("doh on a port of its own", flow(port=8_443), [name("dns.quad9.net")], "doh"),
    ("a customer's own name", flow(), [name("abc123.dns.nextdns.io")], "doh"),
    ("dot by name", flow(port=853), [name("one.one.one.one")], "dot"),
    ("doq by name", flow(port=853, transport="udp"), [name("dns.adguard-dns.com")], "doq"),
    ("doq of a draft", flow(port=784, transport="udp"), [name("dns.adguard-dns.com")], "doq"),
    ("by the client's own answer", flow(), [name(DOH, "dns")], "doh"),
    ("by the alias of an answer", flow(), [name("x.example", "dns", "live", "mask.apple-dns.net")], "relay"),
    ("all names of an address", flow(), [name(DOH, "dns"), name("cloudflare-dns.com", "dns")], "doh"),
    ("one name of an address", flow(), [name(DOH, "dns"), name(SITE, "dns")], None),
    ("an address that was asked of DNS as a name", flow(), [name(CLOUDFLARE, "dns")], None),
    ("an address as an alias", flow(), [name("x.example", "dns", "live", CLOUDFLARE)], None),
    ("what expired", flow(), [name(DOH, "dns", "stale")], None),
    ("what another client was told", flow(), [name(DOH, "dns", "foreign")], None),
    ("an answer, and a port that it says nothing of", flow(port=80), [name(DOH, "dns")], None),
    ("a relay", flow(transport="udp"), [name("mask.icloud.com")], "relay"),
    ("a vpn on any port", flow(port=51_820), [name("node-nl-01.protonvpn.net", "dns")], "vpn"),
    ("a site", flow(), [name(SITE)], None),
    ("the web site of a vpn", flow(), [name("www.nordvpn.com")], None),
    ("the web site of a resolver", flow(), [name("nextdns.io")], None),
    ("what only ends like one", flow(), [name("evil-cloudflare-dns.com")], None),
    ("what only begins like one", flow(), [name("dns.google.evil.example")], None),
    ("a name that is none", flow(), [name("a..b"), name("\\xff")], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "names", "wanted"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED]
)
def test_by_name(key: FlowKey, names: list[Name], wanted: Concealment | None) -> None:
    assert kind(key, *names) == wanted


PLACED = [
    (flow(CLOUDFLARE), "doh"),
    (flow("2606:4700:4700::1111"), "doh"),
    (flow("::ffff:8.8.8.8"), "doh"),
    (flow("8.8.8.8", transport="udp"), "doh"),
    (flow("9.9.9.9", 853), "dot"),
    (flow("94.140.14.14", 853, "udp"), "doq"),
    (flow("94.140.14.14", 784, "udp"), "doq"),
    (flow("94.140.14.14", 8_853, "udp"), "doq"),
    (flow(CLOUDFLARE, 80), None),
    (flow(CLOUDFLARE, 8_853), None),
    (flow(WARP, 2_408, "udp"), "vpn"),
    (flow(WARP), "vpn"),
    (flow("1.1.1.4"), None),
    (flow("104.16.249.249"), None),
]


@pytest.mark.parametrize(("key", "wanted"), PLACED)
def test_by_address(key: FlowKey, wanted: Concealment | None) -> None:
    assert kind(key) == wanted


def test_an_address_that_serves_nothing_else_outweighs_a_carried_name() -> None:
    assert kind(flow(CLOUDFLARE), name(SITE)) == "doh"


def test_a_proxy_says_whom_it_connects_to() -> None:
    tunnel = Hello("http-connect")
    assert kind(flow(PROXY, 3_128), name(DOH, "connect"), hello=tunnel) == "doh"
    assert kind(flow(PROXY, 3_128), name(CLOUDFLARE, "connect"), hello=tunnel) == "doh"
    assert kind(flow(PROXY, 3_128), name(SITE), name(DOH, "connect"), hello=Hello("tls")) == "doh"
    assert kind(flow(WARP, 3_128), name(SITE, "connect"), hello=tunnel) is None


def test_what_is_in_clear_hides_nothing() -> None:
    assert kind(flow(port=80), name("dns.google", "http"), hello=Hello("http")) is None
    assert kind(flow(CLOUDFLARE), hello=Hello("http")) is None
    assert kind(flow(port=853), hello=Hello("http")) is None
    assert kind(flow(port=80), name("controlplane.tailscale.com", "http"), hello=Hello("http")) == "vpn"


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (flow(port=853), "dot"),
        (flow(port=853, transport="udp"), "doq"),
        (flow(port=784, transport="udp"), None),
        (flow(port=8_853, transport="udp"), None),
        (flow(port=443), None),
        (flow(port=53), None),
    ],
)
def test_by_port_alone(key: FlowKey, wanted: Concealment | None) -> None:
    assert kind(key) == wanted
    assert kind(key, name(DOT_HOST)) == wanted


@pytest.mark.parametrize(
    ("alpn", "wanted"),
    [(("dot",), "dot"), (("doq",), "doq"), (("doq-i02", "h3"), "doq"), (("masque",), "relay"),
     (("h2", "http/1.1"), None), ((), None), (("DOT",), None)],
)  # fmt: skip
def test_by_alpn(alpn: tuple[str, ...], wanted: Concealment | None) -> None:
    assert kind(flow(port=4_853), name(DOT_HOST), hello=Hello("quic", alpn)) == wanted


@pytest.mark.parametrize("carrier", ["wireguard", "openvpn", "ike"])
def test_by_carrier(carrier: Carrier) -> None:
    assert kind(flow(port=53, transport="udp"), hello=Hello(carrier)) == "vpn"
    assert kind(flow(CLOUDFLARE), name(DOH, "dns"), hello=Hello(carrier)) == "vpn"


def test_no_llm_endpoint_of_the_catalogue_conceals() -> None:
    catalog = built_in()
    for endpoint in catalog.endpoints:
        if endpoint.is_range:
            assert kind(flow(endpoint.match.partition("/")[0])) is None, endpoint.match
        else:
            assert kind(flow(), name(endpoint.match.replace("*", "x1"))) is None, endpoint.match


def test_no_concealer_is_an_llm_endpoint() -> None:
    catalog = built_in()
    for each in catalog.concealers:
        if "/" in each.match:
            assert catalog.match_address(each.match.partition("/")[0]) is None, each.match
        else:
            assert catalog.match_name(each.match.replace("*", "x1")) is None, each.match


def test_all_that_may_conceal_is_listed() -> None:
    names, prefixes = concealing().names(), concealing().prefixes()
    assert {"*.cloudflare-dns.com", "mask.icloud.com"} <= set(names)
    assert {"1.1.1.1/32", "162.159.193.0/24", "2606:4700:102::/48"} <= set(prefixes)
    assert len(names) + len(prefixes) == len({each.match for each in built_in().concealers})
    assert all(parse_address(prefix.partition("/")[0]) for prefix in prefixes)
    assert set(PORTS) <= set(RESOLVER_PORTS)
    assert {*PORTS.values(), *RESOLVER_PORTS.values(), *ALPNS.values(), *CARRIERS.values()} == set(
        CONCEALMENTS
    )


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("MASK.icloud.com.", "iCloud Private Relay"),
        ("chrome.cloudflare-dns.com", "Cloudflare 1.1.1.1"),
        ("162.159.193.1", "Cloudflare WARP"),
        ("www.icloud.com", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
def test_a_concealer_can_be_looked_up(text: str, service: str | None) -> None:
    found = concealing().find(text)
    assert (found.service if found else None) == service


@given(st.text(max_size=300))
def test_any_text_can_be_looked_up(text: str) -> None:
    concealing().find(text)


def test_what_the_user_declares_comes_first() -> None:
    entry = "concealing: [{kind: %s, service: s, host: gate.corp.example, source: us, date: 2026-11-01}]"
    catalog = compiled(entry % "relay", extra=(entry % "vpn",))
    found = Concealing(catalog.concealers)
    connection = Connection(
        at(0), flow(), Subject(), (name("gate.corp.example"),), Hello("tls"), Totals(), "sni"
    )
    assert found.kind(connection) == "vpn"
    assert found.names() == ("gate.corp.example",)


def ended(key: FlowKey) -> FlowUpdate:
    """Return a flow's end."""
    return FlowUpdate(at(30), key, at(20), 5, 4, 1_000, 2_000)


def hello(key: FlowKey, server_name: str | None, carrier: Carrier = "tls", *alpn: str) -> HelloSeen:
    """Return a flow's first message."""
    return HelloSeen(at(21), key, carrier, server_name, alpn)


def told(server: str, value: str) -> NameResolved:
    """Return the client's own answer for an address."""
    return NameResolved(at(19), CLIENT, "10.0.0.53", value, 1, 0, (), (server,), 300)


def counted(*observations: Observation) -> tuple[int, Tally]:
    """Return how many decisions observations give, and the totals."""
    pipeline = Pipeline(built_in())
    return len(list(pipeline.feed(observations))), pipeline.tally


def classes(tally: Tally) -> dict[str, int]:
    """Return the coverage classes and kinds that hold a flow."""
    held: list[tuple[str, FlowCount]] = [*tally.coverage.items(), *tally.concealing.items()]
    return {key: count.flows for key, count in held if count.flows}


LLM = "api.deepseek.com"
ROADS: list[tuple[str, list[Observation], int, dict[str, int]]] = [
    ("doh leaves its class", [hello(flow(), DOH), ended(flow())], 0, {"concealing": 1, "doh": 1}),
    ("so does what DNS named", [told(SERVER, DOH), ended(flow())], 0, {"concealing": 1, "doh": 1}),
    ("a site stays", [hello(flow(), SITE), ended(flow())], 0, {"sni": 1}),
    ("an LLM stays", [hello(flow(port=853), LLM), ended(flow(port=853))], 1, {"sni": 1}),
    ("an LLM at a concealing address stays", [hello(flow(WARP), LLM), ended(flow(WARP))], 1, {"sni": 1}),
    ("a possible LLM stays", [told(SERVER, LLM), told(SERVER, DOH), ended(flow())], 1, {"ambiguous": 1}),
    ("ECH stays", [HelloSeen(at(21), flow(CLOUDFLARE), "tls", "cloudflare-ech.com", ech="offered"),
                   ended(flow(CLOUDFLARE))], 1, {"concealed": 1}),
    ("plain DNS stays a lookup", [ended(flow(CLOUDFLARE, 53))], 0, {}),
    ("a tunnel on the port of DNS", [hello(flow(port=53), None, "wireguard"), ended(flow(port=53))], 0,
     {"concealing": 1, "vpn": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("observations", "decisions", "wanted"), [row[1:] for row in ROADS], ids=[row[0] for row in ROADS]
)
def test_in_the_pipeline(observations: list[Observation], decisions: int, wanted: dict[str, int]) -> None:
    found, tally = counted(*observations)
    assert (found, classes(tally)) == (decisions, wanted)


FLOWS = st.builds(
    flow,
    st.sampled_from([SERVER, CLOUDFLARE, WARP, PROXY, "160.79.104.10"]),
    st.sampled_from([53, 80, 443, 784, 853, 51_820]),
    st.sampled_from(["tcp", "udp"]),
)
SERVER_NAMES = st.sampled_from([None, DOH, SITE, LLM, "mask.icloud.com", "api.cloudflare.com", ""])
CARRIED = st.sampled_from(["tls", "quic", "http-connect", "socks", "http", "wireguard", "openvpn", "ike"])


@given(st.lists(st.tuples(FLOWS, SERVER_NAMES, CARRIED, st.booleans(), st.booleans()), max_size=8))
def test_every_connection_is_in_one_class(
    seen: list[tuple[FlowKey, str | None, Carrier, bool, bool]],
) -> None:
    observations: list[Observation] = []
    for key, server_name, carrier, asked, spoke in seen:
        if asked and server_name:
            observations.append(told(key.server, server_name))
        if spoke:
            observations.append(hello(key, None if carrier in CARRIERS else server_name, carrier))
        observations.append(ended(key))
    decisions, tally = counted(*observations)
    assert tally.connections().flows + tally.lookups.flows == len(seen)
    assert tally.coverage["concealing"] == total(tally.concealing.values())
    assert tally.related.flows == decisions <= tally.connections().flows - tally.coverage["concealing"].flows
