"""Decisions for the tests of behaviours, under a small policy with two groups; times are in seconds."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from monitor.behaviours import Behaviour, Behaviours
from monitor.policy import Policy
from monitor.types import Attribution, Connection, Decision, Name, Outcome, Scope, Subject, Totals
from sensors.observations import FlowKey
from tests.catalog_help import built_in
from tests.observed import SECOND_NS, at
from tests.policy_help import HEAD, compiled

BACKEND, BACKEND_OTHER, OFFICE, GUEST = "10.20.0.5", "10.20.0.6", "10.40.0.7", "10.99.0.1"
BACKEND_V6 = "2001:db8:20::5"
RULES = "rules:\n- {id: R, when: {data_classes: [crm, general]}, allow_in: [EEA]}\n"
V6_HEAD = HEAD.replace("[10.20.0.0/16]", '[10.20.0.0/16, "2001:db8:20::/48"]')


def policy(section: str) -> Policy:
    """Return the small policy with this under `behaviours:`."""
    indented = "".join(f"  {line}\n" for line in section.splitlines())
    return compiled(f"{V6_HEAD}{RULES}behaviours:\n{indented}")[0]


def decide(
    second: float,
    outcome: Outcome = "allow",
    client: str = BACKEND,
    provider: str | None = "openai",
    *,
    scope: Scope = "global",
    countries: tuple[str, ...] = (),
    service: str | None = "API",
    names: Sequence[Name] = (),
    server: str = "203.0.113.9",
    port: int = 50_000,
    totals: Totals = Totals(bytes_up=1_000),  # noqa: B008  immutable
) -> Decision:
    """Return a decision on a connection that began then. Its subject is filled in by `seen`."""
    flow = FlowKey(client, port, server, 443, "tcp")
    connection = Connection(at(second), flow, Subject(), tuple(names), None, totals, "sni")
    attribution = Attribution(provider, (), service, scope, None, countries, "observed")
    return Decision(at(second), connection, attribution, outcome)


def arrival(
    second: float,
    host: str = BACKEND,
    client: str = "198.51.100.7",
    *,
    seconds: float = 0,
    server_port: int = 443,
    port: int = 40_000,
) -> Connection:
    """Return a connection to a host of ours, which lasts so long."""
    flow = FlowKey(client, port, host, server_port, "tcp")
    totals = Totals(bytes_up=500, duration_ns=int(seconds * SECOND_NS))
    return Connection(at(second), flow, Subject(), (), None, totals, "sni")


def watch(section: str, seen: Iterable[Decision | Connection]) -> tuple[Behaviours, list[Behaviour]]:
    """Let everything be seen in this order; return the watchers, and what came out on the way."""
    of = policy(section)
    behaviours = Behaviours(of.behaviours, built_in())
    came: list[Behaviour] = []
    for each in seen:
        if isinstance(each, Connection):
            behaviours.arrived(each)
            continue
        connection = replace(each.connection, subject=of.subject(each.connection.flow.client))
        came += behaviours.offer(replace(each, connection=connection))
    return behaviours, came


def found(section: str, *seen: Decision | Connection) -> list[tuple[str, str | None, dict[str, int]]]:
    """Return the behaviours at the end, in short."""
    behaviours, _ = watch(section, seen)
    return [(each.kind, each.source, each.counts) for each in behaviours.finish()]
