"""What a policy can care about: the flows that an engine has to hand out. All others it may only count.

Wider than need be is harmless, narrower is wrong: the monitor decides on what is handed out, and what comes
of it is the same with and without an interest.
"""

import msgspec

MAX_GROUPS = 4_096  # counted apart


class Interest(msgspec.Struct, frozen=True):
    """A flow is of interest where any of these fits.

    ``names`` are host names and patterns as in the catalogue, in lower case: they are held against every name
    of a flow, and every alias. ``prefixes`` are in CIDR notation, for the servers' addresses, and for those
    that stand in a name's place; ``client_prefixes`` likewise, for the clients' addresses. ``server_ports``
    and ``alpn`` (what a hello offers) take all flows that have them. ``signalling`` are names and patterns of
    hosts at which voice and video are arranged: the media that follows is told of them. ``resolvers`` are
    prefixes of clients that ask in others' place. Flows whose name is concealed, or that were announced in an
    unusual way, are always handed out.

    What is only counted, is counted by group: ``groups`` are prefixes in CIDR notation for the clients'
    addresses, each with a number below MAX_GROUPS; the longest wins, and 0 is of those that none holds.
    ``hosting`` are prefixes where LLM endpoints are hosted: flows without a name there are counted apart.
    """

    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    server_ports: tuple[int, ...] = ()
    alpn: tuple[str, ...] = ()
    signalling: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    client_prefixes: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    hosting: tuple[str, ...] = ()
