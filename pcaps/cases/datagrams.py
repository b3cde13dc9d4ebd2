"""What can stand in datagrams besides today's QUIC: DTLS, Google's QUIC of old, tunnels that conceal."""

import struct

from pcaps.builder import concealing, gquic
from pcaps.builder.client import Client
from pcaps.builder.datagrams import exchange
from pcaps.builder.material import Datagram, handshake
from pcaps.builder.network import Network, noise
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

_IKE_SA_INIT, _IKE_SA_INIT_ANSWER = (33, 0x20, 34, 0x08), (33, 0x20, 34, 0x20)
_IKE_AUTH, _IKE_AUTH_ANSWER = (46, 0x20, 35, 0x08), (46, 0x20, 35, 0x20)
_NO_ESP = bytes(4)  # RFC 3948 section 2.2
_MEDIA_SERVER = Server(None, "20.42.13.9", 24.0, port=3_478)
_TUNNEL_END = Server(None, "185.65.134.66", 21.0)


def dtls(network: Network) -> None:
    """A DTLS 1.2 handshake with a cookie: the client says its hello twice."""
    platform = Client(network, world.PLATFORM)
    platform.ask(world.answer_for(world.OPENAI))
    exchange(
        network,
        (platform.address, network.next_port(platform.address)),
        world.OPENAI,
        handshake(f"dtls/{world.OPENAI.name}"),
    )


def gquic_clear(network: Network) -> None:
    """An old Chrome, in both forms of Google's QUIC in clear text: a hello in one packet, and in two."""
    office = Client(network, world.OFFICE)
    for version, server, cut in ((b"Q046", world.GEMINI_SITE, 2_000), (b"Q043", world.GEMINI, 700)):
        office.ask(world.answer_for(server))
        label = f"gquic {version.decode()}"
        hello = gquic.chlo(server.name or "", label)
        connection_id = noise(f"connection {label}", 8)
        frames = [gquic.stream_frame(hello[at : at + cut], at) for at in range(0, len(hello), cut)]
        up = [
            Datagram(False, gquic.clear_packet(version, connection_id, frame, number + 1))
            for number, frame in enumerate(frames)
        ]
        rejection = Datagram(True, b"\x08" + connection_id + noise(f"rejection {label}", 900))
        endpoint = (office.address, network.next_port(office.address))
        exchange(network, endpoint, server, [*up, rejection])


def concealing_tunnels(network: Network) -> None:
    """Three tunnels from a machine of the company to a provider of anonymity, and one to its branch."""
    office = Client(network, world.OFFICE)
    port = network.next_port(office.address)
    wireguard = [
        Datagram(False, concealing.wireguard_initiation("w")),
        Datagram(True, concealing.wireguard_response("w")),
        Datagram(False, concealing.wireguard_data("up", 112)),
        Datagram(True, concealing.wireguard_data("down", 1_312)),
    ]
    exchange(network, (office.address, port), _TUNNEL_END._replace(port=51_820), wireguard)
    for reset in (concealing.openvpn_reset("o"), concealing.openvpn_crypt_reset("c", 290)):
        openvpn = [Datagram(False, reset), Datagram(True, b"\x40" + noise(f"reset {len(reset)}", 53))]
        port = network.next_port(office.address)
        exchange(network, (office.address, port), _TUNNEL_END._replace(port=1_194), openvpn)
    begin = [
        Datagram(False, concealing.ike_message("i", _IKE_SA_INIT)),
        Datagram(True, concealing.ike_message("i", _IKE_SA_INIT_ANSWER, answer=True)),
    ]
    exchange(network, (office.address, 500), _TUNNEL_END._replace(port=500), begin)
    moved = [
        Datagram(False, _NO_ESP + concealing.ike_message("i", _IKE_AUTH, number=1, answer=True)),
        Datagram(True, _NO_ESP + concealing.ike_message("i", _IKE_AUTH_ANSWER, number=1, answer=True)),
        Datagram(False, noise("esp", 140)),
    ]
    exchange(network, (office.address, 4_500), _TUNNEL_END._replace(port=4_500), moved)


def assistant_voice(network: Network) -> None:
    """A browser opens an assistant, then talks to an address without a name; another one does that alone."""
    office = Client(network, world.OFFICE)
    office.ask(world.answer_for(world.CHATGPT))
    office.quic(world.CHATGPT)
    for client in (office, Client(network, world.CRM)):
        media = [
            Datagram(False, _stun(0x0001, client.address)),
            Datagram(True, _stun(0x0101, client.address)),
            Datagram(False, b"\x90\x6f" + noise(f"media up {client.address}", 160)),
            Datagram(True, b"\x90\x6f" + noise(f"media down {client.address}", 160)),
        ]
        exchange(network, (client.address, network.next_port(client.address)), _MEDIA_SERVER, media)


def _stun(kind: int, label: str) -> bytes:
    """Return a STUN message without attributes (RFC 8489 section 5)."""
    return struct.pack("!HHI", kind, 0, 0x2112A442) + noise(f"stun {label}", 12)


CASES = (
    Case("assistant-voice", assistant_voice),
    Case("dtls", dtls),
    Case("gquic", gquic_clear),
    Case("concealing-tunnels", concealing_tunnels),
)
