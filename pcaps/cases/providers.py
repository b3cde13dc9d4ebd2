"""One provider a case: the client asks for the name, then talks TLS to it."""

from functools import partial

from pcaps.builder.client import Client, Talk
from pcaps.builder.container import Record, gzip_stored, pcap
from pcaps.builder.dns import Answer
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case


def _ask_and_talk(network: Network, client: str, server: Server) -> None:
    machine = Client(network, client)
    machine.ask(world.answer_for(server))
    machine.tls(server)


def azure_openai(network: Network) -> None:
    """The chain of aliases names the resource's region, the customer's label does not."""
    crm = Client(network, world.CRM)
    crm.ask(Answer(world.AZURE.name or "", [world.AZURE.address], world.AZURE_CHAIN, ttl=30))
    crm.tls(world.AZURE)


def azure_openai_private(network: Network) -> None:
    """Private DNS answers the ordinary name with an address of the company."""
    crm = Client(network, world.CRM)
    chain = ["contoso-crm.privatelink.openai.azure.com"]
    crm.ask(Answer(world.AZURE.name or "", [world.AZURE_PRIVATE.address], chain, ttl=10))
    crm.tls(world.AZURE_PRIVATE)


def openai_global(network: Network) -> None:
    """The global host, on the same Cloudflare address as the European one."""
    crm = Client(network, world.CRM)
    crm.ask(Answer("api.openai.com", world.OPENAI_ADDRESSES, world.OPENAI_CHAIN, ttl=300))
    crm.tls(world.OPENAI)


def openai_eu(network: Network) -> None:
    """The European host, on the same Cloudflare address as the global one."""
    crm = Client(network, world.CRM)
    crm.ask(Answer("eu.api.openai.com", world.OPENAI_ADDRESSES, ttl=300))
    crm.tls(world.OPENAI_EU)


def anthropic_by_address(network: Network) -> None:
    """Neither a DNS answer nor a server name: only the address speaks."""
    Client(network, world.PLATFORM).tls(world.without_name(world.ANTHROPIC))


def edge_in_frankfurt(network: Network) -> None:
    """A data set places the address in the US; the answer comes sooner than light could come from there."""
    Client(network, world.CRM).tls(world.AZURE_EDGE)


def self_hosted(network: Network) -> None:
    """Once by name, once by address and on a port of its own."""
    crm = Client(network, world.CRM)
    _ask_and_talk(network, world.CRM_BATCH, world.SELF_HOSTED)
    crm.tls(Server(None, "10.70.8.21", 1.2, port=8_443))


def mixed_endpoints(network: Network) -> None:
    """One service account: first the endpoint it should use, then, as that throttles, another."""
    platform = Client(network, world.PLATFORM)
    platform.ask(world.answer_for(world.BEDROCK_FRANKFURT))
    platform.tls(world.BEDROCK_FRANKFURT)
    platform.tls(world.BEDROCK_FRANKFURT, Talk(up_bytes=1_800, down_bytes=310, think_ms=30))
    network.wait(seconds=2)
    platform.ask(world.answer_for(world.BEDROCK_VIRGINIA))
    platform.tls(world.BEDROCK_VIRGINIA)


def _gzipped(records: list[Record]) -> bytes:
    return gzip_stored(pcap(records))


def _simple(name: str, client: str, server: Server) -> Case:
    return Case(name, partial(_ask_and_talk, client=client, server=server))


CASES = (
    _simple("bedrock-sovereign", world.CRM, world.BEDROCK_FRANKFURT),
    _simple("bedrock-us", world.CRM, world.BEDROCK_VIRGINIA),
    _simple("aws-european-sovereign-cloud", world.CRM, world.BEDROCK_SOVEREIGN),
    Case("azure-openai-westeurope", azure_openai),
    Case("azure-openai-private-endpoint", azure_openai_private),
    Case("openai-global", openai_global),
    Case("openai-eu", openai_eu),
    _simple("vertex-europe-west3", world.PLATFORM, world.VERTEX_FRANKFURT)._replace(
        pack=partial(pcap, nanosecond=True)
    ),
    _simple("mistral-global", world.PLATFORM, world.MISTRAL),
    _simple("mistral-eu", world.CRM, world.MISTRAL_EU)._replace(pack=_gzipped, file_name="traffic.pcap.gz"),
    _simple("deepseek", world.OFFICE, world.DEEPSEEK),
    Case("anthropic-by-address", anthropic_by_address),
    Case("self-hosted-llm", self_hosted),
    Case("geoip-says-us-edge-in-frankfurt", edge_in_frankfurt),
    Case("mixed-endpoints", mixed_endpoints),
)
