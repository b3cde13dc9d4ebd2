"""Reads policy, catalogues and data sets again, beside the loop; the old stays in use meanwhile."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from monitor.app import Knowledge
from monitor.documents import DocumentError
from monitor.files import InputError

Load = Callable[[], Knowledge]


class Reloading:
    """One reload at a time. What was asked for meanwhile is done once more at its end."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._results: SimpleQueue[Knowledge | DocumentError | InputError] = SimpleQueue()
        self._busy = self._again = False

    def begin(self) -> None:
        """Begin to read, or note that it is to be done again."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        Thread(target=self._read, name="reload", daemon=True).start()

    def result(self) -> Knowledge | DocumentError | InputError | None:
        """Return what came of it, once: the knowledge, or why there is none."""
        try:
            result = self._results.get_nowait()
        except Empty:
            return None
        self._busy = False
        if self._again:
            self._again = False
            self.begin()
        return result

    def _read(self) -> None:
        try:
            self._results.put(self._load())
        except (DocumentError, InputError) as error:
            self._results.put(error)
