"""Checks that every name in a policy is known, and that no name is given twice.

Names of the policy's own lists are looked up in those lists, all others in the ``Vocabulary``: what the
catalogue and the built-in jurisdictions know. An unknown name would select nothing, and nobody would notice.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from monitor.jurisdictions import Jurisdictions
from monitor.policy.networks import looks_like_network
from monitor.policy.remarks import Path, Remark, suggest
from monitor.policy.schema import DEFAULT_RULE, OwnJurisdiction, PolicyDocument, When
from monitor.policy.section import BehaviourSection
from monitor.policy.selection import is_service


class Vocabulary(NamedTuple):
    """What a policy can name beside its own lists. Services and regions that are null are not checked."""

    jurisdictions: Jurisdictions
    providers: Collection[str]
    regions: Collection[str] | None = None
    services: Collection[str] | None = None


class _Kind(NamedTuple):
    label: str
    names: Collection[str]
    otherwise: str


def check_references(document: PolicyDocument, vocabulary: Vocabulary) -> Iterator[Remark]:
    """Every name that is unknown or stands twice."""
    yield from _duplicates(document)
    yield from _own_jurisdictions(document, vocabulary.jurisdictions)
    yield from _data_classes(document)
    names = _Names(document, vocabulary)
    for at, rule in enumerate(document.rules):
        yield from names.selector(("rules", at, "when"), rule.when)
        yield from names.jurisdictions(("rules", at, "allow_in"), rule.allow_in)
        yield from names.words(("rules", at, "allow_in_regions"), rule.allow_in_regions, "regions")
    for at, exemption in enumerate(document.exceptions):
        yield from names.selector(("exceptions", at, "when"), exemption.when)
        yield from names.words(("exceptions", at, "rules"), exemption.rules, "rules")
    yield from _behaviours(names, document.behaviours)
    for at, test in enumerate(document.tests):
        yield from names.words(("tests", at, "rule"), (test.rule,) if test.rule else None, "rules")


class _Names:
    """The names that each key of a rule may hold."""

    def __init__(self, document: PolicyDocument, vocabulary: Vocabulary) -> None:
        groups = {group.name for tenant in document.tenants for group in tenant.groups}
        rules = {DEFAULT_RULE, *(rule.id for rule in document.rules)}
        unknown = "define it in this policy"
        catalogue = "`residency catalog list` shows those there are"
        self.kinds = {
            "tenants": _Kind("tenant", {tenant.name for tenant in document.tenants}, unknown),
            "source_groups": _Kind("source group", groups, unknown),
            "data_classes": _Kind("data class", {each.name for each in document.data_classes}, unknown),
            "providers": _Kind("provider", vocabulary.providers, catalogue),
            "rules": _Kind("rule", rules, unknown),
        }
        if vocabulary.regions is not None:
            self.kinds["regions"] = _Kind("region", vocabulary.regions, catalogue)
        self.known_services = vocabulary.services
        self.own = tuple(each.name for each in document.jurisdictions)
        self.built_in = vocabulary.jurisdictions

    def selector(self, path: Path, when: When) -> Iterator[Remark]:
        for key in ("tenants", "source_groups", "data_classes", "providers", "regions"):
            yield from self.words((*path, key), getattr(when, key), key)
        yield from self.services((*path, "services"), when.services)
        yield from self.jurisdictions((*path, "jurisdictions"), when.jurisdictions)

    def words(self, path: Path, words: tuple[str, ...] | None, key: str) -> Iterator[Remark]:
        for at, word in enumerate(words or ()):
            yield from self.word((*path, at), word, key)

    def word(self, path: Path, word: str, key: str) -> Iterator[Remark]:
        kind = self.kinds.get(key)
        if kind and word not in kind.names:
            mend = _providers_of(word, kind.names) or suggest(word, kind.names, kind.otherwise)
            yield Remark(path, f"unknown {kind.label} {word!r}", mend)

    def services(self, path: Path, words: tuple[str, ...] | None) -> Iterator[Remark]:
        known = self.known_services
        for at, word in enumerate(words or ()):
            if known is not None and not any(is_service(word, name) for name in known):
                mend = suggest(word, known, "`residency catalog show` lists a provider's services")
                yield Remark((*path, at), f"unknown service {word!r}", mend)

    def jurisdictions(self, path: Path, words: tuple[str, ...] | None) -> Iterator[Remark]:
        known = {*self.own, *self.built_in.names, *self.built_in.countries}
        for at, word in enumerate(words or ()):
            if word not in known:
                mend = self.built_in.mend(word, self.own)
                yield Remark((*path, at), f"unknown jurisdiction {word!r}", mend)


def _behaviours(names: _Names, section: BehaviourSection | None) -> Iterator[Remark]:
    if section is None:
        return
    for at, gateway in enumerate(section.gateways):
        yield from names.words(("behaviours", "gateways", at, "for"), gateway.groups, "source_groups")
    for at, limit in enumerate(section.upload_limits):
        path = ("behaviours", "upload_limits", at, "data_class")
        yield from names.word(path, limit.data_class, "data_classes")
    for at, word in enumerate(section.consoles.permitted if section.consoles else ()):
        if not looks_like_network(word):
            yield from names.word(("behaviours", "consoles", "permitted", at), word, "source_groups")
    if section.latency is not None:
        yield from names.jurisdictions(("behaviours", "latency", "sovereign"), section.latency.sovereign)


def _providers_of(word: str, names: Collection[str]) -> str | None:
    """The mend for a region without its provider: one code is another country at another provider."""
    matches = sorted(name for name in names if name.partition(":")[2] == word)
    return f"say whose region: {' or '.join(map(repr, matches))}" if matches else None


def _duplicates(document: PolicyDocument) -> Iterator[Remark]:
    lists: dict[Path, tuple[str, list[str]]] = {
        ("jurisdictions",): ("jurisdiction", [each.name for each in document.jurisdictions]),
        ("data_classes",): ("data class", [each.name for each in document.data_classes]),
        ("services",): ("service", [each.name for each in document.services]),
        ("tenants",): ("tenant", [each.name for each in document.tenants]),
        ("rules",): ("rule", [each.id for each in document.rules]),
        ("exceptions",): ("exception", [each.id for each in document.exceptions]),
        ("tests",): ("test", [each.name for each in document.tests]),
    }
    if document.behaviours is not None:
        gateways = document.behaviours.gateways
        lists["behaviours", "gateways"] = ("gateway", [each.name for each in gateways])
    if document.findings is not None:
        reminders = document.findings.reminders
        lists["findings", "reminders"] = ("reminder", [each.name for each in reminders])
    for at, tenant in enumerate(document.tenants):
        lists["tenants", at, "groups"] = ("source group", [group.name for group in tenant.groups])
    for path, (label, names) in lists.items():
        seen: set[str] = set()
        for at, name in enumerate(names):
            if name in seen:
                yield Remark((*path, at), f"{label} {name!r} stands twice", "give each a name of its own")
            seen.add(name)


def _data_classes(document: PolicyDocument) -> Iterator[Remark]:
    names = {each.name for each in document.data_classes}
    for at, tenant in enumerate(document.tenants):
        for index, group in enumerate(tenant.groups):
            if group.data_class not in names:
                mend = suggest(group.data_class, names, "define it under `data_classes:`")
                path = ("tenants", at, "groups", index, "data_class")
                yield Remark(path, f"unknown data class {group.data_class!r}", mend)


def _own_jurisdictions(document: PolicyDocument, built_in: Jurisdictions) -> Iterator[Remark]:
    for at, own in enumerate(document.jurisdictions):
        path = ("jurisdictions", at)
        if own.name in built_in.names or own.name in built_in.countries:
            yield Remark((*path, "name"), f"jurisdiction {own.name!r} is built in", "choose another name")
        if not own.countries and not own.include:
            yield Remark(path, f"jurisdiction {own.name!r} is empty", "add `countries:` or `include:`")
        yield from _countries(path, own, built_in)


def _countries(path: Path, own: OwnJurisdiction, built_in: Jurisdictions) -> Iterator[Remark]:
    for key, words in (("countries", own.countries), ("without", own.without)):
        for at, word in enumerate(words or ()):
            if word in built_in.names:
                mend = "move it to `include:`" if key == "countries" else "write its countries"
                yield Remark((*path, key, at), f"{word!r} is a set, not a country", mend)
            elif word not in built_in.countries:
                yield Remark((*path, key, at), f"unknown country {word!r}", built_in.mend(word))
    for at, word in enumerate(own.include or ()):
        if word in built_in.countries:
            yield Remark(
                (*path, "include", at), f"{word!r} is a country, not a set", "move it to `countries:`"
            )
        elif word not in built_in.names:
            yield Remark((*path, "include", at), f"unknown built-in set {word!r}", built_in.mend(word))
