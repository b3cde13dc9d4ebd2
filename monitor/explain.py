"""Answers for `residency explain`: the attribution that a flow with this name or address would get.

Pure. An input that is neither a name nor an address still gets an answer: no provider.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from monitor.attribution import GeoLookup, Question, attribute, is_llm_related
from monitor.catalog import Catalog
from monitor.policy import Policy
from monitor.types import (
    Certainty,
    Connection,
    Evidence,
    Name,
    Outcome,
    Scope,
    Subject,
    Totals,
)
from sensors.observations import FlowKey

HTTPS_PORT = 443
NOT_JUDGED = "no LLM provider, so the policy has nothing to judge"


class Answer(msgspec.Struct, frozen=True):
    """One answer, as `--json` prints it."""

    input: str
    provider: str | None
    possible: tuple[str, ...]
    service: str | None
    scope: Scope
    region: str | None
    countries: tuple[str, ...]
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    conflicts: tuple[Evidence, ...]


class JudgedAnswer(Answer, frozen=True):
    """An answer with what the policy says of such a flow."""

    outcome: Outcome | None = None  # null where the policy has nothing to judge
    rule: str | None = None
    severity: str | None = None
    exception: str | None = None
    reasons: tuple[str, ...] = ()


class Circumstances(msgspec.Struct, frozen=True):
    """What is known of the flow beside the input."""

    cnames: tuple[str, ...] = ()
    address: str | None = None
    client: str = ""
    at_ns: int = 0


class Explainer:
    """Answers inputs under the same circumstances."""

    def __init__(self, catalog: Catalog, policy: Policy | None, geo: GeoLookup | None) -> None:
        self._catalog = catalog
        self._policy = policy
        self._geo = geo

    def explain(self, text: str, circumstances: Circumstances) -> Answer:
        """Return the answer for a name, an address, or a URL that holds one."""
        name, address = read_input(text)
        cnames = tuple(cname.lower().rstrip(".") for cname in circumstances.cnames)
        names = (Name(name, "sni", "live", cnames),) if name is not None else ()
        address = address or circumstances.address
        attribution = attribute(Question(names, address), self._catalog, self._geo)
        fields = {
            "input": text,
            **{field: getattr(attribution, field) for field in attribution.__struct_fields__},
        }
        if self._policy is None:
            return Answer(**fields)
        if not is_llm_related(attribution):
            return JudgedAnswer(
                **fields, outcome=None, rule=None, severity=None, exception=None, reasons=(NOT_JUDGED,)
            )
        connection = _connection(names, address, self._policy.subject(circumstances.client), circumstances)
        judgement = self._policy.judge(circumstances.at_ns, connection, attribution)
        return JudgedAnswer(
            **fields,
            outcome=judgement.outcome,
            rule=judgement.rule,
            severity=judgement.severity,
            exception=judgement.exception,
            reasons=judgement.reasons,
        )


def read_input(text: str) -> tuple[str | None, str | None]:
    """Return the name or the address in what a person wrote: `host`, `host:port`, `[v6]:port`, or a URL."""
    host = _host(text.strip())
    try:
        return None, str(ip_address(host))
    except ValueError:
        return host.lower().rstrip("."), None


def _host(text: str) -> str:
    bare_ipv6 = text.count(":") > 1 and "://" not in text and not text.startswith("[")
    if bare_ipv6:
        return text
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or text
    except ValueError:
        return text


def _connection(
    names: tuple[Name, ...], address: str | None, subject: Subject, circumstances: Circumstances
) -> Connection:
    """Make the connection that the question supposes."""
    return Connection(
        ts_ns=circumstances.at_ns,
        flow=FlowKey(circumstances.client, 0, address or "", HTTPS_PORT, "tcp"),
        subject=subject,
        names=names,
        hello=None,
        totals=Totals(),
        coverage="sni" if names else "address",
    )
