"""What a policy can care about: the flows that an engine has to hand out. All others it may only count.

Wider than need be is harmless, narrower is wrong: the monitor decides on what is handed out, and what comes
of it is the same with and without an interest.
"""

import msgspec


class Interest(msgspec.Struct, frozen=True):
    """A flow is of interest where any of these fits.

    ``names`` are host names and patterns as in the catalogue, in lower case: they are held against every name
    of a flow, and every alias. ``prefixes`` are in CIDR notation, for the servers' addresses, and for those
    that stand in a name's place; ``client_prefixes`` likewise, for the clients' addresses. ``server_ports``
    and ``alpn`` (what a hello offers) take all flows that have them. ``signalling`` are names and patterns of
    hosts at which voice and video are arranged: the media that follows is told of them. ``resolvers`` are
    prefixes of clients that ask in others' place. Flows whose name is concealed, or that were announced in an
    unusual way, are always handed out.
    """

    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    server_ports: tuple[int, ...] = ()
    alpn: tuple[str, ...] = ()
    signalling: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    client_prefixes: tuple[str, ...] = ()
