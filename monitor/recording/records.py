"""How what the daemon sees, decides and does becomes records of the ledger. Pure."""

import hashlib

import msgspec
from msgspec.structs import replace

from monitor import __version__
from monitor.config import Retention
from monitor.findings import excused_finding, finding_id
from monitor.findings.room import class_of
from monitor.findings.types import Change, Finding, State
from monitor.ledger.days import day_number, day_text, file_name
from monitor.ledger.types import PayloadClass, Record, RecordKind
from monitor.origins import Origin
from monitor.policy import Policy, text_digest
from monitor.types import Decision
from monitor.windows import Window
from sensors.observations import Gap

_encode = msgspec.json.Encoder().encode


class ExpiredFinding(msgspec.Struct, frozen=True):
    """The payload of a "finding-expired" record: which finding went from the state folder."""

    finding: str
    revision: int
    state: State


class Filing(msgspec.Struct, frozen=True):
    """Under whose name records are made, and for how long what they are about is kept."""

    sensor: str
    retention: Retention

    def kept_days(self, payload_class: PayloadClass) -> int | None:
        """Return how long payloads of a class are kept; None is for good."""
        return None if payload_class == "record" else int(getattr(self.retention, payload_class))

    def day(self, payload_class: PayloadClass, ts_ns: int, now_ns: int) -> str:
        """Return the name of the day file that a payload on packets of ``ts_ns`` goes to."""
        kept_days = self.kept_days(payload_class)
        if kept_days is None:
            return day_text(day_number(now_ns))
        return file_name(ts_ns, now_ns, kept_days).removesuffix(".jsonl")

    def decision(self, decision: Decision, owner: msgspec.Struct | None, now_ns: int) -> Record:
        """Return the record of a decision; ``owner`` is the process whose connection it is, if known."""
        return self._decided(
            decision, (b',"owner":', _encode(owner), b',"sensor":', _encode(self.sensor)), now_ns
        )

    def relayed(self, decision: Decision, origin: Origin, now_ns: int) -> Record:
        """Return the record of a decision on what one of a fleet's sensors observed."""
        more = b',"origin":', _encode(origin), b',"owner":null,"sensor":', _encode(origin.sensor)
        return self._decided(decision, more, now_ns)

    def window(self, window: Window, now_ns: int, origin: Origin | None = None) -> Record:
        """Return the record of a statement of how much could be seen."""
        record = self._made("coverage", "coverage", window.until_ns, now_ns, window)
        if origin is None:
            return record
        return replace(record, payload=b'%s,"origin":%s}' % (record.payload[:-1], _encode(origin)))

    def gap(self, gap: Gap, now_ns: int) -> Record:
        """Return the record of what could not be observed."""
        return self._made("gap", "coverage", gap.ts_ns, now_ns, gap)

    def change(self, change: Change, now_ns: int) -> Record:
        """Return the record of a step in the life of a finding, which names clients as decisions do."""
        return self._made("finding", class_of(change.finding), change.at_ns, now_ns, change)

    def expired(self, finding: Finding, now_ns: int) -> Record:
        """Return the record of a closed finding that goes, as retention has it."""
        gone = ExpiredFinding(finding.id, finding.revision, finding.state)
        return self.note("finding-expired", gone, now_ns)

    def note(self, kind: RecordKind, value: object, now_ns: int) -> Record:
        """Return the record of what was loaded or done."""
        return self._made(kind, "record", now_ns, now_ns, value)

    def exception_used(self, decision: Decision, policy: str | None, now_ns: int) -> Record:
        """Return the record of an exception's use."""
        value = {"exception": decision.exception, "policy": policy, "finding": excused_finding(decision)}
        return self._made("exception-used", "record", decision.ts_ns, now_ns, value)

    def _decided(self, decision: Decision, more: tuple[bytes, ...], now_ns: int) -> Record:
        payload_class: PayloadClass = decision.outcome or "inventory"
        latest_ns = decision.ts_ns + decision.connection.totals.duration_ns
        finding = _encode(finding_id(decision))
        said = b'{"decision":', _encode(decision), b',"finding":', finding, *more, b"}"
        day = self.day(payload_class, latest_ns, now_ns)
        return Record("decision", decision.ts_ns, payload_class, day, b"".join(said))

    def _made(
        self, kind: RecordKind, payload_class: PayloadClass, at_ns: int, now_ns: int, value: object
    ) -> Record:
        return Record(kind, at_ns, payload_class, self.day(payload_class, at_ns, now_ns), _encode(value))


def policy_said(policy: Policy) -> dict[str, str]:
    """Return what the record of a policy says: all of it, so that it can be judged by again."""
    text = policy.source.text
    return {"version": policy.version, "sha256": text_digest(text), "text": text}


def datasets_said(catalogue: str, datasets: tuple[str, ...]) -> dict[str, object]:
    """Return what the record of catalogue and data sets says."""
    return {"catalogue": catalogue, "datasets": datasets, "tool": __version__}


def sensor_said(sensor: str, engine: str) -> dict[str, str]:
    """Return what the record of a start or an end says."""
    return {"sensor": sensor, "engine": engine, "tool": __version__}


def configuration_said(text: str) -> dict[str, str]:
    """Return what the record of a configuration says: its digest alone, for it may hold what is secret."""
    return {"sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}
