"""Parts of a daemon, as many as a test needs, and what they put in the log."""

import json
import os
from pathlib import Path
from typing import Any

from monitor.daemon.health import Health
from monitor.daemon.parts import Parts
from monitor.logs import start_logging
from monitor.metrics import Metrics

SENSOR = "edge"


class Told:
    """A log in a file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log"
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT)
        self._read = 0

    def parts(self, **given: Any) -> Parts:
        """Return parts that log here; those that are not given must not be used."""
        log = start_logging("info", "json", self._descriptor, lambda: 0).log
        unused: dict[str, Any] = dict.fromkeys(Parts.__struct_fields__)
        made = {"metrics": Metrics(SENSOR, 1_000), "health": Health(), "log": log}
        return Parts(**{**unused, **made, **given})

    def new(self) -> list[dict[str, Any]]:
        """Return what was logged since the last call."""
        lines = self._path.read_bytes().splitlines()
        before, self._read = self._read, len(lines)
        return [json.loads(line) for line in lines[before:]]

    def close(self) -> None:
        os.close(self._descriptor)
