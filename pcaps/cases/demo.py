"""The demo: eighty seconds at a company's egress, LLM traffic among the ordinary.

Each actor is a function with its own clock; together they show every outcome that a policy knows.
"""

from pcaps.builder.client import Client, Talk
from pcaps.builder.dns import Answer
from pcaps.builder.material import application_data
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import hellos, providers, world
from pcaps.cases.case import Case

_SERVICES = (  # second, client, service, and how much it answers
    (1.5, world.CRM, Server("contoso.my.salesforce.com", "85.222.140.7", 4.8), 9_000),
    (2.2, world.CRM_BATCH, Server("s3.eu-central-1.amazonaws.com", "52.219.170.14", 3.2), 16_000),
    (6.0, world.PLATFORM, Server("pypi.org", "151.101.0.223", 3.6), 18_000),
    (24.0, world.CRM, Server("api.hubapi.com", "104.16.118.116", 4.4), 4_000),
    (44.0, world.CRM_BATCH, Server("s3.eu-central-1.amazonaws.com", "52.219.170.14", 3.2), 14_000),
    (61.0, world.PLATFORM, Server("hooks.slack.com", "3.68.175.98", 3.5), 600),
    (77.0, world.CRM, Server("contoso.my.salesforce.com", "85.222.140.7", 4.8), 7_000),
)
_SITES = (
    (0.4, Server("login.microsoftonline.com", "20.190.160.14", 8.9), 12_000),
    (3.1, Server("outlook.office365.com", "52.98.178.242", 9.0), 15_000),
    (11.0, Server("www.heise.de", "193.99.144.85", 4.1), 18_000),
    (11.4, Server("fonts.gstatic.com", "142.250.185.67", 3.9), 16_000),
    (37.0, Server("www.wikipedia.org", "185.15.59.224", 8.3), 20_000),
    (52.0, Server("www.bahn.de", "81.200.198.9", 5.2), 21_000),
    (68.0, Server("github.com", "140.82.121.3", 4.9), 18_000),
)


def demo(network: Network) -> None:
    """All actors."""
    _ordinary(network)
    _browsing(network)
    _crm(network)
    _crm_batch(network)
    _data_platform(network)
    _office(network)
    _hard_to_see(network)


def _ordinary(network: Network) -> None:
    for seconds, client, service, down_bytes in _SERVICES:
        with network.at(seconds):
            machine = Client(network, client)
            machine.ask(world.answer_for(service, ttl=120))
            machine.tls(service, Talk(1_100, down_bytes, think_ms=40))


def _browsing(network: Network) -> None:
    for seconds, site, down_bytes in _SITES:
        with network.at(seconds):
            office = Client(network, world.OFFICE)
            office.ask(world.answer_for(site, ttl=180))
            office.tls(site, Talk(900, down_bytes, think_ms=25))
    for seconds, name, address in (
        (19.0, "www.google.com", "142.250.185.100"),
        (73.0, "www.youtube.com", "142.250.184.206"),
    ):
        with network.at(seconds):
            office = Client(network, world.OFFICE_OTHER)
            office.ask(Answer(name, [address], ttl=300))
            office.quic(Server(name, address, 3.9), Talk(1_400, 14_000, think_ms=35))


def _crm(network: Network) -> None:
    """Bedrock in Frankfurt all the time, and the global OpenAI host when that is slow."""
    crm = Client(network, world.CRM)
    for call in range(9):
        with network.at(4 + 9 * call):
            if call % 6 == 0:
                crm.ask(world.answer_for(world.BEDROCK_FRANKFURT))
            crm.tls(world.BEDROCK_FRANKFURT, Talk(1_900 + 130 * call, 3_400, think_ms=600))
    for seconds in (33.0, 70.5):
        with network.at(seconds):
            providers.openai_global(network)
    with network.at(58.0):
        providers.azure_openai(network)


def _crm_batch(network: Network) -> None:
    batch = Client(network, world.CRM_BATCH)
    for seconds, server in (
        (8.0, world.BEDROCK_SOVEREIGN),
        (28.0, world.OPENAI_EU),
        (47.0, world.SELF_HOSTED),
        (66.0, world.MISTRAL_EU),
    ):
        with network.at(seconds):
            batch.ask(world.answer_for(server, ttl=300))
            batch.tls(server)


def _data_platform(network: Network) -> None:
    """One source, the allowed endpoint and others."""
    platform = Client(network, world.PLATFORM)
    with network.at(14.0):
        providers.mixed_endpoints(network)
    with network.at(41.0):
        hellos.mlkem_split_hello(network)
    with network.at(55.0):
        platform.ask(world.answer_for(world.VERTEX_FRANKFURT, ttl=300))
        platform.tls(world.VERTEX_FRANKFURT)
    with network.at(80.0):
        providers.anthropic_by_address(network)


def _office(network: Network) -> None:
    """People, with the assistants that they chose themselves; and a guest."""
    for seconds, act in (
        (22.0, hellos.quic_single_initial),
        (49.0, hellos.quic_two_initials),
    ):
        with network.at(seconds):
            act(network)
    for seconds, client in ((30.0, world.OFFICE), (64.0, world.GUEST)):
        with network.at(seconds):
            machine = Client(network, client)
            machine.ask(world.answer_for(world.DEEPSEEK, ttl=300))
            machine.tls(world.DEEPSEEK)


def _hard_to_see(network: Network) -> None:
    """A connection older than the capture, ECH, a proxy, and an address with two names."""
    with network.at(0.1):
        older = Client(network, world.CRM_BATCH).connect(world.ANTHROPIC)
        for size in (900, 1_100):
            older.up(application_data(older.label, size))
        older.finish()
    for seconds, act in (
        (35.0, hellos.ech_dns_only),
        (62.0, hellos.proxy_connect),
        (75.0, hellos.shared_cdn_address),
    ):
        with network.at(seconds):
            act(network)


CASES = (Case("demo", demo),)
