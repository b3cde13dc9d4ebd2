"""What the capture itself can be like: begun late, cut off, short of bytes, tagged, of another family."""

from functools import partial

from pcaps.builder.client import Client, Talk
from pcaps.builder.container import LINUX_SLL2, Record, pcap, pcapng
from pcaps.builder.material import application_data, client_hello
from pcaps.builder.network import Network
from pcaps.cases import world
from pcaps.cases.case import Case

_CUT_BYTES = 2_000  # what is missing at the end
_SNAP_BYTES = 160  # a DNS answer fits, a ClientHello ends before its server name


def midstream(network: Network) -> None:
    """A connection in full flow, and one whose hello was still to come when the capture began."""
    flowing = Client(network, world.CRM).connect(world.OPENAI)
    for number in range(3):
        flowing.up(application_data(f"up {number}", 900))
        network.wait(ms=300)
        flowing.down(application_data(f"down {number}", 2_600))
    flowing.finish()
    platform = Client(network, world.PLATFORM)
    late = platform.connect(world.MISTRAL_EU)
    platform.secure(late, client_hello(world.MISTRAL_EU.name, late.label), Talk())
    late.finish()


def one_call(network: Network) -> None:
    """Ask for a Bedrock endpoint and talk to it."""
    crm = Client(network, world.CRM)
    crm.ask(world.answer_for(world.BEDROCK_FRANKFURT))
    crm.tls(world.BEDROCK_FRANKFURT)


def two_calls(network: Network) -> None:
    """The call that is in the capture, and the one in which it breaks off."""
    one_call(network)
    Client(network, world.PLATFORM).tls(world.DEEPSEEK)


def ipv6(network: Network) -> None:
    """Everything over IPv6."""
    crm = Client(network, world.CRM_V6)
    crm.ask(world.answer_for(world.ANTHROPIC_V6))
    crm.tls(world.ANTHROPIC_V6)


def _cut_short(records: list[Record]) -> bytes:
    return pcap(records)[:-_CUT_BYTES]


CASES = (
    Case("midstream", midstream),
    Case("truncated-file", two_calls, _cut_short),
    Case("short-snaplen", one_call, partial(pcap, snap_bytes=_SNAP_BYTES)),
    Case("vlan", one_call, partial(pcap, big_endian=True), network=partial(Network, vlan=120)),
    Case(
        "any-interface", one_call, partial(pcap, link_type=LINUX_SLL2), network=partial(Network, cooked=True)
    ),
    Case("ipv6", ipv6, pcapng, "traffic.pcapng"),
)
