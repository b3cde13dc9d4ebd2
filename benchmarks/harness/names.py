"""Names found against names there: what each program saw, and what the truth file says was to be seen."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.harness.measure import run_once

Said = tuple[str, int, str, int, str]  # client, its port, server, its port, name


class Truth(NamedTuple):
    """What the generator wrote into the capture."""

    packets: int
    said: frozenset[Said]
    said_to_llms: frozenset[Said]


class Found(msgspec.Struct, frozen=True):
    """How many of the names that were there a program found, and how many that were not there."""

    right: int
    there: int
    invented: int


def read_truth(path: Path) -> Truth:
    """Read a truth file of ``make_traffic.py``."""
    said, said_to_llms = set(), set()
    packets = 0
    for entry in _lines(path):
        if entry["type"] == "totals":
            packets = entry["packets"]
            continue
        one = _said(entry, entry["name"])
        said.add(one)
        if entry["llm"]:
            said_to_llms.add(one)
    return Truth(packets, frozenset(said), frozenset(said_to_llms))


def compare(seen: set[Said], truth: Truth, *, llm_only: bool) -> Found:
    """Count. A program that tells of LLM endpoints alone is asked for no others."""
    there = truth.said_to_llms if llm_only else truth.said
    return Found(len(seen & there), len(there), len(seen - truth.said))


def names_of_script(command: Sequence[str], folder: Path) -> set[Said]:
    """Run a script that knows ``--names`` once more, off the clock, and return the names that it noted."""
    out = folder / "names.jsonl"
    run_once([*command, "--names", str(out)])
    return {_said(entry["flow"], entry["name"]) for entry in _lines(out) if entry["name"]}


def names_of_replay(command: Sequence[str], folder: Path) -> set[Said]:
    """Run the replay once more, off the clock, and return the names read from the wire in its decisions."""
    run_once([*command, "--out", str(folder)], good_statuses=(0, 1))
    connections = [entry["connection"] for entry in _lines(folder / "decisions.jsonl")]
    return {
        _said(connection["flow"], name["value"])
        for connection in connections
        for name in connection["names"]
        if name["source"] != "dns"
    }


def _said(flow: dict[str, Any], name: str) -> Said:
    return (flow["client"], flow["client_port"], flow["server"], flow["server_port"], name)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
