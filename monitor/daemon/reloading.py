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
        self._thread: Thread | None = None
        self._again = False

    @property
    def busy(self) -> bool:
        """Whether a reload goes on."""
        return self._thread is not None

    def begin(self) -> None:
        """Begin to read, or note that it is to be done again."""
        if self._thread is not None:
            self._again = True
            return
        self._thread = Thread(target=self._read, name="reload", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            mend = "allow the daemon more threads (TasksMax= of its unit), and reload again"
            self._results.put(InputError("reload", "the system has no thread left", mend))

    def result(self) -> Knowledge | DocumentError | InputError | None:
        """Return what came of it, once: the knowledge, or why there is none."""
        is_over = self._thread is not None and not self._thread.is_alive()
        try:
            result = self._results.get_nowait()
        except Empty:
            if not is_over:
                return None
            result = InputError(
                "reload", "it broke off, as was said before", "restart the sensor, and report it"
            )
        self._thread = None
        if self._again:
            self._again = False
            self.begin()
        return result

    def _read(self) -> None:
        try:
            self._results.put(self._load())
        except (DocumentError, InputError) as error:
            self._results.put(error)
        except OSError as error:
            where, problem = str(error.filename or "reload"), (error.strerror or str(error)).lower()
            self._results.put(InputError(where, problem, "let the daemon's user read it"))
