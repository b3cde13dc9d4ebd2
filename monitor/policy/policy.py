"""The policy: whose client it is, which rule applies, and what it says of the place. Pure and total.

The first rule that selects a flow decides. What the evidence does not show is never guessed: it becomes the
rule's own answer for that case. Exceptions and dated jurisdictions are those of the flow's time.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Collection, Sequence

import msgspec

from monitor import documents
from monitor.jurisdictions import Jurisdictions
from monitor.policy.behaviour_lint import check_section, check_use
from monitor.policy.behaviours import compile_section
from monitor.policy.exceptions import CompiledException, excuse
from monitor.policy.findings import compile_findings
from monitor.policy.findings_lint import check_findings, check_reminders
from monitor.policy.items import check_items, day_of
from monitor.policy.lint import check_effect
from monitor.policy.networks import (
    Entry,
    Network,
    SubjectTable,
    check_overlaps,
    read_networks,
    read_resolvers,
)
from monitor.policy.places import Territory, is_hint, whereabouts
from monitor.policy.references import Vocabulary, check_references
from monitor.policy.remarks import locate
from monitor.policy.rules import CompiledRule, Ruling
from monitor.policy.schema import DEFAULT_RULE, PolicyDocument, Rule
from monitor.policy.selection import Selector
from monitor.policy.words import DEFAULT_SEVERITY, Severity
from monitor.types import Attribution, Connection, Outcome, Subject

SUBJECTS_KEPT = 65_536  # addresses whose subject is remembered
JUDGEMENTS_KEPT = 4_096  # by subject, attribution and day


class Judgement(msgspec.Struct, frozen=True):
    """What the policy says of one flow, and why, in sentences.

    ``rule`` is "default" when no rule selected the flow, and null when the client is unassigned. ``severity``
    is null when there is nothing to act on. ``exception`` is the one that excused the flow.
    """

    outcome: Outcome
    rule: str | None = None
    severity: Severity | None = None
    reasons: tuple[str, ...] = ()
    exception: str | None = None


class Policy:
    """A policy ready to judge. ``subject`` and ``judge`` answer for any input, without clock or file."""

    def __init__(
        self,
        source: documents.Source,
        document: PolicyDocument,
        networks: Sequence[Entry],
        resolvers: Sequence[Network],
        jurisdictions: Jurisdictions,
    ) -> None:
        self.source = source
        self.document = document
        self.version = version_of(document.id, text_digest(source.text))
        self.rules: dict[str, Rule] = {rule.id: rule for rule in document.rules}
        self.subject = functools.lru_cache(SUBJECTS_KEPT)(SubjectTable(networks).find)
        self.resolvers = tuple(resolvers)
        self.subjects = frozenset(entry.subject for entry in networks)
        self.networks = tuple((str(entry.network), entry.subject) for entry in networks)
        self._judge = functools.lru_cache(JUDGEMENTS_KEPT)(self._judge_on)

        def territory(names: Sequence[str]) -> Territory:
            return Territory(names, document.jurisdictions, jurisdictions)

        self.behaviours = compile_section(document, territory)
        self.findings = compile_findings(document)
        self.compiled = [CompiledRule(rule, territory) for rule in document.rules]
        exceptions = [CompiledException(each, territory) for each in document.exceptions]
        self._rules_of = {
            subject: tuple(rule for rule in self.compiled if rule.selector.owns(subject))
            for subject in self.subjects
        }
        self._exceptions_of = {
            subject: tuple(each for each in exceptions if each.selector.owns(subject))
            for subject in self.subjects
        }

    def judge(self, ts_ns: int, connection: Connection, attribution: Attribution) -> Judgement:
        """The judgement of a flow that began at ``ts_ns`` (its subject stands in the connection)."""
        if connection.subject not in self.subjects:
            return Judgement("unassigned", reasons=(self._no_owner(connection),))
        return self._judge(connection.subject, attribution, day_of(ts_ns))

    def _judge_on(self, subject: Subject, attribution: Attribution, day: dt.date) -> Judgement:
        ruling = self._default(attribution)
        for rule in self._rules_of[subject]:
            selects = rule.selector.selects(attribution, day)
            if selects != "no":
                ruling = rule.rule_on(attribution, selects, day)
                break
        if ruling.action == "allow":
            return Judgement("allow", ruling.rule, None, ruling.reasons)
        excused = excuse(self._exceptions_of[subject], ruling.rule, attribution, day)
        reasons = (*excused.reasons, *ruling.reasons) if excused.id else (*ruling.reasons, *excused.reasons)
        outcome: Outcome = "excepted" if excused.id else ruling.action
        return Judgement(outcome, ruling.rule, ruling.severity, reasons, excused.id)

    def _default(self, attribution: Attribution) -> Ruling:
        """What applies when no rule does. A violation needs a provider: shared hosts carry more than LLMs."""
        action = self.document.default
        said = f"no rule selects this flow, and the policy's default is {action}"
        why = attribution.evidence[0].says if is_hint(attribution) else whereabouts(attribution)
        if action == "violation" and (attribution.provider is None or is_hint(attribution)):
            action = "indeterminate"
            if attribution.provider is None:
                why = "the evidence does not name one LLM provider"
        return Ruling(action, DEFAULT_RULE, DEFAULT_SEVERITY, (said, why))

    def _no_owner(self, connection: Connection) -> str:
        if connection.subject.source_group is None:
            return f"no source group of policy {self.document.id} owns client {connection.flow.client}"
        return (
            f"policy {self.document.id} has no source group {connection.subject.source_group!r} as recorded"
        )


def text_digest(text: str) -> str:
    """Return the SHA-256 of a policy's text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def version_of(id_: str, sha256: str) -> str:
    """Return the version of a policy: its identifier, and how the SHA-256 of its text begins."""
    return f"{id_}@{sha256[:12]}"


def compile_policy(
    source: documents.Source,
    jurisdictions: Jurisdictions,
    known_providers: Collection[str],
    known_regions: Collection[str] | None = None,
    known_services: Collection[str] | None = None,
) -> tuple[Policy, tuple[documents.Problem, ...]]:
    """The policy of a text, and the warnings about it.

    ``known_*`` are the catalogue's names; regions and services that are null are not checked. Raises
    DocumentError with every mistake found, each with its line and what to write instead.
    """
    document = documents.decode(source, PolicyDocument)
    vocabulary = Vocabulary(jurisdictions, known_providers, known_regions, known_services)
    networks, remarks = read_networks(document)
    resolvers, wrong = read_resolvers(document)
    remarks += wrong
    remarks += check_overlaps(networks)
    remarks += check_references(document, vocabulary)
    remarks += check_items(document)
    remarks += check_section(document)
    remarks += check_findings(document)
    if remarks:
        raise documents.DocumentError(locate(source, remarks))
    policy = Policy(source, document, networks, resolvers, jurisdictions)
    selectors: list[Selector] = [rule.selector for rule in policy.compiled]
    warnings = [
        *check_effect(document, selectors, policy.subjects),
        *check_use(document, networks),
        *check_reminders(document),
    ]
    return policy, locate(source, warnings)
