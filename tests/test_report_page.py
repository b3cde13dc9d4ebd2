"""The report's page as a document: whole, self-contained, and harmless whatever stands in the facts."""

import base64
import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.report.annex import ITEMS
from monitor.report.document import facts_json
from monitor.report.page import MAX_BYTES, render
from monitor.report.page.numbers import by_place, by_way, marks
from monitor.report.page.sections import BY_ID, SECTIONS
from monitor.report.page.text import check_command, duration, exact, machine_time, period, visible
from monitor.report.statements import is_stated
from monitor.report.types import Checkpoint, Facts, Input, Loaded, Period
from tests.page_kit import (
    HOSTILE,
    Page,
    empty_facts,
    hostile_facts,
    huge_facts,
    inventory_facts,
    watched_facts,
)
from tests.report_kit import demo_facts, ledger_facts

ROOT = Path(__file__).parents[1]
ALL: dict[str, Callable[[], Facts]] = {
    "demo": demo_facts,
    "few clients": lambda: demo_facts(5),
    "ledger": ledger_facts,
    "watched": watched_facts,
    "inventory": inventory_facts,
    "empty": empty_facts,
    "hostile": lambda: hostile_facts(HOSTILE[0]),
}


@pytest.fixture(scope="module", params=ALL)
def facts(request: pytest.FixtureRequest) -> Facts:
    return ALL[request.param]()


@pytest.fixture(scope="module")
def page(facts: Facts) -> Page:
    return Page(render(facts))


def test_same_facts_same_bytes(facts: Facts) -> None:
    assert render(facts) == render(facts)


def test_every_id_is_unique_and_every_link_ends_somewhere(page: Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    targets = [each["href"] for each in page.all("a")]
    targets += [f"#{each['aria-labelledby']}" for _, each in page.elements if "aria-labelledby" in each]
    targets += [f"#{each['data-for']}" for _, each in page.elements if "data-for" in each]
    assert targets
    assert all(each[0] == "#" and each[1:] in ids for each in targets)


def test_nothing_outside_is_referred_to(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {
            "img",
            "link",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "image",
            "foreignobject",
        }
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, (
            tag,
            attributes,
        )
        for name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    for block in (*page.blocks["style"], *page.blocks["script"]):
        assert not re.search(r"url\(|@import|https?:|fetch|XMLHttp|Storage|cookie|innerHTML", block)


def test_only_its_own_style_and_script_are_let_through(page: Page) -> None:
    (policy,) = [each["content"] for each in page.all("meta") if "http-equiv" in each]
    (style,), (script,) = page.blocks["style"], page.blocks["script"]
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert len(script.splitlines()) < 200


def test_headings_are_in_order(page: Page) -> None:
    levels = page.headings
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels) if before)


def test_tables_have_captions_and_scopes(page: Page) -> None:
    assert page.captions
    assert all(page.captions)
    assert all(each.get("scope") in {"col", "row"} for each in page.all("th"))


def test_landmarks_and_language(page: Page) -> None:
    assert [len(page.all(tag)) for tag in ("main", "nav", "header", "footer", "h1")] == [1] * 5
    assert page.all("html")[0]["lang"] == "en"
    assert all(
        {"aria-label", "tabindex"} <= set(each) for each in page.all("div") if each.get("role") == "region"
    )
    assert [each["id"] for each in page.all("section")] == [section.id for section in SECTIONS]


def test_charts_tell_what_they_show(facts: Facts, page: Page) -> None:
    charts = 3 + is_stated(facts)
    drawn = [each for each in page.all("svg") if "role" in each]
    assert len(drawn) == charts
    assert all(each["role"] == "img" for each in drawn)
    assert len(page.all("figcaption")) == charts


def test_no_cell_is_empty(facts: Facts) -> None:
    content = render(facts).decode().split('id="sign-off"')[0]
    assert re.findall(r"<t[dh][^>]*>\s*(?:None|Undefined)?\s*</t[dh]>", content) == []


def test_it_says_the_facts_it_was_made_of(facts: Facts, page: Page) -> None:
    digest = hashlib.sha256(facts_json(facts)).hexdigest()
    assert page.words().count(digest) == 2


@pytest.mark.parametrize(
    "said",
    [
        "Some inputs count connections alone",
        "no window from 2026-03-10 09:00:00 to 2026-03-10 09:01:20 UTC",
        "Time that sensor-1 did not cover",
        "the ring was full",
        "7 packets: ring",
        "3 connections by doh may hide others",
        "20 seconds",
        "dual-exposure",
        "2 within-policy, 1 outside-policy",
        "ticket T-1, until 2026-03-10: no reason given",
        "under way (owner: DPO)",
        "2: folded-destinations",
        "root cm9vdA==",
        "residency verify demo --key KEY",
        "3 decisions of class crm, by retention",
        "policy eu-crm@1",
        "None of the inputs holds its text",
        "Addresses of clients are shown, as was asked for",
    ],
)
def test_what_a_watched_network_tells_more(said: str) -> None:
    assert said in Page(render(watched_facts())).words()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text: str) -> None:
    text = text.replace("\ud800", "")  # half a surrogate pair has no JSON: no file can hold it
    content, harmless = render(hostile_facts(text)), render(hostile_facts("word"))
    assert Page(content).outline == Page(harmless).outline
    assert all(each.isprintable() or each == "\n" for each in set(content.decode()))
    assert len(content) < 2 * len(harmless)


def test_a_policy_is_there_in_full() -> None:
    facts = demo_facts()
    (policy,) = facts.policies
    assert policy.text is not None
    shown = Page(render(facts))
    assert " ".join(policy.text.split()) in shown.words()


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\u202eb\x00\ud800\n\tc") == "a\\u202eb\\x00\\ud800\n    c"


@pytest.mark.parametrize("long_texts", [False, True])
def test_the_most_rows_stay_below_the_bound(*, long_texts: bool) -> None:
    facts = huge_facts()
    if long_texts:
        rows = tuple(
            replace(row, name="'" * 500, key=replace(row.key, service='"' * 500, rule="&" * 500))
            for row in facts.destinations
        )
        facts = replace(facts, destinations=rows)
    content = render(facts)
    words = Page(content).words()
    assert len(content) < MAX_BYTES
    assert ("1,750 more are in the files" in words) == long_texts
    assert "so that only the table is here" in words


@pytest.mark.parametrize(("findings", "detailed"), [(9, 9), (100, 100), (101, 0)])
def test_many_findings_are_a_table_alone(findings: int, detailed: int) -> None:
    page = Page(render(huge_facts(10, findings)))
    assert len(page.all("article")) == detailed
    assert len([each for each in page.all("th") if each.get("class") == "id"]) == findings


def test_tables_of_charts_add_up() -> None:
    rows = demo_facts().destinations
    total = sum(row.count.flows for row in rows)
    assert sum(row.total for row in by_place(rows)) == total == 32
    assert sum(row.total for row in by_way(rows)) == total
    assert by_way(rows)[0].names == ("acme/crm-backend", "aws", "DE (enters)")


def test_marks_are_changes_of_what_was_loaded() -> None:
    loaded = [
        Loaded(0, 10, "1", "cat-1", "p@1"),
        Loaded(0, 20, "1", "cat-1", "p@2"),
        Loaded(0, 30, "1", "cat-2", "p@2", ("ranges 1",)),
        Loaded(0, 40, "2", "cat-2", "p@2", ("ranges 1",)),
        Loaded(1, 15, "1", "cat-1", None),
        Loaded(3, 15, "1", "cat-1", None),
        Loaded(2, None, "1", "cat-9", None),
    ]
    assert marks(loaded) == [
        (10, "policy p@1, catalogue cat-1"),
        (15, "policy none, catalogue cat-1"),
        (20, "policy p@2"),
        (30, "catalogue cat-2, data sets ranges 1"),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Input("replay", "out", sha256="0"), "sha256sum out/decisions.jsonl"),
        (Input("findings", "a b/findings.jsonl", sha256="0"), "sha256sum 'a b/findings.jsonl'"),
        (
            Input("ledger", "$(x)", checkpoint=Checkpoint("o", 1, "r", "k")),
            "residency verify '$(x)' --key KEY",
        ),
        (Input("replay", "-rf", sha256="0"), "sha256sum ./-rf/decisions.jsonl"),
        (Input("replay", "out"), None),
    ],
)
def test_commands_that_check_an_input(given: Input, expected: str | None) -> None:
    assert check_command(given) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (exact(1_773_133_230_001_490_000), "2026-03-10 09:00:30.001490000"),
        (exact(2**63 - 1), "2262-04-11 23:47:16.854775807"),
        (machine_time(0), "1970-01-01T00:00:00Z"),
        (duration(60_000_000_000), "1 minute"),
        (duration(7_200_000_000_000), "2 hours"),
        (duration(1_500_000_000), "1.5 seconds"),
        (duration(1_000_000_000), "1 second"),
        (duration(86_399_500_000_000), "23 hours 59 minutes"),
        (duration(86_400_000_000_000), "1 day"),
        (duration(86_430_000_000_000), "1 day"),
        (period(Period()), "all that the inputs hold"),
        (period(Period(0, None)), "from 1970-01-01 00:00:00 UTC"),
        (period(Period(0, 1)), "from 1970-01-01 00:00:00 to before 1970-01-01 00:00:00 UTC"),
        (period(Period(None, 0)), "to before 1970-01-01 00:00:00 UTC"),
    ],
)
def test_times_as_people_read_them(said: str, expected: str) -> None:
    assert said == expected


def test_the_annex_refers_to_sections_that_are_there() -> None:
    assert all(name in BY_ID for item in ITEMS for name in item.sections)
    assert {item.framework for item in ITEMS} == {"GDPR", "NIST AI RMF 1.0"}


def test_a_wheel_carries_templates_and_assets() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["monitor"]
    carried = {path for pattern in patterns for path in (ROOT / "monitor").glob(pattern)}
    needed = {
        path
        for folder in ("templates", "assets")
        for path in (ROOT / "monitor/report/page" / folder).rglob("*")
        if path.is_file()
    }
    assert len(needed) > 10
    assert needed <= carried
