"""Three namespaces in a row, ``clients`` -- ``egress`` -- ``servers``, and no way out of them.

Any address of the networks below may be a client's. All other addresses there are belong to ``servers``, so
that a provider's real address answers there.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.live_places import Place, run

# Sources of policies/eu-crm.yaml, and guests; each with who is next on the way from `egress`, from `servers`.
CLIENT_NETWORKS = {
    "10.20.0.0/16": ("192.0.2.2", "192.0.2.5"),
    "10.30.0.0/16": ("192.0.2.2", "192.0.2.5"),
    "10.40.0.0/16": ("192.0.2.2", "192.0.2.5"),
    "10.99.0.0/16": ("192.0.2.2", "192.0.2.5"),
    "fd00:10:20::/48": ("fd00:ff:1::2", "fd00:ff:2::1"),
}
RESOLVER, PROXY = "10.0.0.53", "10.0.0.80"
INSIDE, OUTSIDE, LINK = "inside", "outside", "eth0"  # interfaces of `egress`, and of the two others
_RESOLV_CONF = Path("/etc/netns")
_ANY_SOURCE = ("net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1")
_FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
# Injected frames may be longer by what tunnels add; the route keeps the clients' own at the usual size.
_CLIENTS = """\
link set lo up
address add 192.0.2.2/30 dev eth0
address add 10.20.0.2/32 dev eth0
address add fd00:ff:1::2/64 dev eth0 nodad
address add fd00:10:20::2/128 dev eth0 nodad
link set eth0 mtu 9000 up
route add default via 192.0.2.1 src 10.20.0.2 mtu 1500
route add default via fd00:ff:1::1 src fd00:10:20::2 mtu 1500
"""
_EGRESS = """\
link set lo up
address add 10.20.0.1/32 dev lo
address add 192.0.2.1/30 dev inside
address add 192.0.2.5/30 dev outside
address add fd00:ff:2::1/64 dev outside nodad
link set inside mtu 9000
link set outside up
route add default via 192.0.2.6
route add default via fd00:ff:2::2
"""
_SERVERS = """\
link set lo up
address add 192.0.2.6/30 dev eth0
address add fd00:ff:2::2/64 dev eth0 nodad
link set eth0 up
"""
_ALL_IS_HERE = """\
rule add pref 200 lookup local
rule delete pref 0
route add local default dev lo table local
"""


class Network(NamedTuple):
    """The three namespaces."""

    clients: Place
    egress: Place
    servers: Place


@contextmanager
def network(name: str) -> Iterator[Network]:
    """Make the namespaces and what joins them; all is gone at the end."""
    made = Network(*(Place(f"{name}-{each}") for each in Network._fields))
    with ExitStack() as stack:
        for place in made:
            _make(place, stack)
        for place, interface in ((made.clients, INSIDE), (made.servers, OUTSIDE)):
            ends = ("link", "add", LINK, "netns", place.name, "type", "veth")
            run("ip", *ends, "peer", "name", interface, "netns", made.egress.name)
        for place in (made.clients, made.servers):
            place.run("sysctl", "-qw", *_ANY_SOURCE)
        made.egress.run("sysctl", "-qw", *_FORWARD)
        _address(made)
        yield made


@contextmanager
def inside_down(joined: Network) -> Iterator[None]:
    """Take the interface that the clients are reached by down for a while."""
    joined.egress.ip(f"link set {INSIDE} down")
    try:
        yield
    finally:
        _bring_up(joined.egress)


@contextmanager
def small_segments(joined: Network, payload_bytes: int) -> Iterator[None]:
    """Have clients of 10.20.0.0/16 send segments no larger than this, each in a frame of its own."""
    route = "10.20.0.0/16 via 192.0.2.5"
    joined.servers.ip(f"route replace {route} advmss {payload_bytes + _TIMESTAMP_BYTES}")
    joined.clients.ip(f"link set {LINK} gso_max_segs 1")
    try:
        yield
    finally:
        joined.clients.ip(f"link set {LINK} gso_max_segs 65535")
        joined.servers.ip(f"route replace {route}")


_TIMESTAMP_BYTES = 12  # the option that every segment carries counts against the announced size


def _make(place: Place, stack: ExitStack) -> None:
    """Make one namespace, whose programs resolve names by way of our resolver."""
    run("ip", "netns", "add", place.name)
    stack.callback(run, "ip", "netns", "delete", place.name)
    settings = _RESOLV_CONF / place.name
    settings.mkdir(parents=True)
    stack.callback(settings.rmdir)
    file = settings / "resolv.conf"
    file.write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:2\n", encoding="ascii")
    stack.callback(file.unlink)


def _address(joined: Network) -> None:
    joined.clients.ip(_CLIENTS)
    joined.egress.ip(_EGRESS)
    joined.servers.ip(_SERVERS)
    for each, (_, from_servers) in CLIENT_NETWORKS.items():
        joined.clients.ip(f"route add local {each} dev lo")
        joined.servers.ip(f"route add {each} via {from_servers}")
        joined.servers.ip(f"rule add pref 100 to {each} lookup main", "-6" if ":" in each else "-4")
    for family, gateway in (("-4", "192.0.2.5"), ("-6", "fd00:ff:2::1")):
        joined.servers.ip(f"rule add pref 100 to {gateway} lookup main\n{_ALL_IS_HERE}", family)
    _bring_up(joined.egress)


def _bring_up(egress: Place) -> None:
    """Set up what an interface loses when it goes down."""
    egress.ip(f"link set {INSIDE} up\naddress add fd00:ff:1::1/64 dev {INSIDE} nodad")
    egress.ip(
        "".join(f"route add {each} via {next_one}\n" for each, (next_one, _) in CLIENT_NETWORKS.items())
    )
