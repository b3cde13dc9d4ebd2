"""Facts for the tests of reports: those of the demo capture, by a real replay."""

import tempfile
from functools import cache
from pathlib import Path

import msgspec

from monitor import app, replaying
from monitor.findings import finding_id
from monitor.report.types import (
    Bucket,
    ExceptionUsed,
    Facts,
    Found,
    GroupSeen,
    Input,
    Judgement,
    Loaded,
    People,
    Period,
    PolicyText,
    Reference,
    Seen,
    SensorSeen,
    Step,
    Timeline,
)
from monitor.tally import evident_name
from monitor.types import Decision

ROOT = Path(__file__).parents[1]
CAPTURE, POLICY = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"


@cache
def demo_facts() -> Facts:
    """Return the facts of the demo."""
    known = app.load_knowledge(POLICY)
    with tempfile.TemporaryDirectory() as folder:
        done = replaying.replay([CAPTURE], known, replaying.Reading("dpkt"), Path(folder))
        lines = (Path(folder) / "decisions.jsonl").read_bytes().splitlines()
    decisions = [msgspec.json.decode(line, type=Decision) for line in lines]
    summary = done.summary
    width = 1_000_000_000
    counts: dict[int, dict[Judgement, int]] = {}
    for each in decisions:
        bucket = counts.setdefault(each.ts_ns // width * width, {})
        name: Judgement = each.outcome or "inventory"
        bucket[name] = bucket.get(name, 0) + 1
    found = []
    for finding in done.findings:
        references = [
            Reference(
                0,
                index,
                each.ts_ns,
                each.connection.flow,
                name.value if name else None,
                each.connection.totals.bytes_up,
                each.connection.totals.bytes_down,
            )
            for index, each in enumerate(decisions)
            if finding_id(each) == finding.id
            for name in (evident_name(each.connection),)
        ]
        found.append(
            Found(finding, 0, tuple(references[:5]), (Step(finding.opened_ns, "opened", finding.title),))
        )
    used = [each for each in summary.destinations if each.key.outcome == "excepted"]
    exceptions = tuple(
        ExceptionUsed(
            "EX-0",
            summary.versions.policy,
            row.count,
            row.first_ns,
            row.last_ns,
            (f"{row.key.tenant}/{row.key.source_group}",),
        )
        for row in used
    )
    accounting = summary.accounting
    sensor = SensorSeen(
        "replay", 0, accounting.first_ns, accounting.last_ns, accounting.read.packets, summary.gaps
    )
    first, last = decisions[0].ts_ns, decisions[-1].ts_ns
    return Facts(
        title="Egress to LLM providers",
        tenant=None,
        period=Period(),
        seen_period=Period(first, last),
        inputs=(
            Input("replay", "demo/out", len(decisions), None, "0" * 64, None, ("pcaps/demo/traffic.pcap",)),
        ),
        loaded=(
            Loaded(
                0,
                None,
                summary.versions.tool,
                summary.versions.catalogue,
                summary.versions.policy,
                summary.versions.datasets,
            ),
        ),
        policies=(PolicyText(summary.versions.policy or "", None, POLICY.read_text(encoding="utf-8")),),
        seen=Seen(
            summary.coverage_statement,
            summary.connections,
            summary.named,
            summary.coverage,
            summary.concealing,
            summary.ech_offered,
            summary.address_hosting,
            tuple(
                GroupSeen(each.tenant, each.source_group, each.connections, each.named)
                for each in summary.coverage_by_group
            ),
            (sensor,),
            complete=summary.complete,
        ),
        related=summary.llm_related,
        outcomes=summary.outcomes,
        destinations=summary.destinations,
        timeline=Timeline(width, tuple(Bucket(at, counts[at]) for at in sorted(counts))),
        findings=tuple(found),
        exceptions=exceptions,
        behaviours=summary.behaviours or (),
        people=People(),
        limits=summary.limits,
        tool=summary.versions.tool,
    )
