"""How each kind of flow begins and ends, packet by packet, as tables that numpy can look up."""

from typing import NamedTuple

import numpy as np

from benchmarks.traffic.model import Array, Close, Flag, Kind

MESSAGE = 0xFFFF  # in the column of sizes: a message made for this flow, see ``messages``
_S, _SA, _A = Flag.SYN, Flag.SYN | Flag.ACK, Flag.ACK
_PA, _FA, _RA = Flag.PSH | Flag.ACK, Flag.FIN | Flag.ACK, Flag.RST | Flag.ACK


class Step(NamedTuple):
    """One packet: its direction, control bits, payload and distance from the packet before it."""

    up: bool
    flags: int
    size_bytes: int
    rtts: int = 0
    us: int = 20


_HANDSHAKE = (Step(True, _S, 0), Step(False, _SA, 0, rtts=1), Step(True, _A, 0, us=40))
_TLS_ANSWER = (
    Step(False, _A, 0, rtts=1),
    Step(False, _A, 1_400, us=250),
    Step(False, _PA, 1_130, us=12),
    Step(True, _A, 0, us=30),
    Step(True, _PA, 780, us=400),
    Step(False, _A, 0, rtts=1),
)
_QUIC_ANSWER = (
    Step(False, 0, MESSAGE, rtts=1),
    Step(False, 0, MESSAGE, us=60),
    Step(True, 0, MESSAGE, us=200),
    Step(True, 0, 310, us=150),
)
HEADS: dict[Kind, tuple[Step, ...]] = {
    Kind.TLS: (*_HANDSHAKE, Step(True, _PA, MESSAGE, us=90), *_TLS_ANSWER),
    Kind.TLS_SPLIT: (
        *_HANDSHAKE,
        Step(True, _A, MESSAGE, us=90),
        Step(True, _PA, MESSAGE, us=8),
        *_TLS_ANSWER,
    ),
    Kind.QUIC: (Step(True, 0, MESSAGE), *_QUIC_ANSWER),
    Kind.QUIC_SPLIT: (Step(True, 0, MESSAGE), Step(True, 0, MESSAGE, us=10), *_QUIC_ANSWER),
    Kind.HTTP: (*_HANDSHAKE, Step(True, _PA, MESSAGE, us=90), Step(False, _A, 0, rtts=1)),
    Kind.DNS: (Step(True, 0, MESSAGE), Step(False, 0, MESSAGE, rtts=1)),
    Kind.UDP: (Step(True, 0, 48), Step(False, 0, 48, rtts=1)),
}
# The step that carries the client's first payload.
FIRST_MESSAGE = {
    kind: next(at for at, step in enumerate(head) if step.size_bytes) for kind, head in HEADS.items()
}
TAILS: dict[Close, tuple[Step, ...]] = {
    Close.FIN: (Step(True, _FA, 0, us=900), Step(False, _FA, 0, rtts=1), Step(True, _A, 0, us=30)),
    Close.RST: (Step(True, _RA, 0, us=900),),
    Close.OPEN: (),
}
_WIDTH = 16


class Table(NamedTuple):
    """Steps as columns; the row of step ``n`` of script ``s`` is ``s * 16 + n``."""

    up: Array
    flags: Array
    size: Array
    rtts: Array
    us: Array

    @staticmethod
    def row(script: Array, step: Array) -> Array:
        """Return the rows of steps of scripts."""
        rows: Array = script.astype(np.int64) * _WIDTH + step
        return rows


def _table(scripts: list[tuple[Step, ...]]) -> Table:
    empty = Step(False, 0, 0)
    steps = [step for script in scripts for step in (*script, *[empty] * (_WIDTH - len(script)))]
    return Table(*(np.array(column) for column in zip(*steps, strict=True)))


HEAD_TABLE = _table([HEADS[kind] for kind in Kind])
TAIL_TABLE = _table([TAILS[close] for close in Close])
HEAD_LENGTHS: Array = np.array([len(HEADS[kind]) for kind in Kind])
TAIL_LENGTHS: Array = np.array([len(TAILS[close]) for close in Close])
