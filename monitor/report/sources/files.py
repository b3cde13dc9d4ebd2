"""Reads findings alone: the findings.jsonl of a replay, or what `residency findings export` writes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitor.events.types import Basis, FindingEvent
from monitor.files import InputError, unreadable
from monitor.findings.types import Finding
from monitor.rejudge.lines import bounded_lines
from monitor.rejudge.reading import MALFORMED, TOO_LONG, Reading
from monitor.report.material import Material
from monitor.report.sources.source import (
    MAX_LINE_BYTES,
    Progress,
    as_read,
    identities,
    say_problems,
    sound_of,
)
from monitor.report.types import Loaded
from sensors.capture import path_text

FINDINGS_ALONE = (
    "findings alone were read there: neither how much could be seen is known from them, nor what was within"
    " policy"
)

_finding = msgspec.json.Decoder(Finding)
_event = msgspec.json.Decoder(FindingEvent)


class FindingsSource:
    """A file of findings, one a line."""

    def __init__(self, path: Path) -> None:
        """Find the file. Raises InputError."""
        self.path = path
        try:
            self.length = path.stat().st_size
        except OSError as error:
            raise unreadable(path, error) from None

    def may_hold(self, tenant: str) -> bool:  # noqa: ARG002  a file may hold any
        """Tell whether anything of a tenant may be in it."""
        return True

    def read(self, material: Material, progress: Progress) -> tuple[str, ...]:
        """Add all of it to the material. Raises InputError."""
        number, digest, reading = len(material.inputs), hashlib.sha256(), Reading()
        loaded: dict[Loaded, None] = {}
        found = 0
        try:
            with self.path.open("rb") as file:
                for line in bounded_lines(file, MAX_LINE_BYTES, digest.update):
                    progress(len(line))
                    for finding, basis in _said(line, reading):
                        found += 1
                        material.found.stands(finding, number)
                        if basis is not None and len(loaded) < MAX_BASES:
                            loaded.update(dict.fromkeys(_loaded(basis, number)))
        except OSError as error:
            raise unreadable(self.path, error) from None
        if self.length and not found:
            mend = "name a findings.jsonl, or what `residency findings export` writes"
            raise InputError(str(self.path), "no line of it is a finding", mend)
        for each in loaded:
            material.load(each)
        material.seeing.unstated(f"{path_text(self.path)}: {FINDINGS_ALONE}")
        material.inputs.append(replace(as_read("findings", self.path, reading, 0), sha256=digest.hexdigest()))
        say_problems(material, material.inputs[-1])
        return identities([(digest.hexdigest(), self.length)])


MAX_BASES = 1_000  # what findings say that they rest on


def _said(line: bytes, reading: Reading) -> Iterator[tuple[Finding, Basis | None]]:
    """Yield the finding of a line, with what it rests on where that is said; else count why not."""
    if len(line) > MAX_LINE_BYTES:
        reading.problems[TOO_LONG] += 1
        return
    finding = sound_of(line, _finding)
    if finding is not None:
        yield finding, None
        return
    event = sound_of(line, _event)
    if event is not None:
        yield event.change.finding, event.basis
    else:
        reading.problems[MALFORMED] += 1


def _loaded(basis: Basis, number: int) -> Iterator[Loaded]:
    if basis.catalogue is not None:
        yield Loaded(number, None, basis.tool, basis.catalogue, basis.policy, basis.datasets)
