"""Events for tests: typical ones with their golden files, and any that hypothesis may think of.

`python -m tests.events_kit` renews the golden files.
"""

from pathlib import Path

from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.events import Basis, CheckpointEvent, Event, FindingEvent, SummaryEvent, limits_of, render
from monitor.findings.types import Change, Cure, Finding, Note, Reminder, Sample, Waiver
from monitor.sink_options import Format
from monitor.types import Evidence, Subject
from sensors.observations import FlowKey

FOLDER = Path(__file__).parent / "data" / "events"
FORMATS: tuple[Format, ...] = ("native", "ocsf", "ecs", "cef")
T_NS = 1_773_133_204_001_490_000
HOUR_NS = 3_600_000_000_000
CATALOGUE = "2026-11-23"

VIOLATION = Finding(
    id="f-0123456789abcdef",
    kind="violation",
    subject=Subject("acme", "crm-backend", "crm"),
    rule="RES-030",
    severity="high",
    title="acme/crm-backend reached openai, API: outside policy RES-030",
    opened_ns=T_NS,
    first_ns=T_NS,
    last_ns=T_NS + HOUR_NS,
    deadline_ns=T_NS + 72 * HOUR_NS,
    provider="openai",
    service="API",
    scope="global",
    certainty="observed",
    revision=3,
    count=17,
    bytes_up=48_213,
    bytes_down=120_044,
    clients=("10.20.1.15", "10.20.1.16"),
    client_count=2,
    sample=Sample(
        T_NS,
        FlowKey("10.20.1.15", 49_159, "162.159.140.245", 443, "tcp"),
        "api.openai.com",
        (
            Evidence(
                "name",
                "api.openai.com",
                "the client's hello names api.openai.com, which is API of OpenAI",
                f"catalogue {CATALOGUE}",
            ),
        ),
        (Evidence("geoip", "US", "data set G places 162.159.140.245 in US; it is anycast", "G 2026-11"),),
        ("outside policy RES-030: CRM data is processed in the EEA", "the endpoint is global"),
    ),
    remediation="Use a host that is pinned: eu.api.openai.com.",
    references=("GDPR Art. 44", "Customer contract section 7.2"),
    reminders=(Reminder("breach-assessment", T_NS + 72 * HOUR_NS),),
)
UNDECIDED = Finding(
    id="f-fedcba9876543210",
    kind="indeterminate",
    subject=Subject("acme", "office"),
    rule="RES-040",
    severity="low",
    title="acme/office reached salesforce or snowflake, or no LLM at all: not decided",
    opened_ns=T_NS,
    first_ns=T_NS,
    last_ns=T_NS,
    deadline_ns=T_NS + HOUR_NS,
    possible=("salesforce", "snowflake"),
    count=1,
    clients=("client-00112233445566778899aabbccddeeff",),
    client_count=1,
    sample=Sample(
        T_NS,
        FlowKey("client-00112233445566778899aabbccddeeff", 0, "2001:db8::7", 443, "udp", 12, "vlan 12"),
        None,
    ),
)
RELAY = Finding(
    id="f-00000000000000aa",
    kind="relay-suspected",
    subject=Subject(),
    rule="relay-suspected",
    severity="medium",
    title="10.20.0.5 called an LLM within 2 s of 9 of 10 connections from outside",
    opened_ns=T_NS,
    first_ns=T_NS,
    last_ns=T_NS,
    deadline_ns=T_NS,
    state="cured",
    revision=6,
    cure=Cure(Note(T_NS, "rita", "move it\nbehind the gateway"), "platform team"),
    cured=Note(T_NS + 1, "rita"),
    waiver=Waiver(Note(T_NS, "otto", "until the migration"), "CHG-77", T_NS + HOUR_NS),
)
SUMMARY = SummaryEvent(
    "summary-egress-1-9", T_NS, "egress-1", "acme", "high", 40_000, T_NS - HOUR_NS, T_NS, ("f-1", "f-2")
)
CHECKPOINT = CheckpointEvent(
    "checkpoint-egress-1-acme-9",
    T_NS,
    "egress-1",
    "acme",
    "residency/egress-1/acme\n9\nQUJD\n\n\u2014 residency/egress-1/acme QUJDREVG\n",
)


def event_of(finding: Finding, change: Change | None = None) -> FindingEvent:
    """Return the event of a finding that was opened."""
    change = change or Change("opened", finding.last_ns, "first connection of this kind", finding)
    datasets = ("GeoLite2-Country 2026-11-20",)
    basis = Basis("0.1.0", "egress-1", "acme 2026-03-01", CATALOGUE, datasets, limits_of(change.finding))
    return FindingEvent(change.key, change.at_ns, change, basis)


TYPICAL: dict[str, Event] = {
    "violation": event_of(VIOLATION),
    "indeterminate": event_of(UNDECIDED),
    "closed": event_of(RELAY, Change("closed", T_NS + 2, "rita confirmed the cure", RELAY)),
    "summary": SUMMARY,
    "checkpoint": CHECKPOINT,
}


def golden(name: str, form: Format) -> Path:
    """Return the golden file of a typical event."""
    return FOLDER / f"{name}.{form}"


_text = st.text(max_size=30)
_ns = st.integers(0, 2**63 - 1)
_count = st.integers(0, 2**40)
_address = st.one_of(st.ip_addresses().map(str), st.just("client-0011"))
_port = st.integers(0, 65_535)
_flows = st.builds(FlowKey, client=_address, client_port=_port, server=_address, server_port=_port)
_evidence = st.lists(st.builds(Evidence), max_size=2).map(tuple)
_samples = st.builds(Sample, ts_ns=_ns, flow=_flows, evidence=_evidence)


def _findings() -> st.SearchStrategy[Finding]:
    """Any values of the right types, with addresses where addresses are."""
    return st.builds(
        Finding,
        opened_ns=_ns,
        first_ns=_ns,
        last_ns=_ns,
        deadline_ns=_ns,
        count=_count,
        bytes_up=_count,
        bytes_down=_count,
        client_count=_count,
        revision=_count,
        reopened=_count,
        sample=st.none() | _samples,
        state=...,
        scope=...,
        certainty=...,
        subject=...,
        provider=...,
        service=...,
        region=...,
        possible=...,
        countries=...,
        acknowledged=...,
        cure=...,
        cured=...,
        waiver=...,
        reminders=...,
        remediation=...,
        references=...,
    )


def any_event() -> st.SearchStrategy[Event]:
    """Any event that its types allow: hostile text, all kinds, states and severities."""
    changes = st.builds(Change, at_ns=_ns, finding=_findings())
    bases = st.builds(Basis, policy=..., catalogue=..., datasets=..., limits=...)
    return st.one_of(
        st.builds(FindingEvent, at_ns=_ns, change=changes, basis=bases),
        st.builds(SummaryEvent, at_ns=_ns, events=_count, first_ns=_ns, last_ns=_ns, findings=...),
        st.builds(CheckpointEvent, at_ns=_ns),
    )


def of_kind(finding: Finding, **changed: object) -> FindingEvent:
    """Return the event of a finding with other fields."""
    return event_of(replace(finding, **changed))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, event in TYPICAL.items():
        for form in FORMATS:
            golden(name, form).write_bytes(render(event, form) + b"\n")
