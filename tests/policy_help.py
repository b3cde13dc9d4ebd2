"""What the tests of the policy share: a small policy, the built-in jurisdictions, and flows to judge."""

import functools
from pathlib import Path

from monitor.documents import Problem, Source
from monitor.jurisdictions import Jurisdictions, compile_jurisdictions
from monitor.policy import Judgement, Policy, compile_policy
from monitor.types import Attribution, Connection, Totals
from sensors.observations import FlowKey

ROOT = Path(__file__).parents[1]
PROVIDERS = ("aws", "azure", "deepseek", "google", "mistral", "openai")
REGIONS = ("alibaba:eu-west-1", "aws:eu-central-1", "aws:eu-west-1", "gcp:europe-west3")
SERVICES = ("API", "Bedrock control plane", "Bedrock inference", "SageMaker runtime")

DAY_NS = 86_400_000_000_000
NOON_NS = 20_522 * DAY_NS + DAY_NS // 2  # 2026-03-10T12:00:00Z

HEAD = """\
version: 1
id: small
owner: dpo
issued: 2026-03-01
data_classes: [{name: crm}, {name: general}]
tenants:
  - name: acme
    groups:
      - {name: backend, sources: [10.20.0.0/16], data_class: crm}
      - {name: office, sources: [10.40.0.0/16], data_class: general}
"""


@functools.cache
def jurisdictions() -> Jurisdictions:
    path = ROOT / "monitor/data/jurisdictions.yaml"
    return compile_jurisdictions(Source("jurisdictions.yaml", path.read_text(encoding="utf-8")))


def compiled(text: str) -> tuple[Policy, tuple[Problem, ...]]:
    return compile_policy(Source("p.yaml", text), jurisdictions(), PROVIDERS, REGIONS, SERVICES)


def policy(rules: str, rest: str = "") -> Policy:
    """The small policy with these rules (YAML, as the items of a list)."""
    return compiled(f"{HEAD}rules:\n{rules}\n{rest}")[0]


def connection(of: Policy, client: str, server: str = "203.0.113.9", ts_ns: int = NOON_NS) -> Connection:
    return Connection(
        ts_ns=ts_ns,
        flow=FlowKey(client, 50_000, server, 443, "tcp"),
        subject=of.subject(client),
        names=(),
        hello=None,
        totals=Totals(),
        coverage="address",
    )


def judge(of: Policy, attribution: Attribution, client: str = "10.20.0.5", ts_ns: int = NOON_NS) -> Judgement:
    return of.judge(ts_ns, connection(of, client, ts_ns=ts_ns), attribution)
