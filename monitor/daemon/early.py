"""What is otherwise loaded when it is first needed, loaded while the process still may.

A confined process, of another user, may find that it cannot read the installation, or memory for code.
"""

from contextlib import suppress
from importlib import import_module

from monitor.settings import Settings

ALWAYS = ("sqlite3", "encodings.idna")
DATA = "encodings.ascii", "maxminddb", "monitor.datasets.building", "zstandard"
FOLDER = "encodings.ascii", "sensors._native", "sensors.live_folder", "zstandard"


def load_early(settings: Settings) -> None:
    """Load what a reload may need of the first time (data sets that were not there yet at the start).

    And what a folder of captures needs, which is opened as the user who is left.
    """
    names = (
        ALWAYS + (DATA if settings.data is not None else ()) + (FOLDER if settings.watch is not None else ())
    )
    for name in names:
        with suppress(ImportError):
            import_module(name)
