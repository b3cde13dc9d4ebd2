"""The `concealing:` list of a catalogue file: what it may say, and one line for every mistake."""

import pytest

from monitor.catalog import concealers
from monitor.catalog.hostmatch import MAX_PATTERNS
from monitor.documents import DocumentError
from tests.catalog_help import built_in, compiled

HEAD = """\
defaults: {source: inventory, date: 2026-11-01}
concealing:
"""


def refused(*entries: str) -> list[str]:
    """Return the problems of a user's file with these entries, each with its line."""
    with pytest.raises(DocumentError) as error:
        compiled(extra=(HEAD + "".join(f"  - {entry}\n" for entry in entries),))
    return [str(problem) for problem in error.value.problems]


def test_an_entry_is_one_concealer_a_host_and_prefix() -> None:
    entry = (
        "{kind: vpn, service: Company VPN, host: [VPN.corp.example, '*.vpn.corp.example'], cidr: 192.0.2.7}"
    )
    catalog = compiled(extra=(f"{HEAD}  - {entry}\n",))
    assert [(each.match, each.kind, each.service) for each in catalog.concealers] == [
        ("vpn.corp.example", "vpn", "Company VPN"),
        ("*.vpn.corp.example", "vpn", "Company VPN"),
        ("192.0.2.7/32", "vpn", "Company VPN"),
    ]
    (first, *_) = catalog.concealers
    assert (first.source, str(first.date), first.verified) == ("inventory", "2026-11-01", "full")
    assert (first.declared_in, first.declared_by_user) == ("own-0.yaml", True)
    assert catalog.endpoints == ()
    assert catalog.match_name("vpn.corp.example") is None


def test_the_version_changes_with_the_list() -> None:
    versions = {
        compiled(f"{HEAD}  - {{kind: {kind}, service: s, host: a.example}}\n").version
        for kind in ("vpn", "relay")
    }
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{kind: vpn, service: s}",
         "3: error: an entry that fits nothing; write `host:`, `cidr:` or both"),
        ("{kind: proxy, service: s, host: a.example}",
         ("3: error: concealing[0].kind: invalid enum value 'proxy' (found 'proxy'); "
          "use one of: relay, resolver, vpn")),
        ("{kind: vpn, service: s, hosts: a.example}",
         "3: error: unknown key 'hosts'; did you mean 'host'?"),
        ("{kind: vpn, service: s, host: '*.*x*.example'}",
         "3: error: pattern '*.*x*.example' is too wide; use * once in a label, and never in the last one"),
        ("{kind: vpn, service: s, host: 1.1.1.1}",
         "3: error: '1.1.1.1' is an address; write it under `cidr:`"),
        ("{kind: vpn, service: s, cidr: 192.0.2.1/24}",
         "3: error: '192.0.2.1/24' has bits beyond its length; write 192.0.2.0/24"),
        ("{kind: vpn, service: s, host: [a.example, A.example]}",
         "3: error: a.example stands twice; keep one of them"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(entry: str, problem: str) -> None:
    assert refused(entry) == [f"own-0.yaml:{problem}"]


@pytest.mark.parametrize("key", ["source", "date"])
def test_every_entry_has_a_source_and_a_date(key: str) -> None:
    defaults = {"source": "source: inventory", "date": "date: 2026-11-01"}
    text = f"defaults: {{{defaults['date' if key == 'source' else 'source']}}}\n"
    with pytest.raises(DocumentError, match=f"an entry without {key}; add `{key}:` to it"):
        compiled(f"{text}concealing: [{{kind: vpn, service: s, host: a.example}}]\n")


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concealers, "MAX_ENDPOINTS", 2)
    assert refused("{kind: vpn, service: s, host: [a.example, b.example, c.example]}") == [
        "own-0.yaml:3: error: more than 2 names and prefixes; use patterns"
    ]


def test_the_mistakes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concealers, "MAX_REMARKS", 3)
    assert len(refused(*["{kind: vpn, service: s}"] * 5)) == 3


def test_patterns_are_bounded() -> None:
    hosts = ", ".join(f"'x{index}*.example.org'" for index in range(MAX_PATTERNS + 1))
    (problem,) = refused(f"{{kind: vpn, service: s, host: [{hosts}]}}")
    assert f"more than {MAX_PATTERNS} patterns end in .example.org" in problem


def test_the_built_in_list_is_complete() -> None:
    known = built_in().concealers
    assert len(known) > 150
    assert {each.kind for each in known} == {"resolver", "vpn", "relay"}
    assert all(each.source and each.service and not each.declared_by_user for each in known)
    assert all(each.verified == "none" for each in known if each.source == "memory")
