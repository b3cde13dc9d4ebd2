"""What a DNS answer is worth: the client's own, over any transport; not a stale one, not another's."""

from pcaps.builder.client import Client
from pcaps.builder.dns import Answer, exchange_fragmented, exchange_tcp
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

_NAMELESS_VIRGINIA = world.without_name(world.BEDROCK_VIRGINIA)
_LONG_AFTER_SECONDS = 6 * 3_600


def dns_over_tcp(network: Network) -> None:
    """The answer is too long for UDP, so it is asked for again over TCP; the hello has no name."""
    platform = Client(network, world.PLATFORM)
    platform.ask(world.answer_for(world.BEDROCK_VIRGINIA), exchange_tcp)
    platform.tls(_NAMELESS_VIRGINIA)


def fragmented_dns(network: Network) -> None:
    """A long answer through a narrow link: IP fragments, the last one first; the hello has no name."""
    platform = Client(network, world.PLATFORM)
    addresses = [world.AZURE.address, *(f"20.105.208.{host}" for host in range(230, 238))]
    chain = (*world.AZURE_CHAIN, *(f"hop-{hop}.edge.westeurope.cloudapp.azure.com" for hop in range(9)))
    platform.ask(Answer(world.AZURE.name or "", addresses, chain, ttl=30), exchange_fragmented)
    platform.tls(world.without_name(world.AZURE))


def stale_dns(network: Network) -> None:
    """An answer that lives for a minute, and a connection without a name six hours later."""
    platform = Client(network, world.PLATFORM)
    platform.ask(world.answer_for(world.BEDROCK_VIRGINIA, ttl=60))
    platform.tls(_NAMELESS_VIRGINIA)
    with network.at(_LONG_AFTER_SECONDS):
        platform.tls(_NAMELESS_VIRGINIA)


def foreign_dns(network: Network) -> None:
    """One machine asks for the name, another connects to the address without a name."""
    shared = Server(None, world.MISTRAL.address, world.MISTRAL.rtt_ms)
    Client(network, world.OFFICE).ask(world.answer_for(world.MISTRAL, ttl=300))
    Client(network, world.OFFICE_OTHER).tls(shared)


CASES = (
    Case("dns-over-tcp", dns_over_tcp),
    Case("fragmented-dns", fragmented_dns),
    Case("stale-dns", stale_dns),
    Case("foreign-dns", foreign_dns),
)
