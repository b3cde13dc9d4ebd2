"""Whether an address lies in one of some networks; answers are kept, as the same few are asked for."""

from collections.abc import Iterable
from functools import lru_cache

from monitor.catalog.hostmatch import AddressIndex
from monitor.policy.networks import Network

CACHE = 65_536


class Addresses:
    """A set of networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        index: AddressIndex[bool] = AddressIndex()
        for network in networks:
            index.add(network, value=True)
        self.hold = lru_cache(CACHE)(lambda address: index.match(address) is not None)
