"""The programs of the stack: their commands, and how to install what is not here."""

import shutil
import sys
from pathlib import Path

import click

from tools.stack.addresses import HOST, Addresses
from tools.stack.places import Places

RETENTION = "2d"  # of what Prometheus keeps


def find() -> tuple[str, str]:
    """Return where Prometheus and Alertmanager are. Raises ClickException."""
    prometheus = shutil.which("prometheus")
    alertmanager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    missing = {"prometheus": prometheus, "prometheus-alertmanager": alertmanager}
    names = [name for name, path in missing.items() if path is None]
    if prometheus is None or alertmanager is None:
        raise click.ClickException(
            f"not installed: {' and '.join(names)}; on Debian: apt-get install --no-install-recommends "
            f"{' '.join(names)}; elsewhere from https://prometheus.io/download/, put on PATH"
        )
    return prometheus, alertmanager


def prometheus(program: str, places: Places, addresses: Addresses) -> list[str]:
    """Return the command that runs Prometheus."""
    return [
        program,
        f"--config.file={places.folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={places.folder / 'prometheus'}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address={HOST}:{addresses.prometheus}",
    ]


def alertmanager(program: str, places: Places, addresses: Addresses) -> list[str]:
    """Return the command that runs Alertmanager, alone: it looks for no peers."""
    return [
        program,
        f"--config.file={places.folder / 'alertmanager.yml'}",
        f"--storage.path={places.folder / 'alertmanager'}",
        f"--web.listen-address={HOST}:{addresses.alertmanager}",
        "--cluster.listen-address=",
    ]


def residency(command: str, folder: Path) -> list[str]:
    """Return the command of the daemon or the courier."""
    return [sys.executable, "-m", "monitor", command, "--config", str(folder / "residency.yaml")]
