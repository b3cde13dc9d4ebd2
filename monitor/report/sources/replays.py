"""Reads what a replay left: its folder, or the decisions.jsonl in it alone."""

import hashlib
from collections import Counter
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.exports import BEHAVIOURS, FINDINGS, SUMMARY
from monitor.files import InputError, unreadable
from monitor.findings.types import Finding
from monitor.rejudge.reading import Reading
from monitor.rejudge.replays import ReplayedRecords
from monitor.report.material import Material
from monitor.report.sources.source import (
    Progress,
    as_read,
    counts,
    identities,
    say_problems,
    sound_of,
    values,
)
from monitor.report.summaries import SummaryRead
from monitor.report.types import Loaded
from sensors.capture import path_text

MAX_SUMMARY_BYTES = 268_435_456
NO_SUMMARY = (
    "there is no summary.json with these decisions: how much could be seen, what was read, and by which"
    " policy they were judged is not known"
)
NO_FINDINGS = "there is no findings.jsonl with these decisions: their findings are not shown"

_summary = msgspec.json.Decoder(SummaryRead)
_finding = msgspec.json.Decoder(Finding)
_behaviour = msgspec.json.Decoder(Behaviour)


class ReplaySource:
    """A replay: a folder, or its decisions alone."""

    def __init__(self, path: Path) -> None:
        """Find the decisions. Raises InputError."""
        self.path = path
        self._folder = path if path.is_dir() else None
        self.length = ReplayedRecords(path).length

    def may_hold(self, tenant: str) -> bool:  # noqa: ARG002  a replay may hold any
        """Tell whether anything of a tenant may be in it."""
        return True

    def read(self, material: Material, progress: Progress) -> tuple[str, ...]:
        """Add all of it to the material. Raises InputError."""
        number, digest, reading = len(material.inputs), hashlib.sha256(), Reading()
        read = self._summary()
        policy = read.versions.policy if read is not None else None
        records = ReplayedRecords(self.path, digest.update)
        connections, counted = counts(
            records, reading, progress, lambda recorded: material.gathering.add(recorded, number, policy)
        )
        found_digest, found_bytes = self._findings(material, number, reading.problems)
        self._behaviours(material, reading.problems)
        found = replace(as_read("replay", self.path, reading, counted), sha256=digest.hexdigest())
        if read is not None:
            self._take(material, read, number, connections)
            found = replace(found, captures=material.captures(read.inputs))
        else:
            material.seeing.unstated(f"{path_text(self.path)}: {NO_SUMMARY}")
        material.inputs.append(found)
        say_problems(material, found)
        return identities(((digest.hexdigest(), records.length), (found_digest, found_bytes)))

    def _take(self, material: Material, read: SummaryRead, number: int, connections: int) -> None:
        material.seeing.summary(read, number, path_text(self.path))
        versions = read.versions
        material.load(
            Loaded(number, None, versions.tool, versions.catalogue, versions.policy, versions.datasets)
        )
        if read.llm_related.flows != connections:
            material.seeing.unstated(
                f"{path_text(self.path)}: its summary.json tells of {read.llm_related.flows:,} "
                f"LLM-related connections, and its decisions.jsonl of {connections:,}"
            )
        if versions.policy is not None and not self._within(FINDINGS).is_file():
            material.seeing.caution(f"{path_text(self.path)}: {NO_FINDINGS}")

    def _summary(self) -> SummaryRead | None:
        """Return the summary, None where there is none. Raises InputError."""
        if self._folder is None:
            return None
        path = self._folder / SUMMARY
        try:
            with path.open("rb") as file:
                content = file.read(MAX_SUMMARY_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        read = sound_of(content, _summary) if len(content) <= MAX_SUMMARY_BYTES else None
        if read is None:
            mend = "name a folder as `residency replay --out` left it, or the decisions.jsonl in it alone"
            raise InputError(str(path), "no summary of a replay", mend)
        return read

    def _findings(self, material: Material, number: int, problems: Counter[str]) -> tuple[str, int]:
        digest, path = hashlib.sha256(), self._within(FINDINGS)
        if self._folder is None or not path.is_file():
            return digest.hexdigest(), 0
        for finding in values(path, _finding, problems, digest.update):
            material.found.stands(finding, number)
        return digest.hexdigest(), path.stat().st_size

    def _behaviours(self, material: Material, problems: Counter[str]) -> None:
        path = self._within(BEHAVIOURS)
        if self._folder is not None and path.is_file():
            for behaviour in values(path, _behaviour, problems):
                material.behave(behaviour)

    def _within(self, name: str) -> Path:
        return (self._folder or self.path.parent) / name
