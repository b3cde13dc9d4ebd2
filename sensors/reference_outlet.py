"""Where the reference engine's observations go: to who judges here, to be published, or both. Pure."""

from collections.abc import Sequence

from sensors.connections import Counted
from sensors.interest import Interest
from sensors.live import Manner
from sensors.observations import Observation
from sensors.publishing import Published, Publisher


class ReferenceOutlet:
    """Takes observations; hands them on, whatever the interest, where that was asked."""

    def __init__(self, manner: Manner) -> None:
        publishing = manner.publishing
        self._publisher = Publisher(publishing, manner.interest) if publishing is not None else None
        self._judges = publishing is None or publishing.judge

    def handed_on(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Take observations; return those to judge."""
        if self._publisher is not None:
            self._publisher.take(observations)
        return observations if self._judges else ()

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        return self._publisher.published(cut=cut) if self._publisher is not None else Published()

    def retarget(self, interest: Interest) -> Counted:
        """Have other names go to everybody; nothing was counted before."""
        if self._publisher is not None:
            self._publisher.retarget(interest)
        return Counted()
