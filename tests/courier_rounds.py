"""Starts couriers quickly, to be killed: ``python -m tests.courier_rounds CONFIG``.

For each line on stdin a child is forked that does what `residency deliver` does; its number is printed, and
an empty line when it has ended.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from monitor.courier.runner import Mission, run
from monitor.settings import load_settings


def main(config: Path) -> None:
    """Fork a courier for each line."""
    settings = load_settings(config)
    for name in ("jsonl", "webhook"):  # not by each child anew
        import_module(f"monitor.sinks.{name}")
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(run(Mission(settings, lambda: load_settings(config))))
        print(child, flush=True)  # noqa: T201  to the test
        os.waitpid(child, 0)
        print(flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
