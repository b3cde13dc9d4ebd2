"""A machine behind the tap, with what it does in one line each: ask a name, talk TLS, QUIC or HTTP."""

from collections.abc import Callable
from typing import NamedTuple

from pcaps.builder.dns import Answer, exchange_udp
from pcaps.builder.material import application_data, client_hello, server_flight
from pcaps.builder.network import Network
from pcaps.builder.quic import QuicConversation
from pcaps.builder.tcp import Conversation, Server

Exchange = Callable[[Network, tuple[str, int], Answer], None]


class Talk(NamedTuple):
    """How much is said over a connection, and how long the server thinks before it answers."""

    up_bytes: int = 1_100
    down_bytes: int = 2_800
    think_ms: float = 420


class Client:
    """One machine of the company."""

    def __init__(self, network: Network, address: str) -> None:
        self.network = network
        self.address = address

    def ask(self, answer: Answer, exchange: Exchange = exchange_udp) -> None:
        """Ask the resolver for a name."""
        exchange(self.network, self._endpoint(), answer)

    def connect(self, server: Server) -> Conversation:
        """Return a connection that has not begun."""
        return Conversation(self.network, self._endpoint(), server)

    def connect_quic(self, server: Server) -> QuicConversation:
        """Return a QUIC connection that has not begun."""
        return QuicConversation(self.network, self._endpoint(), server)

    def tls(self, server: Server, talk: Talk = Talk()) -> None:  # noqa: B008  immutable
        """Open a TLS connection, ask one question, get the answer, close."""
        conversation = self.connect(server)
        conversation.open()
        self.secure(conversation, client_hello(server.name, conversation.label), talk)
        conversation.finish()

    def secure(self, conversation: Conversation, hello: bytes, talk: Talk) -> None:
        """Do a TLS handshake that begins with ``hello``, and one question with its answer."""
        conversation.up(hello)
        self.answer(conversation, talk)

    def answer(self, conversation: Conversation, talk: Talk) -> None:
        """Do what follows a ClientHello."""
        conversation.down(server_flight(conversation.label))
        conversation.up(application_data(f"up {conversation.label}", 52 + talk.up_bytes))
        self.network.wait(ms=talk.think_ms)
        conversation.down(application_data(f"down {conversation.label}", talk.down_bytes))
        self.network.wait(ms=20)

    def quic(self, server: Server, talk: Talk = Talk()) -> None:  # noqa: B008  immutable
        """Open a QUIC connection, ask one question, get the answer."""
        conversation = self.connect_quic(server)
        conversation.open()
        conversation.up(talk.up_bytes)
        self.network.wait(ms=talk.think_ms)
        conversation.down(talk.down_bytes)

    def _endpoint(self) -> tuple[str, int]:
        return self.address, self.network.next_port(self.address)
