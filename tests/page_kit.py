"""What the tests of the report's page share: hostile, huge and empty facts, and a page taken apart."""

from html.parser import HTMLParser

from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.counts import FlowCount
from monitor.findings.types import Cure, Note, Waiver
from monitor.report.types import (
    Checkpoint,
    Facts,
    Found,
    Input,
    Loaded,
    People,
    Period,
    PolicyText,
    Seen,
    Timeline,
)
from sensors.observations import Count
from tests.report_kit import demo_facts

HOSTILE = (
    '</script><img src=x onerror="alert(1)">',
    "</style></textarea><!--",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe \u2066bidi\u2069",
    "nul\x00 esc\x1b[31m bell\x07 half\ud800",
    "w" * 3_000,
)
VOID = {"meta", "br", "input", "img", "link", "hr"}
SVG_VOID = {"path", "rect", "circle", "line", "use", "polygon", "polyline", "ellipse"}


def empty_facts() -> Facts:
    """Return facts of inputs in which nothing was seen at all."""
    facts = demo_facts()
    none = {name: FlowCount() for name in facts.seen.coverage}
    kinds = {name: FlowCount() for name in facts.seen.concealing}
    seen = Seen(
        "no connection was seen at all", FlowCount(), FlowCount(), none, kinds, FlowCount(), FlowCount()
    )
    return replace(
        inventory_facts(),
        seen_period=Period(),
        inputs=(),
        loaded=(),
        seen=seen,
        related=FlowCount(),
        destinations=(),
        timeline=Timeline(1),
        limits=(),
    )


def inventory_facts() -> Facts:
    """Return the facts of the demo as they would be without a policy."""
    facts = demo_facts()
    rows = tuple(
        replace(row, key=replace(row.key, outcome=None, rule=None, severity=None), reasons=())
        for row in facts.destinations
    )
    buckets = tuple(
        replace(each, counts={"inventory": sum(each.counts.values())}) for each in facts.timeline.buckets
    )
    return replace(
        facts,
        outcomes=None,
        policies=(),
        destinations=rows,
        timeline=replace(facts.timeline, buckets=buckets),
        findings=(),
        exceptions=(),
        behaviours=(),
    )


def watched_facts() -> Facts:
    """Return facts with what a replay has none of: windows, behaviours, what people did, what bounds cut."""
    facts = demo_facts()
    (sensor,) = facts.seen.sensors
    blind = replace(
        sensor,
        name="sensor-1",
        lost={"ring": Count(7)},
        watched_ns=20_000_000_500,
        unseen=((1_773_133_200_000_000_000, 1_773_133_280_000_000_000),),
        blind=("the ring was full",),
    )
    seen = replace(
        facts.seen,
        sensors=(blind,),
        bytes_known=False,
        concealing={**facts.seen.concealing, "doh": FlowCount(3)},
    )
    note = Note(1_773_133_200_000_000_000, "someone")
    first, second, *rest = facts.findings
    waiver = Waiver(note, "T-1", 1_773_133_200_000_000_000)
    cure = Cure(replace(note, text="under way"), "DPO")
    behaviour = Behaviour(
        kind="dual-exposure",
        id="0" * 16,
        severity="high",
        first_ns=note.at_ns,
        last_ns=note.at_ns,
        subject=first.finding.subject,
        source=None,
        what="one group reached a sovereign and another endpoint",
        counts={"within-policy": 2, "outside-policy": 1},
        bytes_up=1_000,
        rests_on=(),
    )
    return replace(
        facts,
        seen=seen,
        inputs=(
            Input("ledger", "demo", 32, checkpoint=Checkpoint("o", 1, "cm9vdA==", "k"), erased={"crm": 3}),
        ),
        loaded=(Loaded(0, note.at_ns, "1", "cat-1", "eu-crm@1"),),
        policies=(PolicyText("eu-crm@1"),),
        findings=(
            replace(first, finding=replace(first.finding, state="excepted", waiver=waiver)),
            replace(second, finding=replace(second.finding, state="curing", cure=cure)),
            *rest,
        ),
        behaviours=(behaviour,),
        people=People(5, addresses=True),
        left_out={"folded-destinations": 2},
    )


def hostile_facts(text: str) -> Facts:
    """Return the facts of the demo with a text wherever the wire, a policy or a path may put one."""
    facts = demo_facts()
    return replace(
        facts,
        title=text,
        tenant=text,
        inputs=tuple(replace(each, name=text, captures=(text,), problems={text: 1}) for each in facts.inputs),
        loaded=tuple(replace(each, policy=text, datasets=(text,)) for each in facts.loaded),
        policies=tuple(replace(each, version=text, text=text) for each in facts.policies),
        seen=replace(
            facts.seen,
            cautions=(text,),
            sensors=tuple(replace(each, name=text, blind=(text,)) for each in facts.seen.sensors),
        ),
        destinations=tuple(
            replace(
                row,
                key=replace(row.key, source_group=text, provider=text, service=text, region=text, rule=text),
                name=text,
                evidence=(text,),
            )
            for row in facts.destinations
        ),
        findings=tuple(_hostile(each, text) for each in facts.findings),
    )


def _hostile(found: Found, text: str) -> Found:
    finding = replace(
        found.finding, id=text, title=text, rule=text, provider=text, remediation=text, references=(text,)
    )
    references = tuple(
        replace(each, server_name=text, flow=replace(each.flow, server=text)) for each in found.references
    )
    return replace(found, finding=finding, references=references)


def huge_facts(destinations: int = 2_000, findings: int = 1_000) -> Facts:
    """Return facts with as many rows as a report may have, all different."""
    facts = demo_facts()
    rows = tuple(
        replace(
            row,
            key=replace(row.key, source_group=f"group-{at}", region=f"region-{at % 50}"),
            name=f"endpoint-{at:06}.some-longer-region-name.provider.example",
        )
        for at in range(destinations)
        for row in (facts.destinations[at % len(facts.destinations)],)
    )
    found = tuple(
        replace(each, finding=replace(each.finding, id=f"{at:016x}"))
        for at in range(findings)
        for each in (facts.findings[at % len(facts.findings)],)
    )
    return replace(facts, destinations=rows, findings=found)


class Page(HTMLParser):
    """A page taken apart. Raises AssertionError where an element is not closed as it was opened."""

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.outline: list[tuple[str, tuple[str, ...]]] = []  # tags and names of attributes, but of charts
        self.headings: list[int] = []
        self.captions: list[bool] = []  # of each table
        self.blocks: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(content.decode())
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)
        if tag == "table":
            self.captions.append(False)
        if tag == "caption":
            assert self._open[-1] == "table"
            self.captions[-1] = True
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if tag in self.blocks:
            self.blocks[tag].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID | SVG_VOID, tag
        self._element(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.blocks:
            self.blocks[self._open[-1]][-1] += data
        else:
            self.text.append(data)

    def _element(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if "svg" not in self._open:
            self.outline.append((tag, tuple(name for name, _ in attrs)))

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self) -> str:
        """Return the text, with single spaces."""
        return " ".join(" ".join(self.text).split())
