"""What a first message can look like: split, reordered, over QUIC, concealed, inside a proxy, in clear."""

from pcaps.builder.client import Client, Talk
from pcaps.builder.dns import Answer
from pcaps.builder.material import client_hello, with_ech
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

_CHATGPT_ADDRESSES = ("104.18.32.47", "172.64.155.209")


def mlkem_split_hello(network: Network) -> None:
    """Post-quantum hellos of more than a segment: once as sent, once with the second segment first."""
    platform = Client(network, world.PLATFORM)
    platform.ask(world.answer_for(world.MISTRAL))
    for order in ((0, 1), (1, 0)):
        conversation = platform.connect(world.MISTRAL)
        hello = client_hello(world.MISTRAL.name, conversation.label, "tls-mlkem")
        conversation.open()
        conversation.up(hello, order=order)
        platform.answer(conversation, Talk())
        conversation.finish()


def quic_single_initial(network: Network) -> None:
    """A browser that learnt from an HTTPS record to use HTTP/3."""
    office = Client(network, world.OFFICE)
    office.ask(Answer("chatgpt.com", _CHATGPT_ADDRESSES, ttl=300))
    office.ask(Answer("chatgpt.com", _CHATGPT_ADDRESSES, ttl=300, alpn=["h3", "h2"]))
    office.quic(world.CHATGPT)


def quic_two_initials(network: Network) -> None:
    """Post-quantum hellos over two Initials: once in order, once the other way round."""
    office = Client(network, world.OFFICE)
    for server, order in ((world.GEMINI_SITE, (0, 1)), (world.GEMINI, (1, 0))):
        office.ask(world.answer_for(server))
        conversation = office.connect_quic(server)
        conversation.open(order=order)
        conversation.up(1_100)
        conversation.down(2_800)


def ech_dns_only(network: Network) -> None:
    """Encrypted ClientHello: the outer name is Cloudflare's, and DNS in clear says what was asked for."""
    office = Client(network, world.OFFICE)
    name, public_name = "chatgpt.com", "cloudflare-ech.com"
    office.ask(Answer(name, _CHATGPT_ADDRESSES, ttl=300))
    office.ask(Answer(name, _CHATGPT_ADDRESSES, ttl=300, alpn=["h3", "h2"], ech_public_name=public_name))
    conversation = office.connect(world.CHATGPT)
    conversation.open()
    hello = client_hello(public_name, conversation.label)
    office.secure(conversation, with_ech(hello, conversation.label), Talk())
    conversation.finish()


def proxy_connect(network: Network) -> None:
    """An explicit proxy: the name stands in the CONNECT request, and again in the hello inside."""
    office = Client(network, world.OFFICE)
    conversation = office.connect(world.PROXY)
    conversation.open()
    target = "api.openai.com:443"
    conversation.up(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: curl/8.9.1\r\n\r\n".encode())
    network.wait(ms=12)
    conversation.down(b"HTTP/1.1 200 Connection established\r\n\r\n")
    office.secure(conversation, client_hello("api.openai.com", conversation.label), Talk())
    conversation.finish()


def http_plain(network: Network) -> None:
    """A call without TLS, which is told to come back with it."""
    office = Client(network, world.OFFICE)
    office.ask(world.answer_for(world.MISTRAL))
    conversation = office.connect(world.MISTRAL._replace(port=80))
    conversation.open()
    conversation.up(b"GET /v1/models HTTP/1.1\r\nHost: api.mistral.ai\r\nAccept: */*\r\n\r\n")
    conversation.down(
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://api.mistral.ai/v1/models\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    conversation.finish()


def shared_cdn_address(network: Network) -> None:
    """Two providers behind one address, asked for by one client, and a hello that names neither."""
    shared = Server(None, "104.18.20.54", 4.4)
    platform, office = Client(network, world.PLATFORM), Client(network, world.OFFICE)
    platform.ask(Answer("api.groq.com", [shared.address], ttl=300))
    platform.ask(Answer("api.perplexity.ai", [shared.address], ttl=300))
    platform.tls(shared)
    office.ask(Answer("api.groq.com", [shared.address], ttl=300))
    office.ask(Answer("www.heise.de", [shared.address], ttl=300))
    office.tls(shared)


CASES = (
    Case("mlkem-split-hello", mlkem_split_hello),
    Case("quic-single-initial", quic_single_initial),
    Case("quic-two-initials", quic_two_initials),
    Case("ech-dns-only", ech_dns_only),
    Case("proxy-connect", proxy_connect),
    Case("http-plain", http_plain),
    Case("shared-cdn-address", shared_cdn_address),
)
