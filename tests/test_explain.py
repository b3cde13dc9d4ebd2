"""`explain`: kept answers, the text for people, what would change an answer, and what a terminal gets."""

import json
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from monitor.advice import Advice, Adviser
from monitor.aids import Aids
from monitor.attribution import Question, attribute
from monitor.catalog import Catalog
from monitor.cli import group
from monitor.commands import answer_text
from monitor.commands.lines import CHUNK, MAX_LINE, batches
from monitor.commands.terminal import columns_of, json_line, printable
from monitor.explain import KEPT, KEPT_INPUT, Circumstances, Explainer, read_input
from monitor.nearest import Nearest
from monitor.types import Evidence, EvidenceKind, Name
from tests.catalog_help import FixedGeo, built_in, compiled

KEYS = [
    "input", "provider", "possible", "service", "scope", "region", "countries", "certainty", "evidence",
    "conflicts",
]  # fmt: skip
OWN = """\
providers: [{id: corp-llm, name: Our own LLM, operator_country: DE}]
defaults: {provider: corp-llm, source: platform team, date: 2026-03-01, verified: full}
endpoints:
  - {service: Inference, host: llm.fra.corp.example, scope: region, countries: [DE]}
  - {service: Inference, host: llm.corp.example, scope: global, note: the encrypted body asks for a place}
  - {service: Gateway, host: gw.corp.example, possible: true}
"""
HEAD = "defaults: {source: here, date: 2026-03-01}\n"
CATALOGUE = """\
providers: [{id: acme, name: Acme, operator_country: US}, {id: other, name: Other}]
defaults: {source: here, date: 2026-03-01, provider: acme}
endpoints:
  - {service: API, host: api.acme.example, scope: global, note: a body is encrypted}
  - {service: "API, regional", host: eu.api.acme.example, scope: group, countries: [EU]}
  - {service: Chat, host: "*.chat.acme.example", address: unicast}
  - {service: Sites, host: www.acme.example, address: anycast}
  - {service: Mixed, host: mixed.acme.example, possible: true}
  - {service: Step, host: fra.front.acme.example, cname_only: true, region: r1, countries: [DE]}
  - {service: API, cidr: 192.0.2.0/25, scope: entry, region: r1, countries: [DE]}
  - {service: Told, host: told.acme.example, scope: region, countries: [DE], verified: third-party}
  - {service: none, host: like.acme.example, not_llm: true, note: a bakery}
  - {service: outer, host: outer.acme.example, role: ech-outer, behind: [acme]}
  - {provider: other, service: API, cidr: 203.0.113.0/24}
concealing: [{kind: vpn, service: Hole, host: vpn.example}]
"""


def explain(*arguments: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Result:
    variables = {"COLUMNS": "80", "NO_COLOR": "", **(env or {})}
    return CliRunner(env=variables).invoke(group, ["explain", *arguments], input=stdin)


@pytest.fixture(scope="module")
def acme() -> Catalog:
    return compiled(CATALOGUE)


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return str(path)


def advice(catalog: Catalog, text: str, *cnames: str, address: str | None = None) -> Advice:
    explained = Explainer(catalog).explained(text, Circumstances(cnames, address))
    return Adviser(catalog).advise(explained)


def test_the_text_says_the_answer_then_the_evidence_then_what_would_change_it(own: str) -> None:
    result = explain("llm.fra.corp.example", "--catalog", own)
    assert result.exit_code == 0
    assert result.stdout == (
        "llm.fra.corp.example\n"
        "  provider    corp-llm, Inference\n"
        "  where       pinned to DE\n"
        "  certainty   observed: its provider documents the name, or publishes the range\n"
        "  evidence\n"
        "  ├─ name: the client's hello names llm.fra.corp.example, which is Inference of\n"
        "  │    Our own LLM [own.yaml (2026-03-01)]\n"
        "  └─ catalogue: llm.fra.corp.example: processing is limited to DE; source:\n"
        "       platform team, 2026-03-01 [own.yaml (2026-03-01)]\n"
        "  what would change this answer\n"
        "  └─ nothing weaker: an address or GeoIP that disagrees is a conflict, and\n"
        "       replaces nothing\n"
    )


@pytest.mark.parametrize(
    ("text", "cnames", "address", "says"),
    [
        ("api.acme.example", (), None, "one that limits processing: eu.api.acme.example"),
        ("api.acme.example", (), None, "encrypted or agreed elsewhere: a body is encrypted"),
        ("eu.api.acme.example", (), None, "nothing weaker"),
        ("eu.api.acme.example", (), "203.0.113.1", "an answer to the conflict"),
        ("told.acme.example", (), None, "own word for the place; so far it rests on: here"),
        ("x.chat.acme.example", (), None, "--cname, for example fra.front.acme.example"),
        ("x.chat.acme.example", (), None, "in a range that is published for a region: --address IP"),
        ("x.chat.acme.example", (), None, "a GeoIP database, since its addresses stand in one place"),
        ("x.chat.acme.example", (), "198.51.100.1", "stand in one place: --geoip FILE"),
        ("x.chat.acme.example", ("fra.front.acme.example",), None, "nothing that packets show"),
        ("www.acme.example", (), None, "no address: this host's are anycast"),
        ("mixed.acme.example", (), None, "what is asked of this host, which is encrypted"),
        ("fra.front.acme.example", (), None, "this is an alias step: NAME --cname fra.front.acme.example"),
        ("outer.acme.example", (), None, "the name inside the encrypted hello"),
        ("192.0.2.1", (), None, "the name that the client asked for: NAME --address 192.0.2.1"),
        ("198.51.100.1", (), None, "a name that the client asked for: NAME --address 198.51.100.1"),
        ("www.example.org", (), None, "a CNAME chain that leads to a known host: --cname NAME"),
        ("www.example.org", (), None, "an address in a provider's range: --address IP"),
        ("like.acme.example", (), None, "an entry of your own: --catalog FILE"),
    ],
)  # fmt: skip
def test_what_would_change_an_answer(
    acme: Catalog, text: str, cnames: tuple[str, ...], address: str | None, says: str
) -> None:
    assert says in "\n".join(advice(acme, text, *cnames, address=address).would_change)


def test_a_given_chain_is_not_asked_for_again(acme: Catalog) -> None:
    given_chain = advice(acme, "x.chat.acme.example", "fra.front.acme.example").would_change
    assert not any("--cname" in line for line in given_chain)


def test_a_given_geoip_database_is_not_asked_for_again(acme: Catalog) -> None:
    for address, says in ((None, True), ("198.51.100.1", False)):
        explained = Explainer(acme).explained("x.chat.acme.example", Circumstances((), address))
        told = "\n".join(Adviser(acme, has_geoip=True).advise(explained).would_change)
        assert "--geoip" not in told
        assert ("which the GeoIP database places, since it stands in one: --address IP" in told) is says


def test_every_entry_of_the_built_in_catalogue_gets_advice() -> None:
    explainer, adviser = Explainer(built_in()), Adviser(built_in())
    for entry in built_in().endpoints:
        text = entry.match.replace("*", "x").partition("/")[0]
        told = adviser.advise(explainer.explained(text, Circumstances()))
        assert 1 <= len(told.would_change) <= 6, text
        assert told.concealing is None


def test_concealers_close_calls_and_close_names_are_told(acme: Catalog) -> None:
    hole = advice(acme, "vpn.example")
    assert hole.concealing is not None
    assert hole.concealing.service == "Hole"
    assert advice(acme, "api.acne.example").closest[0] == "api.acme.example"
    assert advice(acme, "www.weather.test").closest == ()
    like = explain("gemini.com").stdout
    assert "none: a close call, which is no LLM endpoint" in like
    assert "crypto exchange" in like
    assert "conceals    iCloud Private Relay (mask.icloud.com): a relay" in explain("mask.icloud.com").stdout
    assert "closest     api.openai.com" in explain("api.opnai.com").stdout


def test_the_work_for_a_close_name_is_bounded() -> None:
    nearest = Nearest([*(f"host-{index}.acme.example" for index in range(5_000)), "api.acme.example"])
    assert nearest.find("x" * 300) == ()
    assert nearest.find("") == ()
    assert nearest.find("api.acne.example")[0] == "api.acme.example"


def test_evidence_is_ordered_by_weight_and_conflicts_are_marked() -> None:
    kinds: list[EvidenceKind] = [
        "operator",
        "private",
        "dns",
        "geoip",
        "catalogue",
        "prefix",
        "cname",
        "name",
    ]
    said = tuple(Evidence(kind, "v", f"says {kind}", "data 1") for kind in kinds)
    answer = Explainer(built_in()).explain("api.openai.com", Circumstances())
    shown = answer.__class__(
        **{**{key: getattr(answer, key) for key in KEYS}, "evidence": said, "conflicts": said[:1]}
    )
    lines = list(answer_text.lines(shown, Advice((), None, ()), 80))
    found = [line.split()[1].rstrip(":") for line in lines if ": says " in line]
    assert found == [
        "name",
        "cname",
        "prefix",
        "catalogue",
        "geoip",
        "dns",
        "private",
        "operator",
        "operator",
    ]
    assert any("against it" in line for line in lines)
    assert sum("[data 1]" in line for line in lines) == 9


def test_every_kind_of_evidence_has_its_weight() -> None:
    assert sorted(answer_text.WEIGHTS) == sorted(get_args(EvidenceKind))


def test_json_has_the_stable_keys_and_full_adds_after_them(own: str) -> None:
    plain = json.loads(explain("llm.corp.example", "--catalog", own, "--json").stdout)
    assert list(plain) == KEYS
    full = json.loads(explain("llm.corp.example", "--catalog", own, "--json", "--full").stdout)
    assert list(full) == [*KEYS, "would_change", "concealing", "closest"]
    assert {key: full[key] for key in KEYS} == plain
    assert full["would_change"]
    hidden = json.loads(explain("mask.icloud.com", "--json", "--full").stdout)
    assert hidden["concealing"]["kind"] == "relay"
    assert explain("x", "--full").exit_code == 2


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_the_text_fits_the_width(columns: str, own: str) -> None:
    names = [entry.match.replace("*", "x").partition("/")[0] for entry in built_in().endpoints[::25]]
    stdin = "\n".join([*names, "gw.corp.example", "dns.google", "x" * 300, "a." * 120]).encode()
    result = explain("-", "--catalog", own, stdin=stdin, env={"COLUMNS": columns})
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= int(columns)


def test_colour_is_for_terminals_alone_and_no_color_is_heard() -> None:
    def coloured(env: dict[str, str]) -> str:
        runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "", "TERM": "xterm", **env})
        return runner.invoke(group, ["explain", "api.openai.com"], color=True).stdout

    assert "\x1b[" in coloured({})
    assert "\x1b" not in coloured({"NO_COLOR": "1"})
    assert "\x1b" not in coloured({"TERM": "dumb"})
    assert "\x1b" not in explain("api.openai.com").stdout


HOSTILE = [
    b"",
    b"\n\n  \r\n",
    bytes(range(256)),
    b"\x1b[31mred\x1b[0m.example\n\x1b]0;title\x07",
    "\u009b31m.example \u202eevil \u2028 \U000e0041".encode(),
    b"a" * 10_240 + b"\napi.openai.com\n",
    b"\xff\xfe\x00api.openai.com",
    b"[::1\nhttp://[\nhttps://\n:443\n//\n..\n@\n%00\n-",
]


@pytest.mark.parametrize("stdin", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("options", [(), ("--json",), ("--json", "--full")])
def test_hostile_input_ends_well_and_no_escape_sequence_gets_out(
    stdin: bytes, options: tuple[str, ...]
) -> None:
    result = explain("-", *options, stdin=stdin)
    assert result.exit_code == 0, result.output
    assert all(line.isprintable() for line in result.stdout.split("\n"))
    if options:
        assert all(list(json.loads(line))[: len(KEYS)] == KEYS for line in result.stdout.splitlines())


def test_escape_sequences_of_notes_and_arguments_do_not_get_out(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN.replace("the encrypted body", '"\\e[31mthe body').replace("a place}", 'a place"}'))
    result = explain("llm.corp.example", "x\x1b[2J", "--catalog", str(own))
    assert result.exit_code == 0
    assert "\\x1b[31mthe body" in result.stdout
    assert "\x1b" not in result.stdout


def test_answers_are_kept_up_to_a_bound() -> None:
    explainer = Explainer(built_in())
    for index in range(KEPT + 500):
        explainer.explain(f"h{index}.example.org", Circumstances())
    explainer.explain("x" * (KEPT_INPUT + 1), Circumstances())
    info = explainer._kept.cache_info()  # noqa: SLF001  the bound is what is tested
    assert (info.currsize, info.maxsize) == (KEPT, KEPT)
    assert info.misses == KEPT + 500


def test_a_kept_answer_is_the_answer() -> None:
    explainer = Explainer(built_in(), aids=Aids(geo=FixedGeo("DE")))
    for circumstances in (
        Circumstances(),
        Circumstances(("api.openai.com",)),
        Circumstances((), "192.0.2.1"),
    ):
        for text in ("api.openai.com", "x.openai.azure.com", "www.example.org"):
            first = explainer.explain(text, circumstances)
            assert explainer.explain(text, circumstances) is first
            names = (Name(text, "sni", "live", circumstances.cnames),)
            fresh = attribute(Question(names, circumstances.address), built_in(), FixedGeo("DE"))
            assert (first.provider, first.evidence) == (fresh.provider, fresh.evidence)


@given(st.from_regex(r"[a-z0-9_-]{1,9}(\.[a-z0-9_-]{1,9}){0,4}", fullmatch=True))
def test_plain_names_are_read_as_the_long_way_reads_them(text: str) -> None:
    assert read_input(text) == read_input(f" {text} ")
    assert read_input(text) == read_input(f"{text}:443" if read_input(text)[1] is None else text)


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 50))
def test_lines_come_whole_however_they_arrive(lines: list[bytes], size: int) -> None:
    stdin = b"\n".join(lines)

    class Slow(BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            return super().read1(size)

    wanted = [line.decode("utf-8", "replace").strip() for line in stdin.split(b"\n")]
    found = [line for batch in batches(Slow(stdin)) for line in batch]
    assert found == (wanted if stdin and not stdin.endswith(b"\n") else wanted[:-1])


def test_a_line_without_end_fills_no_memory() -> None:
    (batch,) = batches(BytesIO(b"x" * (5 * CHUNK)))
    assert [len(line) for line in batch] == [MAX_LINE]


@given(st.text())
def test_what_is_printed_is_printable(text: str) -> None:
    assert printable(text).isprintable()
    if not any("\ud800" <= each <= "\udfff" for each in text):
        line = json_line({"text": text})
        assert line.isprintable()
        assert json.loads(line) == {"text": text}


def test_a_table_fits_and_cuts_no_name() -> None:
    rows = [("ENTRY", "SCOPE", "SERVICE"), ("a" * 70, "region", "s" * 90), ("b", "global", "short")]
    lines = list(columns_of(rows, 80))
    assert max(map(len, lines)) <= 80
    assert "a" * 70 in lines
    assert [line.split()[0] for line in lines] == ["ENTRY", "a" * 70, "region", "b"]


def test_published_ranges_are_asked_for_where_they_would_help() -> None:
    """Of a provider that publishes its ranges, at a host whose addresses are not anycast, once."""
    catalog = built_in()
    explainer = Explainer(catalog)

    def told(name: str, address: str | None = None, *, has_ranges: bool = False) -> str:
        explained = explainer.explained(name, Circumstances((), address))
        return "\n".join(Adviser(catalog, has_ranges=has_ranges).advise(explained).would_change)

    needed = "a range that is published for a region: "
    assert f"{needed}--address IP, and `residency data update`" in told("contoso.openai.azure.com")
    assert f"{needed}`residency data update`" in told("contoso.openai.azure.com", "20.79.107.4")
    held = told("contoso.openai.azure.com", has_ranges=True)
    assert "an address in a range that is published for a region: --address IP" in held
    assert "data update" not in held + told("api.openai.com") + told(
        "contoso.openai.azure.com", "20.79.107.4", has_ranges=True
    )
