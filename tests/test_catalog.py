"""Compiling catalogues: templates, defaults, the user's files, regions, and what is refused at which line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.catalog.regions import read_regions
from monitor.documents import DocumentError, Source
from tests.catalog_help import REGIONS, built_in, compiled, load_jurisdictions, with_own

SMALL = """\
    providers:
      - {id: acme, name: Acme, operator_country: DE}
    defaults: {provider: acme, source: a page, date: 2026-05-01,
               verified: pattern, note: "enters at {region}"}
    region_lists:
      all: us eu-central-1
      us: us-east-1
    endpoints:
      - {host: "llm.{region}.acme.test", scope: entry, vendor: aws, regions: eu-central-1 us-east-1}
      - {host: [EU.acme.test, "*.eu.acme.test"], scope: group, region: eu, countries: [EU, CH], service: API}
      - {host: "own.{region}.acme.test", scope: region, regions: {north: "NO"}, verified: full}
      - {cidr: ["192.0.2.0/24", "2001:db8::1"], scope: global}
      - {host: global.acme.test, scope: global, region: global, possible: true, address: anycast}
"""


def mistakes(error: pytest.ExceptionInfo[DocumentError]) -> list[tuple[str, int, str]]:
    """Return path, line and text of each problem."""
    return [(each.path, each.line, f"{each.problem}; {each.mend}") for each in error.value.problems]


def test_a_template_gives_one_endpoint_a_region() -> None:
    catalog = compiled(SMALL)
    found = catalog.match_name("llm.eu-central-1.acme.test")
    assert found is not None
    assert (found.provider, found.scope, found.region, found.countries) == (
        "acme",
        "entry",
        "eu-central-1",
        ("DE",),
    )
    assert (found.vendor, found.verified, found.note) == ("aws", "pattern", "enters at eu-central-1")
    assert (found.source, str(found.date), found.declared_in) == ("a page", "2026-05-01", "built-in-0.yaml")
    assert catalog.match_name("llm.us-east-1.acme.test") != found
    assert catalog.match_name("llm.eu-west-1.acme.test") is None
    assert catalog.match_name("llm.{region}.acme.test") is None


def test_countries_come_from_sets_from_regions_and_from_codes_of_the_entry() -> None:
    catalog = compiled(SMALL)
    group = catalog.match_name("a.eu.acme.test")
    own = catalog.match_name("own.north.acme.test")
    everywhere = catalog.match_name("global.acme.test")
    assert group is not None
    assert own is not None
    assert everywhere is not None
    assert set(group.countries) == load_jurisdictions().members("EU") | {"CH"}
    assert list(group.countries) == sorted(group.countries)
    assert (own.region, own.countries, own.vendor) == ("north", ("NO",), None)
    assert (everywhere.region, everywhere.countries) == ("global", ())


def test_hosts_may_name_their_regions_by_lists_of_lists() -> None:
    catalog = compiled("""\
        providers: [{id: acme, name: Acme}]
        defaults: {provider: acme, vendor: aws, source: a page, date: 2026-05-01}
        region_lists: {first: eu-central-1, both: first us-east-1}
        endpoints:
          - host: {both: "a.{region}.test", first: "b.{region}.test", us-east-1: "c.{region}.test"}
        """)
    assert {endpoint.match for endpoint in catalog.endpoints} == {
        "a.eu-central-1.test",
        "a.us-east-1.test",
        "b.eu-central-1.test",
        "c.us-east-1.test",
    }


def test_names_are_found_in_any_case_and_addresses_by_prefix() -> None:
    catalog = compiled(SMALL)
    assert catalog.match_name("X.Eu.Acme.TEST.") == catalog.match_name("x.eu.acme.test")
    assert catalog.match_name("eu.acme.test") != catalog.match_name("x.eu.acme.test")
    prefix = catalog.match_address("192.0.2.200")
    assert prefix is not None
    assert (prefix.match, prefix.scope) == ("192.0.2.0/24", "global")
    single = catalog.match_address("2001:db8::1")
    assert single is not None
    assert single.match == "2001:db8::1/128"
    assert catalog.match_address("2001:db8::2") is None
    assert catalog.match_address("no address") is None


def test_the_version_names_the_newest_date_and_changes_with_any_byte() -> None:
    version = compiled(SMALL).version
    assert version.startswith("2026-05-01+")
    assert version == compiled(SMALL).version
    others = (
        compiled(SMALL.replace("a page", "another")).version,
        compiled(SMALL, regions=REGIONS + "aws,xx,DE,,,,c,s,full\n").version,
        compiled(SMALL, extra=("endpoints: []",)).version,
    )
    assert len({version, *others}) == 4
    assert compiled("endpoints: []").version.startswith("empty+")


OWN = """\
    providers:
      - {id: house, name: Our own models}
    defaults: {source: inventory, date: 2026-06-01, provider: house}
    endpoints:
      - {host: llm.corp.example, scope: region, countries: [DE]}
      - {host: "*.openai.azure.com", provider: azure, scope: region, countries: [FR]}
      - {cidr: 10.60.0.0/16}
"""


def test_the_users_entries_come_first() -> None:
    catalog = with_own(OWN)
    own = catalog.match_name("llm.corp.example")
    override = catalog.match_name("a.privatelink.openai.azure.com")
    assert own is not None
    assert override is not None
    assert (own.provider, own.declared_by_user, own.address, own.verified) == (
        "house",
        True,
        "unicast",
        "full",
    )
    assert (override.countries, override.declared_in) == (("FR",), "own.yaml")
    assert catalog.dataset(own) == "own.yaml (2026-06-01)"
    assert catalog.dataset() == f"catalogue {catalog.version}"
    assert catalog.match_address("10.60.7.1") is not None
    assert catalog.match_name("eu.api.openai.com") == built_in().match_name("eu.api.openai.com")
    assert catalog.endpoints[0].match == "llm.corp.example"


def test_a_built_in_provider_stays_what_it_is() -> None:
    same = with_own("providers: [{id: openai, name: OpenAI, operator_country: US}]")
    assert same.providers["openai"] == built_in().providers["openai"]
    with pytest.raises(DocumentError) as error:
        with_own("providers: [{id: openai, name: OpenAI by contract, operator_country: IE}]")
    mend = "leave it out to use the built-in one, or choose another id"
    assert mistakes(error) == [("own.yaml", 1, f"provider 'openai' is built in; {mend}")]


SHADOWING = """\
providers: [{id: house, name: Our own models}]
defaults: {source: inventory, date: 2026-06-01, provider: house}
endpoints:
"""


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{host: '*.com'}", "*.com stands before "),
        ("{host: api.openai.com, not_llm: true}", "the built-in endpoint api.openai.com; make it narrower"),
        (
            "{host: '*.openai.azure.com'}",
            "before 2 built-in endpoints: *.openai.azure.com, *.privatelink.openai.azure.com;",
        ),
        ("{cidr: 0.0.0.0/0}", "0.0.0.0/0 stands before "),
        ("{cidr: 160.79.104.0/22}", "160.79.104.0/23"),
    ],
)
def test_an_own_entry_that_stands_before_built_in_ones_is_told(entry: str, says: str) -> None:
    [warning] = with_own(f"{SHADOWING}  - {entry}\n").shadowed
    assert (warning.path, warning.line, warning.level) == ("own.yaml", 4, "warning")
    assert says in f"{warning.problem}; {warning.mend}"


def test_what_is_shadowed_is_listed_within_a_bound() -> None:
    [warning] = with_own(f"{SHADOWING}  - {{host: '*.com'}}\n").shadowed
    assert warning.problem.count(", ") == 4
    assert re.search(r" stands before \d+ built-in endpoints: .* and \d+ more$", warning.problem)
    hosts = sorted({each.match for each in built_in().endpoints if not each.is_range})[:150]
    assert len(with_own(f"{SHADOWING}  - {{host: {hosts}}}\n").shadowed) == 100


@pytest.mark.parametrize(
    "entry",
    [
        "{host: contoso.openai.azure.com}",
        "{cidr: 160.79.104.10/32}",
        "{cidr: 10.0.0.0/8}",
        "{host: '*.corp.test'}",
    ],
)
def test_an_own_entry_that_refines_a_built_in_one_is_not_told(entry: str) -> None:
    assert with_own(f"{SHADOWING}  - {entry}\n").shadowed == ()
    assert built_in().shadowed == ()


HEAD = """\
providers: [{id: acme, name: Acme}]
defaults: {provider: acme, source: s, date: 2026-05-01}
endpoints:
"""


@pytest.mark.parametrize(
    ("entry", "line", "says"),
    [
        ("{host: a.test, provider: acmee}", 4, "unknown provider 'acmee'; did you mean 'acme'?"),
        ("{host: a.test, behind: [nobody]}", 4, "unknown provider 'nobody'; declare it under `providers:`"),
        (
            "{host: a.test, region: eu-centrl-1, vendor: aws}",
            4,
            "'eu-centrl-1' of aws; did you mean 'eu-central-1'?",
        ),
        ('{host: "{region}.test", regions: eu-west-1, vendor: aws}', 4, "unknown region 'eu-west-1' of aws"),
        ('{host: "{region}.test", scope: global, regions: nowhere}', 4, "unknown region 'nowhere' of acme"),
        ("{host: a.test, countries: [XX]}", 4, "unknown country or jurisdiction 'XX'"),
        ("{host: a.test, countries: [EEA+UK]}", 4, "unknown country or jurisdiction 'EEA+UK'"),
        ('{host: "{region}.test", regions: {north: NOR}}', 4, "unknown country or jurisdiction 'NOR'"),
        (
            "{host: a.test, region: eu-central-1, vendor: aws, countries: [FR]}",
            4,
            "region aws eu-central-1 is in DE",
        ),
        ("{host: a.test, scope: global, countries: [US]}", 4, "a global endpoint is in no country"),
        ("{host: a.test, scope: group}", 4, "a group without countries; add `countries:`"),
        ("{host: []}", 4, "an entry that fits nothing; write at least one, or remove the entry"),
        ("{host: {}}", 4, "an entry that fits nothing"),
        ("{cidr: []}", 4, "an entry that fits nothing"),
        ('{host: "{region}.test", regions: ""}', 4, "an entry that fits nothing"),
        ("{service: API}", 4, "an entry names either hosts or prefixes"),
        ("{host: a.test, cidr: 192.0.2.0/24}", 4, "an entry names either hosts or prefixes"),
        ("{host: a.test, possible: true, not_llm: true}", 4, "possible and not_llm exclude each other"),
        ("{cidr: 192.0.2.0/24, role: ech-outer}", 4, "an outer name is a name"),
        ('{host: "{region}.test"}', 4, "host '{region}.test' and its regions do not go together"),
        ("{host: a.test, regions: eu-central-1}", 4, "host 'a.test' and its regions do not go together"),
        ('{host: {eu-central-1: "{region}.test"}, regions: eu-central-1}', 4, "remove `regions:`"),
        ("{host: https://a.test/v1}", 4, "'https://a.test/v1' is no host name"),
        ("{host: a..test}", 4, "'a..test' is no host name"),
        (f"{{host: {'a' * 254}}}", 4, "is no host name"),
        ('{host: "*"}', 4, "pattern '*' is too wide"),
        ('{host: "a.*"}', 4, "pattern 'a.*' is too wide"),
        ('{host: "a*b*.test"}', 4, "pattern 'a*b*.test' is too wide"),
        ("{host: 192.0.2.1}", 4, "'192.0.2.1' is an address; write it under `cidr:`"),
        ("{cidr: 192.0.2.1/24}", 4, "'192.0.2.1/24' has bits beyond its length; write 192.0.2.0/24"),
        ("{cidr: 192.0.2.0/33}", 4, "'192.0.2.0/33' is no address prefix"),
        ("{host: a.test, scop: region}", 4, "unknown key 'scop'; did you mean 'scope'?"),
        ("{host: a.test, countries: [NO]}", 4, 'write "NO"'),
        ("{host: a.test}\n  - {host: A.test.}", 5, "a.test stands twice; keep one of them"),
        ("{cidr: 192.0.2.0/24}\n  - {cidr: [192.0.2.0/24]}", 5, "192.0.2.0/24 stands twice"),
        (
            '{host: "a*.b.test"}\n  - {host: "*a.b.test"}',
            5,
            "fit the same names, and neither is more specific",
        ),
    ],
)
def test_mistakes_are_refused_with_their_line_and_the_mend(entry: str, line: int, says: str) -> None:
    with pytest.raises(DocumentError) as error:
        compiled(f"{HEAD}  - {entry}\n")
    [(path, at, text)] = mistakes(error)
    assert (path, at) == ("built-in-0.yaml", line)
    assert says in text


def test_a_users_entry_is_pinned_to_a_place_or_not_at_all() -> None:
    with pytest.raises(DocumentError) as error:
        compiled("endpoints: []", extra=(f"{HEAD}  - {{host: a.test, scope: region}}\n",))
    mend = "add `region:` or `countries:`, or leave `scope:` out"
    assert mistakes(error) == [("own-0.yaml", 4, f"scope is region, but no place is named; {mend}")]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("endpoints:\n  - {host: a.test, source: s, date: 2026-05-01}", 2, "an entry without provider"),
        (HEAD.replace("source: s, ", "") + "  - {host: a.test}", 4, "an entry without source; add `source:`"),
        (
            HEAD.replace(", date: 2026-05-01", "") + "  - {host: a.test}",
            4,
            "an entry without date; add `date:`",
        ),
        ("providers:\n  - {id: a, name: A}\n  - {id: a, name: B}", 3, "provider 'a' stands twice"),
        (
            "providers:\n  - {id: a, name: A, operator_country: UK}",
            2,
            "unknown country 'UK'; did you mean 'GB'?",
        ),
        ("providers:\n  - {id: a, nmae: A}", 2, "unknown key 'nmae'; did you mean 'name'?"),
        ("endpoint: []", 1, "unknown key 'endpoint'; did you mean 'endpoints'?"),
    ],
)
def test_mistakes_beside_the_entries(text: str, line: int, says: str) -> None:
    with pytest.raises(DocumentError) as error:
        compiled(text)
    assert [(at, says in problem) for _, at, problem in mistakes(error)] == [(line, True)]


def test_every_mistake_of_every_file_is_reported() -> None:
    bad = HEAD + "  - {host: a.test, provider: nobody}\n  - {host: b.test, countries: [XX]}\n"
    good = "defaults: {source: s, date: 2026-05-01}\nendpoints: []"
    with pytest.raises(DocumentError) as error:
        compiled(bad, HEAD.replace("acme", "other") + "  - {host: c.test, countries: [XX]}\n")
    assert [(path, line) for path, line, _ in mistakes(error)] == [
        ("built-in-0.yaml", 4),
        ("built-in-0.yaml", 5),
        ("built-in-1.yaml", 4),
    ]
    with pytest.raises(DocumentError) as error:
        compiled(good, extra=(bad, "defaults: {provider: acme}\nendpoints: [{host: c.test}]"))
    assert [(path, line) for path, line, _ in mistakes(error)] == [
        ("own-0.yaml", 4),
        ("own-0.yaml", 5),
        ("own-1.yaml", 2),
    ]


def test_a_duplicate_in_another_file_is_named() -> None:
    with pytest.raises(
        DocumentError, match=r"built-in-1.yaml:2: error: a.test stands twice \(also in built-in-0"
    ):
        compiled(
            HEAD + "  - {host: a.test}",
            "defaults: {provider: acme, source: s, date: 2026-05-01}\nendpoints: [{host: a.test}]",
        )


@pytest.mark.parametrize(
    ("row", "line", "says"),
    [
        ("aws,xx,XX,,,,c,s,full", 5, "unknown country 'XX'"),
        ("aws,xx,UK,,,,c,s,full", 5, "did you mean 'GB'?"),
        ("aws,us-east-1,US,,,,c,s,full", 5, "region aws us-east-1 stands twice"),
        ("aws,xx,DE,,91,,c,s,full", 5, "'91' is no coordinate"),
        ("aws,xx,DE,,,nan,c,s,full", 5, "'nan' is no coordinate"),
        ("aws,xx,DE,,,,c,s,maybe", 5, "verified is 'maybe'; use one of: full, code, listed, none"),
        ("aws,,DE,,,,c,s,full", 5, "vendor, code or source is empty"),
        ("aws,xx,DE", 5, "3 values"),
        ('aws,"xx', 5, "not CSV"),
    ],
)
def test_mistakes_in_the_region_table(row: str, line: int, says: str) -> None:
    with pytest.raises(DocumentError) as error:
        read_regions(Source("regions.csv", f"{REGIONS}{row}\n"), load_jurisdictions())
    [(path, at, text)] = mistakes(error)
    assert (path, at) == ("regions.csv", line)
    assert says in text


def test_the_region_table_needs_its_header() -> None:
    with pytest.raises(
        DocumentError, match=r"regions\.csv:1: error: header 'aws,x'; write vendor,code,country"
    ):
        read_regions(Source("regions.csv", "aws,x\n"), load_jurisdictions())


@pytest.mark.parametrize(
    ("vendor", "code", "country"),
    [
        ("aws", "ap-southeast-5", "MY"),
        ("alibaba", "ap-southeast-5", "ID"),
        ("huawei", "ap-southeast-5", "PH"),
        ("aws", "eu-west-1", "IE"),
        ("byteplus", "eu-west-1", "IE"),
        ("alibaba", "eu-west-1", "GB"),
        ("huawei", "eu-west-101", "IE"),
        ("aws", "me-west-1", "SA"),
        ("google", "me-west1", "IL"),
        ("google", "europe-west3", "DE"),
        ("aws", "eu-west-3", "FR"),
        ("byteplus", "ap-southeast-1", "MY"),
        ("aws", "ap-southeast-1", "SG"),
        ("oracle", "eu-frankfurt-2", "DE"),
    ],
)
def test_a_region_code_means_nothing_without_its_vendor(vendor: str, code: str, country: str) -> None:
    found = built_in().region(vendor, code)
    assert found is not None
    assert found.country == country


@pytest.mark.parametrize(
    ("vendor", "code"),
    [
        ("google", "me-west-1"),
        ("aws", "me-west1"),
        ("google", "eu-west-3"),
        ("aws", "europe-west3"),
        ("huawei", "eu-west-1"),
        ("", "eu-west-1"),
    ],
)
def test_a_code_of_another_vendor_is_no_region(vendor: str, code: str) -> None:
    assert built_in().region(vendor, code) is None


def test_every_built_in_entry_is_complete() -> None:
    catalog = built_in()
    assert len(catalog.endpoints) > 1000
    for endpoint in catalog.endpoints:
        assert endpoint.source
        assert endpoint.date.year >= 2026
        assert not endpoint.declared_by_user
        assert endpoint.provider in catalog.providers or endpoint.not_llm or endpoint.role == "ech-outer"
        assert (endpoint.scope == "global") <= (not endpoint.countries)
        assert (endpoint.source == "memory") <= (endpoint.verified == "none")
    assert {endpoint.provider for endpoint in catalog.endpoints} >= set(catalog.providers)


def test_the_names_that_policies_use() -> None:
    catalog = built_in()
    assert {"aws:eusc-de-east-1", "azure:westeurope", "google:europe-west3"} <= catalog.region_names()
    assert {"Bedrock inference", "Azure OpenAI (custom subdomain)"} <= catalog.services()


@given(st.text(max_size=300))
def test_any_text_can_be_looked_up(text: str) -> None:
    built_in().match_name(text)
    built_in().match_address(text)


@given(st.text(alphabet="-{}[]:,* \nabhost'\"&!#|>", max_size=200))
def test_any_text_as_a_file_compiles_or_is_refused(text: str) -> None:
    try:
        catalog = compiled(f"endpoints:\n{text}")
    except DocumentError:
        return
    assert catalog.version


def test_files_are_bounded() -> None:
    many = ", ".join(f"a{number}.test" for number in range(50_001))
    with pytest.raises(DocumentError, match="more than 50000 endpoints"):
        compiled(f"{HEAD}  - {{host: [{many}]}}\n")
    codes = ", ".join(f"r{number}: DE" for number in range(1_000))
    hosts = ", ".join(f'"h{number}.{{region}}.test"' for number in range(1_000))
    with pytest.raises(DocumentError, match="more than 50000 endpoints"):
        compiled(f"{HEAD}  - {{host: [{hosts}], regions: {{{codes}}}}}\n")
    with pytest.raises(DocumentError, match=r"more than 256 patterns end in \.a\.test"):
        compiled(HEAD + "".join(f'  - {{host: "x*{number}.a.test"}}\n' for number in range(257)))
    with pytest.raises(DocumentError, match="more than 100 region lists"):
        compiled("region_lists: {" + ", ".join(f"l{number}: x" for number in range(101)) + "}\nendpoints: []")
    with pytest.raises(DocumentError) as error:
        compiled(HEAD + "  - {host: a.test, provider: nobody}\n" * 1_000)
    assert len(error.value.problems) == 100


def test_lists_of_lists_do_not_grow_without_end() -> None:
    lists = ", ".join(f"l{number}: l{number - 1} l{number - 1}" for number in range(1, 90))
    catalog = compiled(f"""\
        providers: [{{id: aws, name: AWS}}]
        region_lists: {{l0: us-east-1, {lists}}}
        endpoints:
          - {{host: "a.{{region}}.test", provider: aws, regions: l89, source: s, date: 2026-05-01}}
        """)
    assert [endpoint.match for endpoint in catalog.endpoints] == ["a.us-east-1.test"]
