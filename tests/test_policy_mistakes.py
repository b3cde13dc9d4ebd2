"""Every kind of mistake in a policy: the exact line that its owner reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.documents import DocumentError, Problem
from tests.policy_help import compiled

GOOD = """\
version: 1
id: small
owner: dpo
issued: 2026-03-01
jurisdictions:
  - name: own
    include: [EEA]
    countries: [CH]
data_classes:
  - name: crm
  - name: general
services:
  - name: mailer
    addresses: [10.20.9.1]
tenants:
  - name: acme
    groups:
      - name: backend
        sources: [10.20.0.0/16, mailer]
        data_class: crm
      - name: office
        sources: [10.40.0.0/16]
        data_class: general
rules:
  - id: RES-1
    when:
      data_classes: [crm]
      providers: [openai]
      services: [Bedrock]
      regions: [aws:eu-central-1]
    allow_in: [own]
    on_entry: allow
  - id: RES-2
    when: {source_groups: [office], tenants: [acme]}
    outcome: allow
exceptions:
  - id: EXC-1
    ticket: T-1
    approved_by: dpo
    reason: because
    when: {providers: [aws], jurisdictions: [EEA]}
    expires: 2026-12-31
tests:
  - name: one
    flow: {client: 10.20.0.5, host: api.openai.com}
    outcome: violation
    rule: RES-1
"""

SCRAPS = (
    "abE-:[]{},#'\"&*!|>%@?~. \n\t0127/\x00\u20ac\ud800"  # what an editor or an attacker may leave behind
)
AN_EXPIRY = "write a date without quotes, such as 2027-03-31"
ACTIONS = "use one of: allow, indeterminate, violation"
AT_LEAST_ONE = "write at least one, or remove the key"
NETWORK = "write a network such as 10.20.0.0/16 or 2001:db8::/32"
SETS = "use a country's ISO 3166-1 code or one of: EU, EFTA, EEA, EEA+CH, EU/EFTA, FIVE-EYES, ADEQUATE"
A_NAME = "give each a name of its own"

# what is written instead of what; then the line, the problem and the mend that come back
ERRORS = [
    # form
    ("rules:\n", "resolvers: [10.0.0.53, dns]\nrules:\n", 24, "'dns' is not a network", NETWORK),
    ("id: small", "idd: small", 2, "unknown key 'idd'", "did you mean 'id'?"),
    ("    on_entry: allow", "    on_enter: allow", 32, "unknown key 'on_enter'", "did you mean 'on_entry'?"),
    ("providers: [openai]", "provider: [openai]", 28, "unknown key 'provider'", "did you mean 'providers'?"),
    ("countries: [CH]", "countries: [NO]", 8, "YAML reads a bare NO as true or false", 'write "NO"'),
    ("version: 1", "version: 2", 1, "version: invalid enum value 2 (found '2')", "use one of: 1"),
    (
        "on_entry: allow",
        "on_entry: accept",
        32,
        "rules[0].on_entry: invalid enum value 'accept' (found 'accept')",
        ACTIONS,
    ),
    (
        "providers: [openai]",
        "providers: openai",
        28,
        "rules[0].when.providers: expected array, got str (found 'openai')",
        "write a list: [openai]",
    ),
    (
        "providers: [openai]",
        "providers: []",
        28,
        "rules[0].when.providers: expected array of length >= 1",
        AT_LEAST_ONE,
    ),
    ("owner: dpo", "owner: dpo\nowner: it", 4, "'owner' stands twice", "keep one of them"),
    # names that nobody knows
    (
        "providers: [openai]",
        "providers: [open-ai]",
        28,
        "unknown provider 'open-ai'",
        "did you mean 'openai'?",
    ),
    (
        "providers: [openai]",
        "providers: [qqq]",
        28,
        "unknown provider 'qqq'",
        "use one of: aws, azure, deepseek, google, mistral, openai",
    ),
    ("[aws], jur", "[AWS], jur", 41, "unknown provider 'AWS'", "did you mean 'aws'?"),
    ("allow_in: [own]", "allow_in: [ewn]", 31, "unknown jurisdiction 'ewn'", "did you mean 'own'?"),
    ("allow_in: [own]", "allow_in: [own, EL]", 31, "unknown jurisdiction 'EL'", "did you mean 'GR'?"),
    ("allow_in: [own]", "allow_in: [own, UK]", 31, "unknown jurisdiction 'UK'", "did you mean 'GB'?"),
    ("jurisdictions: [EEA]", "jurisdictions: [EAA]", 41, "unknown jurisdiction 'EAA'", "did you mean 'EEA'?"),
    ("countries: [CH]", "countries: [SW]", 8, "unknown country 'SW'", SETS),
    ("countries: [CH]", "countries: [UK]", 8, "unknown country 'UK'", "did you mean 'GB'?"),
    ("countries: [CH]", "countries: [EU]", 8, "'EU' is a set, not a country", "move it to `include:`"),
    ("countries: [CH]", "without: [EU]", 8, "'EU' is a set, not a country", "write its countries"),
    ("include: [EEA]", "include: [DE]", 7, "'DE' is a country, not a set", "move it to `countries:`"),
    ("include: [EEA]", "include: [EWR]", 7, "unknown built-in set 'EWR'", SETS),
    ("data_classes: [crm]", "data_classes: [CRM]", 27, "unknown data class 'CRM'", "did you mean 'crm'?"),
    ("data_class: crm", "data_class: crn", 20, "unknown data class 'crn'", "did you mean 'crm'?"),
    ("tenants: [acme]", "tenants: [acne]", 34, "unknown tenant 'acne'", "did you mean 'acme'?"),
    (
        "source_groups: [office]",
        "source_groups: [offices]",
        34,
        "unknown source group 'offices'",
        "did you mean 'office'?",
    ),
    ("16, mailer]", "16, mail]", 19, "unknown service 'mail'", "did you mean 'mailer'?"),
    (
        "services: [Bedrock]",
        "services: [Bedrok]",
        29,
        "unknown service 'Bedrok'",
        "use one of: API, Bedrock control plane, Bedrock inference, SageMaker runtime",
    ),
    (
        "regions: [aws:eu-central-1]",
        "regions: [eu-west-1]",
        30,
        "unknown region 'eu-west-1'",
        "say whose region: 'alibaba:eu-west-1' or 'aws:eu-west-1'",
    ),
    (
        "regions: [aws:eu-central-1]",
        "regions: [aws:eu-central-l]",
        30,
        "unknown region 'aws:eu-central-l'",
        "did you mean 'aws:eu-central-1'?",
    ),
    ("    rule: RES-1", "    rule: RES-I", 47, "unknown rule 'RES-I'", "did you mean 'RES-2'?"),
    (
        "    ticket: T-1",
        "    ticket: T-1\n    rules: [RES-9]",
        39,
        "unknown rule 'RES-9'",
        "did you mean 'RES-2'?",
    ),
    # names that stand twice, or are taken
    ("  - id: RES-2", "  - id: RES-1", 33, "rule 'RES-1' stands twice", A_NAME),
    ("- name: general", "- name: crm", 11, "data class 'crm' stands twice", A_NAME),
    ("      - name: office", "      - name: backend", 21, "source group 'backend' stands twice", A_NAME),
    ("  - name: own", "  - name: EEA", 6, "jurisdiction 'EEA' is built in", "choose another name"),
    (
        "  - id: RES-2",
        "  - id: default",
        33,
        "'default' is the name of what applies when no rule does",
        "choose another id",
    ),
    # networks
    (
        "sources: [10.40.0.0/16]",
        "sources: [10.40.0.1/16]",
        22,
        "'10.40.0.1/16' has bits set behind its prefix",
        "write 10.40.0.0/16 for the network, or 10.40.0.1 for the one address",
    ),
    ("sources: [10.40.0.0/16]", "sources: [10.400.0.0/16]", 22, "'10.400.0.0/16' is not a network", NETWORK),
    (
        "sources: [10.40.0.0/16]",
        'sources: ["::ffff:10.40.0.0/112"]',
        22,
        "'::ffff:10.40.0.0/112' is an IPv4 network in IPv6 form",
        "write 10.40.0.0/16",
    ),
    ("addresses: [10.20.9.1]", "addresses: [mailer.local]", 14, "'mailer.local' is not a network", NETWORK),
    (
        "        sources: [10.40.0.0/16]",
        "        sources: []",
        21,
        "source group 'office' is empty",
        "add its networks under `sources:`",
    ),
    (
        "sources: [10.40.0.0/16]",
        "sources: [10.20.0.0/16]",
        22,
        "network 10.20.0.0/16 stands twice, in 'backend' and in 'office'",
        "keep it in one group",
    ),
    ("    addresses: [10.20.9.1]", "    addresses: []", 13, "service 'mailer' is empty", "add `addresses:`"),
    # rules
    ("    outcome: allow\nexc", "exc", 33, "rule 'RES-2' has no effect", "add `allow_in:` or `outcome:`"),
    (
        "    on_entry: allow",
        "    outcome: allow",
        32,
        "rule 'RES-1' has both a fixed outcome and a place to be inside",
        "keep `outcome:` or `allow_in:`, not both",
    ),
    (
        "    outcome: allow\nexc",
        "    outcome: allow\n    on_global: allow\nexc",
        36,
        "on_global has no meaning beside `outcome:`",
        "remove it, or ask for a place with `allow_in:`",
    ),
    (
        "    outcome: allow\nexc",
        "    outcome: allow\n    on_operator: allow\nexc",
        36,
        "on_operator has no meaning beside `outcome:`",
        "remove it, or ask for a place with `allow_in:`",
    ),
    (
        "    include: [EEA]\n    countries: [CH]\n",
        "",
        6,
        "jurisdiction 'own' is empty",
        "add `countries:` or `include:`",
    ),
    # exceptions
    (
        "    expires: 2026-12-31\n",
        "",
        37,
        "exception 'EXC-1' has no expiry",
        "add `expires:` with a date, such as 2027-03-31",
    ),
    (
        "expires: 2026-12-31",
        "expires: end of the year",
        42,
        "expiry of 'EXC-1' is not a date: 'end of the year'",
        AN_EXPIRY,
    ),
    ("expires: 2026-12-31", "expires: never", 42, "expiry of 'EXC-1' is not a date: 'never'", AN_EXPIRY),
    (
        "expires: 2026-12-31",
        "expires: 31.12.2026",
        42,
        "expiry of 'EXC-1' is not a date: '31.12.2026'",
        AN_EXPIRY,
    ),
    (
        "expires: 2026-12-31",
        'expires: "2026-12-31"',
        42,
        "expiry of 'EXC-1' is not a date: '2026-12-31'",
        AN_EXPIRY,
    ),
    ("expires: 2026-12-31", "expires: 20261231", 42, "expiry of 'EXC-1' is not a date: 20261231", AN_EXPIRY),
    (
        "expires: 2026-12-31",
        "expires: 2026-12-31T10:00:00Z",
        42,
        "expiry of 'EXC-1' has a time of day",
        "write the day alone: 2026-12-31; it is in force until that day ends (UTC)",
    ),
    (
        "expires: 2026-12-31",
        "expires: 2026-11-31",
        42,
        "there is no 2026-11-31",
        "write a day that the calendar has",
    ),
    (
        "expires: 2026-12-31",
        "expires: 2026-12-31\n    starts: 2027-01-01",
        42,
        "exception 'EXC-1' expires before it starts",
        "write a date after 2027-01-01",
    ),
    (
        "    when: {providers: [aws], jurisdictions: [EEA]}\n",
        "",
        37,
        "exception 'EXC-1' selects every flow",
        "say which flows under `when:`",
    ),
    (
        "    approved_by: dpo\n",
        "",
        37,
        "exceptions[0]: object missing required field approved_by",
        "add `approved_by:`",
    ),
    # tests
    (
        "client: 10.20.0.5",
        "client: 10.20.0.0/16",
        45,
        "'10.20.0.0/16' is not an IP address",
        "write one address, such as 10.20.0.5 or 2001:db8::5",
    ),
    (", host: api.openai.com", "", 45, "test 'one' has no server", "add `host:`, `address:` or both"),
    (
        ", host: api.openai.com",
        ", host: a.example, at: noon",
        45,
        "'noon' is not a time",
        "write one in UTC without quotes, such as 2026-11-10T12:00:00Z",
    ),
]


def mistakes(old: str, new: str) -> list[str]:
    assert GOOD.count(old) == 1, old
    with pytest.raises(DocumentError) as caught:
        compiled(GOOD.replace(old, new))
    return [str(problem) for problem in caught.value.problems]


def test_the_policy_without_a_mistake_has_no_warning() -> None:
    assert compiled(GOOD)[1] == ()


@pytest.mark.parametrize(("old", "new", "line", "problem", "mend"), ERRORS)
def test_mistake(old: str, new: str, line: int, problem: str, mend: str) -> None:
    assert mistakes(old, new)[:1] == [f"p.yaml:{line}: error: {problem}; {mend}"]


@settings(max_examples=150)
@given(st.integers(0, len(GOOD)), st.integers(0, 30), st.text(alphabet=SCRAPS, max_size=8))
def test_any_damage_gives_a_policy_or_problems_with_lines(at: int, cut: int, scrap: str) -> None:
    text = GOOD[:at] + scrap + GOOD[at + cut :]
    problems: tuple[Problem, ...] = ()
    try:
        problems = compiled(text)[1]
    except DocumentError as error:
        problems = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 2 and problem.mend for problem in problems)
