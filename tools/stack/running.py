"""Starts the programs of the stack in order, waits for each, and feeds them until a signal comes."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator

import click

from pcaps.builder.container import Record
from tools.stack import programs
from tools.stack.addresses import Addresses
from tools.stack.children import Children
from tools.stack.feeder import Feeder
from tools.stack.places import Owner, Places

READY_SECONDS = 60.0
FEED_SECONDS = 2.0
_POLL_SECONDS = 0.1
UP = "up{job='residency'} == 1"


def start(children: Children, places: Places, addresses: Addresses) -> None:
    """Start all programs, each when those that it needs are ready. Raises ClickException."""
    prometheus, alertmanager = programs.find()
    children.start("alertmanager", programs.alertmanager(alertmanager, places, addresses), places.owner)
    children.start("residency-run", programs.residency("run", places.folder), Owner())
    children.start("prometheus", programs.prometheus(prometheus, places, addresses), places.owner)
    ready(children, "Alertmanager", lambda: answers(addresses.url("alertmanager") + "/-/ready"))
    ready(children, "residency run", lambda: answers(addresses.url("metrics") + "/readyz"))
    children.start("residency-deliver", programs.residency("deliver", places.folder), Owner())
    ready(children, "Prometheus", lambda: answers(addresses.url("prometheus") + "/-/ready"))
    ready(children, "a first scrape", lambda: bool(asked(addresses, UP)))


def feed(children: Children, places: Places, traffic: Iterator[Record]) -> None:
    """Feed traffic as time passes, until an exception comes. Raises ClickException where a program ends."""
    feeder = Feeder(places.captures, traffic)
    while True:
        feeder.feed(time.time_ns())
        until = time.monotonic() + FEED_SECONDS
        while time.monotonic() < until:
            children.check()
            time.sleep(_POLL_SECONDS)


def ready(children: Children, what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so. Raises ClickException where it takes too long, or a program ends."""
    end = time.monotonic() + READY_SECONDS
    while not is_so():
        children.check()
        if time.monotonic() > end:
            raise click.ClickException(f"{what} was not ready in {READY_SECONDS:.0f} seconds; see the logs")
        time.sleep(_POLL_SECONDS)


def answers(url: str) -> bool:
    """Whether an address answers, and does not refuse."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  an address of our own
            return bool(answer.status == 200)
    except OSError:
        return False


def asked(addresses: Addresses, query: str) -> list[object]:
    """Return what Prometheus finds now."""
    url = f"{addresses.url('prometheus')}/api/v1/query?query={urllib.parse.quote(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  an address of our own
            found: list[object] = json.load(answer)["data"]["result"]
    except OSError:
        return []
    return found
