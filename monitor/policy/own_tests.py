"""Runs the tests that a policy carries: a flow in, the outcome wanted.

A test states what the flow's name and address are; the attribution comes from the caller, as for real flows.
"""

import ipaddress
from collections.abc import Callable

import msgspec

from monitor import documents
from monitor.policy.items import time_ns
from monitor.policy.policy import Judgement, Policy
from monitor.policy.schema import PolicyTest, TestFlow
from monitor.types import Attribution, Connection, Name, Totals
from sensors.observations import FlowKey

# Takes a flow's names (the carried one with its aliases, or none) and its server's address, if there is one.
Attribute = Callable[[tuple[Name, ...], str | None], Attribution]

HTTPS_PORT = 443


class TestResult(msgspec.Struct, frozen=True):
    """One test's end. ``line`` is where it stands and, if it failed, what was wanted and what came."""

    __test__ = False  # not a class of pytest tests

    name: str
    passed: bool
    line: str


def run_policy_tests(policy: Policy, attribute: Attribute) -> list[TestResult]:
    """The results of all tests of a policy, in its order."""
    lines = documents.Lines(policy.source)
    return [
        _run(policy, attribute, test, f"{policy.source.path}:{lines.of(['tests', at])}")
        for at, test in enumerate(policy.document.tests)
    ]


def _run(policy: Policy, attribute: Attribute, test: PolicyTest, place: str) -> TestResult:
    connection = _connection(policy, test.flow)
    attribution = attribute(connection.names, connection.flow.server or None)
    judgement = policy.judge(connection.ts_ns, connection, attribution)
    passed = judgement.outcome == test.outcome and test.rule in (None, judgement.rule)
    where = f"{place}: test {test.name!r}"
    return TestResult(test.name, passed, where if passed else f"{where}: {_difference(test, judgement)}")


def _connection(policy: Policy, flow: TestFlow) -> Connection:
    names = (
        (Name(_canonical(flow.host), "sni", cnames=tuple(map(_canonical, flow.cnames))),) if flow.host else ()
    )
    address = str(ipaddress.ip_address(flow.address)) if flow.address else ""
    return Connection(
        ts_ns=time_ns(flow.at, policy.document.issued) or 0,
        flow=FlowKey(flow.client, 0, address, HTTPS_PORT, "tcp"),
        subject=policy.subject(flow.client),
        names=names,
        hello=None,
        totals=Totals(),
        coverage="sni" if names else "address",
    )


def _canonical(name: str) -> str:
    return name.lower().rstrip(".")


def _difference(test: PolicyTest, judgement: Judgement) -> str:
    wanted = f"{test.outcome} by {test.rule}" if test.rule else test.outcome
    got = f"{judgement.outcome} by {judgement.rule}" if judgement.rule else judgement.outcome
    return f"wanted {wanted}, got {got} because: {'; '.join(judgement.reasons)}"
