"""What a case is: what happens on the network, and the form of the capture file."""

from collections.abc import Callable
from typing import NamedTuple

from pcaps.builder.container import Record, pcap
from pcaps.builder.network import Network

Pack = Callable[[list[Record]], bytes]


class Case(NamedTuple):
    """One folder of ``pcaps/``: ``play`` lets things happen on ``network()``, ``pack`` makes the file."""

    name: str
    play: Callable[[Network], None]
    pack: Pack = pcap
    file_name: str = "traffic.pcap"
    network: Callable[[], Network] = Network

    @property
    def path(self) -> str:
        """The capture's path below ``pcaps/``."""
        return f"{self.name}/{self.file_name}"

    def build(self) -> bytes:
        """Return the capture file."""
        network = self.network()
        self.play(network)
        return self.pack(network.records)
