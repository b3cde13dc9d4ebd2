"""What can stand before a hello: a SOCKS request, a PROXY header, a mail server's greeting."""

from ipaddress import ip_address

from pcaps.builder.client import Client, Talk
from pcaps.builder.material import client_hello
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

_SOCKS = world.PROXY._replace(port=1_080)
_BALANCER = "10.0.0.90"  # in front of the gateway, to which it passes connections on
_GATEWAY = Server(None, "10.0.0.91", 0.4, port=8_443)
_MAIL = Server("outlook.office365.com", "52.98.152.178", 11.6, port=587)
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_SMALL = Talk(up_bytes=300, down_bytes=500, think_ms=60)


def socks5_connect(network: Network) -> None:
    """A proxy that wants a password is asked for a name; an older client knows the address only."""
    office = Client(network, world.OFFICE)
    conversation = office.connect(_SOCKS)
    conversation.open()
    conversation.up(b"\x05\x02\x00\x02")
    conversation.down(b"\x05\x02")
    conversation.up(b"\x01\x05guest\x05guest")
    conversation.down(b"\x01\x00")
    name = world.MISTRAL_EU.name or ""
    conversation.up(b"\x05\x01\x00\x03" + bytes((len(name),)) + name.encode() + b"\x01\xbb")
    network.wait(ms=12)
    conversation.down(b"\x05\x00\x00\x01" + bytes(6))
    office.secure(conversation, client_hello(name, conversation.label), Talk())
    conversation.finish()

    conversation = office.connect(_SOCKS)
    conversation.open()
    conversation.up(b"\x04\x01\x01\xbb" + ip_address(world.DEEPSEEK.address).packed + b"\0")
    network.wait(ms=250)
    conversation.down(b"\x00\x5a" + bytes(6))
    office.secure(conversation, client_hello(world.DEEPSEEK.name, conversation.label), _SMALL)
    conversation.finish()


def proxy_protocol(network: Network) -> None:
    """A load balancer passes two connections on, once with a header of each version, and checks a health."""
    balancer = Client(network, _BALANCER)
    for header, server in (
        (_version_1(world.CRM, world.BEDROCK_FRANKFURT), world.BEDROCK_FRANKFURT),
        (_version_2(world.PLATFORM, world.OPENAI), world.OPENAI),
    ):
        conversation = balancer.connect(_GATEWAY)
        conversation.open()
        conversation.up(header)
        balancer.secure(conversation, client_hello(server.name, conversation.label), Talk())
        conversation.finish()
    health = balancer.connect(_GATEWAY)
    health.open()
    health.up(_SIGNATURE + b"\x20\x00\x00\x00")
    health.reset()


def smtp_starttls(network: Network) -> None:
    """A CRM that sends mail: no LLM, and the name of the mail server says so."""
    crm = Client(network, world.CRM)
    crm.ask(world.answer_for(_MAIL))
    conversation = crm.connect(_MAIL)
    conversation.open()
    conversation.down(b"220 FR3P281CA0100.outlook.office365.com Microsoft ESMTP MAIL Service ready\r\n")
    conversation.up(b"EHLO crm.contoso.example\r\n")
    conversation.down(
        b"250-FR3P281CA0100.outlook.office365.com Hello\r\n250-SIZE 157286400\r\n250 STARTTLS\r\n"
    )
    conversation.up(b"STARTTLS\r\n")
    conversation.down(b"220 2.0.0 SMTP server ready\r\n")
    crm.secure(conversation, client_hello(_MAIL.name, conversation.label), Talk(up_bytes=9_000))
    conversation.finish()


def _version_1(client: str, server: Server) -> bytes:
    return f"PROXY TCP4 {client} {server.address} 51234 {server.port}\r\n".encode()


def _version_2(client: str, server: Server) -> bytes:
    """A header with a vector that carries the authority, as balancers add it."""
    ends = ip_address(client).packed + ip_address(server.address).packed
    ports = (51_235).to_bytes(2, "big") + server.port.to_bytes(2, "big")
    name = (server.name or "").encode()
    body = ends + ports + b"\x02" + len(name).to_bytes(2, "big") + name
    return _SIGNATURE + b"\x21\x11" + len(body).to_bytes(2, "big") + body


CASES = (
    Case("socks5-connect", socks5_connect),
    Case("proxy-protocol", proxy_protocol),
    Case("smtp-starttls", smtp_starttls),
)
