"""Decisions as the daemon records them, some 2 kB each, for the benchmark of the ledger. No chance in them."""

from collections.abc import Iterator

import msgspec

from monitor.ledger.days import DAY_NS, day_number, day_text
from monitor.ledger.types import Record
from monitor.types import Attribution, Connection, Decision, Evidence, Hello, Name, Outcome, Subject, Totals
from sensors.observations import FlowKey

START_NS = 1_773_133_200_000_000_000  # 2026-03-10
_STEP_NS = 20_000_000
_CATALOGUE = "catalogue 2026-03-01"
# One in fifty is outside policy, most are inside: what a week of an egress point looks like.
_OUTCOMES: tuple[Outcome, ...] = ("violation", "indeterminate", "excepted", "unassigned")
_REGIONS = (("eu-central-1", "DE"), ("eu-west-3", "FR"), ("us-east-1", "US"), ("ap-south-1", "IN"))


def records(count: int) -> Iterator[Record]:
    """Yield records of decisions; each differs from all others."""
    encode = msgspec.json.Encoder().encode
    for number in range(count):
        decision = _decision(number)
        payload = b'{"decision":%s,"finding":null,"owner":null,"sensor":"edge-1"}' % encode(decision)
        day = day_text(day_number(decision.ts_ns))
        yield Record("decision", decision.ts_ns, decision.outcome or "inventory", day, payload)


def _decision(number: int) -> Decision:
    ts_ns = START_NS + number * _STEP_NS % DAY_NS
    region, country = _REGIONS[number % len(_REGIONS)]
    name = f"bedrock-runtime.{region}.amazonaws.com"
    server = f"203.0.{number // 250 % 250}.{number % 250}"
    client = f"10.{number // 62_500 % 250}.{number // 250 % 250}.{number % 250}"
    flow = FlowKey(client, 32_768 + number % 28_000, server, 443, "tcp")
    connection = Connection(
        ts_ns,
        flow,
        Subject("acme", f"crm-{number % 7}", "customer-records"),
        (Name(name, "sni"), Name(name, "dns", "live", (f"bedrock.{region}.elb.amazonaws.com",))),
        Hello(
            "tls", ("h2", "http/1.1"), (0x0304, 0x0303), "none", None, "t13d1516h2_8daaf6152771_02713d6af862"
        ),
        Totals(20 + number % 90, 30 + number % 70, 9_000 + number, 40_000 + number, 900_000_000, 11_000_000),
        "sni",
    )
    outcome = _OUTCOMES[number // 50 % len(_OUTCOMES)] if number % 50 == 0 else "allow"
    attribution = Attribution(
        "aws-bedrock",
        (),
        "Amazon Bedrock",
        "region",
        region,
        (country,),
        "observed",
        _evidence(name, server, region),
    )
    reasons = (
        f"the server's name {name} is a regional endpoint of Amazon Bedrock in {region}",
        "rule RES-010 says where customer records of the source group may be processed",
    )
    return Decision(ts_ns, connection, attribution, outcome, "RES-010", "high", None, reasons)


def _evidence(name: str, server: str, region: str) -> tuple[Evidence, ...]:
    said = f"the provider documents {name} as its endpoint for the region {region}"
    return (
        Evidence("name", name, said, _CATALOGUE),
        Evidence(
            "cname", f"bedrock.{region}.elb.amazonaws.com", "the alias names the same region", _CATALOGUE
        ),
        Evidence("range", server, f"the provider publishes the range for {region}", "aws-ranges 2026-03-09"),
        Evidence("geoip", server, "the data set places the address in the same country", "geoip 2026-03-01"),
    )
