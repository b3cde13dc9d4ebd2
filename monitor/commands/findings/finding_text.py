"""One finding in plain words, made for 80 columns: what was seen leads, what to do ends. Pure.

Names come from the network and notes from people, so everything is written in characters that print.
"""

from collections.abc import Iterator, Sequence

import click

from monitor.commands.terminal import labelled, printable
from monitor.events.limits import limits_of
from monitor.events.types import Basis
from monitor.findings.types import Change, Finding, Note
from monitor.wording import describe_place, moment, plural, size

MAX_HISTORY = 50  # steps, the last of them
MAX_CLIENTS = 8
_STATES = {
    "open": "open: nobody has said anything yet",
    "acknowledged": "acknowledged: somebody looks into it",
    "curing": "a cure is under way",
    "cured": "cured, as a person confirmed",
    "lapsed": "open, and its deadline has passed",
    "excepted": "excepted: it is put up with for a time",
}
_KINDS = {
    "violation": "outside policy",
    "indeterminate": "the evidence does not decide whether it is within policy",
}


def lines(finding: Finding, history: Sequence[Change], basis: Basis | None, columns: int) -> Iterator[str]:
    """Yield the lines about a finding, its history (which may be empty) and what it rests on."""

    def fact(label: str, value: str) -> str:
        return labelled(label, value, columns)

    def paragraphs(title: str, pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
        found = list(pairs)
        if found:
            yield ""
            yield click.style(title, bold=True)
            yield from (fact(label, value) for label, value in found)

    yield click.style(f"Finding {finding.id}", bold=True)
    yield fact("", finding.title)
    yield from (fact(label, value) for label, value in _facts(finding))
    yield from paragraphs("Evidence", _evidence(finding))
    yield from paragraphs("What this cannot show", _limits(finding))
    yield from paragraphs("Clocks", _clocks(finding))
    yield from paragraphs("What people said", _said(finding))
    yield from paragraphs("History", _history(history))
    yield from paragraphs("Rests on", _basis(basis))
    yield from paragraphs("What you can do", _next(finding))


def _facts(finding: Finding) -> Iterator[tuple[str, str]]:
    subject = finding.subject
    yield "state", _STATES[finding.state]
    yield "severity", f"{finding.severity}; {_KINDS.get(finding.kind, finding.kind)}"
    yield "rule", finding.rule
    who = "/".join(part for part in (subject.tenant, subject.source_group) if part)
    yield "who", f"{who or 'no source group'}{f', data: {subject.data_class}' if subject.data_class else ''}"
    reached = finding.provider or " or ".join(finding.possible) or "unknown: the name is concealed"
    yield "reached", f"{reached}, {finding.service}" if finding.service else reached
    place = describe_place(finding.scope, finding.region, finding.countries)
    yield "where", f"{place} [{finding.certainty}]"
    up, down = size(finding.bytes_up), size(finding.bytes_down)
    yield "traffic", f"{plural(finding.count, 'connection')}, {up} up, {down} down"
    yield "seen", f"{moment(finding.first_ns)} to {moment(finding.last_ns)} UTC"
    if finding.client_count:
        named = finding.clients[:MAX_CLIENTS]
        rest = finding.client_count - len(named)
        more = f" and {'more than ' if finding.clients_capped else ''}{rest:,} more" if rest else ""
        yield "clients", f"{', '.join(named)}{more}"
    if finding.reopened:
        yield "reopened", "once" if finding.reopened == 1 else f"{finding.reopened:,} times"


def _evidence(finding: Finding) -> Iterator[tuple[str, str]]:
    sample = finding.sample
    if sample is None:
        return
    server = f"{sample.flow.server} port {sample.flow.server_port}/{sample.flow.transport}"
    named = f", as {sample.server_name}" if sample.server_name else ""
    yield "first", f"{moment(sample.ts_ns)} UTC, {sample.flow.client} to {server}{named}"
    for label, found in (("for", sample.evidence), ("against", sample.conflicts)):
        for index, each in enumerate(found):
            yield label if not index else "", f"- {each.says} [{each.kind}: {each.value}; {each.dataset}]"
    for index, reason in enumerate(sample.reasons):
        yield "because" if not index else "", f"- {reason}"


def _limits(finding: Finding) -> Iterator[tuple[str, str]]:
    for limit in limits_of(finding):
        yield "", f"- {limit}"


def _clocks(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "opened", f"{moment(finding.opened_ns)} UTC"
    yield "cure by", f"{moment(finding.deadline_ns)} UTC"
    for each in sorted(finding.reminders, key=lambda reminder: reminder.due_ns):
        told = ", reminded" if each.told else ""
        says = f": {each.says}" if each.says else ""
        yield "reminder", f"{moment(each.due_ns)} UTC{told}, {each.name}{says}"


def _said(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.acknowledged is not None:
        yield "looked at", _note(finding.acknowledged)
    if finding.cure is not None:
        yield "cure", f"{_note(finding.cure.note)}; owner: {finding.cure.owner_role}"
    if finding.waiver is not None:
        over = ", which is over" if finding.waiver.over else ""
        until = f"until {moment(finding.waiver.until_ns)} UTC{over}"
        yield "excepted", f"{_note(finding.waiver.note)}; ticket {finding.waiver.ticket}, {until}"
    if finding.cured is not None:
        yield "cured", _note(finding.cured)
    if finding.silence is not None:
        since, until = moment(finding.silence.since_ns), moment(finding.silence.until_ns)
        covered = f"{finding.silence.covered_share * 100:.2f} %"
        yield "", f"no such connection from {since} to {until} UTC; sensors covered {covered} of that time"


def _note(note: Note) -> str:
    said = f": {note.text}" if note.text else ""
    return f"{moment(note.at_ns)} UTC, {note.by}{said}"


def _history(history: Sequence[Change]) -> Iterator[tuple[str, str]]:
    if len(history) > MAX_HISTORY:
        yield "", f"{len(history) - MAX_HISTORY:,} earlier steps are in the ledger"
    for each in history[-MAX_HISTORY:]:
        yield each.what, f"{moment(each.at_ns)} UTC: {each.why}"


def _basis(basis: Basis | None) -> Iterator[tuple[str, str]]:
    if basis is None:
        return
    yield "sensor", f"{basis.sensor}, Residency Monitor {basis.tool}"
    if basis.policy is not None:
        yield "policy", basis.policy
    if basis.catalogue is not None:
        yield "catalogue", basis.catalogue
    for each in basis.datasets:
        yield "data set", each


def _next(finding: Finding) -> Iterator[tuple[str, str]]:
    id_ = finding.id
    if finding.remediation:
        yield "remediation", finding.remediation
    if finding.references:
        yield "references", "; ".join(finding.references)
    steps = {
        "ack": f"residency findings ack {id_}: say that you look into it",
        "cure": f"residency findings cure {id_} --plan TEXT --owner-role ROLE: say what is done about it",
        "confirm": f"residency findings confirm {id_} --note TEXT: say that it is cured, once all is silent",
        "except": f"residency findings except {id_} --ticket T --until DATE --reason TEXT: put up with it",
        "reopen": f"residency findings reopen {id_} --note TEXT: open it again",
    }
    offered = {
        "open": ("ack", "cure", "except"),
        "acknowledged": ("cure", "except"),
        "curing": ("confirm", "except"),
        "lapsed": ("cure", "confirm", "except"),
        "cured": ("reopen",),
        "excepted": ("confirm", "reopen"),
    }
    for step in offered[finding.state]:
        yield step, printable(steps[step])
