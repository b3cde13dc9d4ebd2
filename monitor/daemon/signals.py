"""What signals ask of the daemon. They are noted when they come, and obeyed by the loop.

SIGTERM and SIGINT end it, SIGHUP reads policy, catalogues and data sets again, SIGUSR1 prints a status line.
"""

import signal
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)


class Wishes:
    """What was asked for and not yet done."""

    def __init__(self) -> None:
        self.end = False
        self._reload = False
        self._status = False

    def listen(self) -> None:
        """Take the process's signals, on its main thread."""
        for number in (*ENDING, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, self._note)

    def take_reload(self) -> bool:
        """Tell whether a reload was asked for, once."""
        asked, self._reload = self._reload, False
        return asked

    def take_status(self) -> bool:
        """Tell whether a status line was asked for, once."""
        asked, self._status = self._status, False
        return asked

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in ENDING:
            self.end = True
        elif number == signal.SIGHUP:
            self._reload = True
        else:
            self._status = True
