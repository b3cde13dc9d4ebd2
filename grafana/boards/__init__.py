"""The boards, in the order in which a question is followed: what is wrong, with whom, can it be trusted."""

from grafana.board import Board
from grafana.boards import delivery, detail, latency, overview, sensors


def all_boards() -> tuple[Board, ...]:
    """Return every board, made anew."""
    return tuple([each.board() for each in (overview, detail, sensors, delivery, latency)])
