"""Answers for `residency explain`: the attribution that a flow with this name or address would get.

Pure. An input that is neither a name nor an address still gets an answer: no provider. What an attribution
came to is kept for the inputs asked last, of which there are at most `KEPT`.
"""

import re
from functools import lru_cache, partial
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from monitor.aids import Aids
from monitor.attribution import Question, attribute, is_llm_related
from monitor.catalog import Catalog
from monitor.physics import Physics
from monitor.policy import Policy
from monitor.types import (
    Attribution,
    Certainty,
    Connection,
    Evidence,
    Hello,
    Name,
    Outcome,
    Scope,
    Subject,
    Totals,
)
from sensors.observations import FlowKey

HTTPS_PORT = 443
KEPT = 16_384  # answers; each is a few kB at most
KEPT_INPUT = 512  # characters of an input whose answer is kept
ANSWER_BYTES = 1_500  # of the answer that is supposed: a segment
NOT_JUDGED = "no LLM provider, so the policy has nothing to judge"
_PLAIN_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62}", re.ASCII)


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
    rtt_ns: int | None = None  # from the sensor to the server and back


class Asked(msgspec.Struct, frozen=True):
    """What an input asks for: a name, an address, or a name at an address."""

    name: str | None
    address: str | None
    cnames: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[Name, ...]:
        """The name as a connection would carry it."""
        return (Name(self.name, "sni", "live", self.cnames),) if self.name is not None else ()


class Explained(msgspec.Struct, frozen=True):
    """What an input asks for, and the answer by evidence alone."""

    asked: Asked
    attribution: Attribution
    answer: Answer


class Explainer:
    """Answers inputs under the same circumstances."""

    def __init__(
        self,
        catalog: Catalog,
        policy: Policy | None = None,
        aids: Aids = Aids(),  # noqa: B008  immutable
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._aids = aids
        self._kept = lru_cache(KEPT)(self._attribute)

    def explain(self, text: str, circumstances: Circumstances) -> Answer:
        """Return the answer for a name, an address, or a URL that holds one."""
        explained = self.explained(text, circumstances)
        if self._policy is None:
            return explained.answer
        return self._judged(explained, self._policy, circumstances)

    def explained(self, text: str, circumstances: Circumstances) -> Explained:
        """Return the answer by evidence alone, and what it is the answer to."""
        look_up = self._kept if len(text) <= KEPT_INPUT else self._attribute
        explained = look_up(text, circumstances.cnames, circumstances.address)
        physics = self._aids.physics
        return self._refuted(explained, physics, circumstances) if physics is not None else explained

    def _attribute(self, text: str, cnames: tuple[str, ...], address: str | None) -> Explained:
        name, own_address = read_input(text)
        chain = tuple([cname.lower().rstrip(".") for cname in cnames])
        asked = Asked(name, own_address or address, chain)
        found = attribute(
            Question(asked.names, asked.address), self._catalog, self._aids.geo, self._aids.ranges
        )
        return Explained(asked, found, _answer(text, found))

    def _refuted(self, explained: Explained, physics: Physics, circumstances: Circumstances) -> Explained:
        """Take back a place that is farther away than the answer can have come."""
        asked = explained.asked
        supposed = _connection(asked, Subject(), circumstances)
        without_geoip = partial(
            attribute, Question(asked.names, asked.address), self._catalog, None, self._aids.ranges
        )
        found = physics.refute(supposed, explained.attribution, without_geoip)
        return Explained(asked, found, _answer(explained.answer.input, found))

    def _judged(self, explained: Explained, policy: Policy, circumstances: Circumstances) -> JudgedAnswer:
        fields = msgspec.structs.asdict(explained.answer)
        if not is_llm_related(explained.attribution):
            return JudgedAnswer(**fields, reasons=(NOT_JUDGED,))
        connection = _connection(explained.asked, policy.subject(circumstances.client), circumstances)
        judgement = policy.judge(circumstances.at_ns, connection, explained.attribution)
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
    if _PLAIN_NAME.fullmatch(text) is not None:
        return text, None  # most inputs are; what follows takes ten times longer
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


def _answer(text: str, found: Attribution) -> Answer:
    return Answer(
        text,
        found.provider,
        found.possible,
        found.service,
        found.scope,
        found.region,
        found.countries,
        found.certainty,
        found.evidence,
        found.conflicts,
    )


def _connection(asked: Asked, subject: Subject, circumstances: Circumstances) -> Connection:
    """Make the connection that the question supposes."""
    return Connection(
        ts_ns=circumstances.at_ns,
        flow=FlowKey(circumstances.client, 0, asked.address or "", HTTPS_PORT, "tcp"),
        subject=subject,
        names=asked.names,
        hello=Hello("tls"),
        totals=Totals(
            packets_down=1,
            bytes_down=ANSWER_BYTES,
            handshake_rtt_ns=circumstances.rtt_ns,
            first_byte_ns=circumstances.rtt_ns,
        ),
        coverage="sni" if asked.name is not None else "address",
    )
