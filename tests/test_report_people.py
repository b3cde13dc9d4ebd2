"""Who is watched stays out of a report: no client's address is left, and rows of few are merged."""

import re
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.behaviours.types import Rest, behaviour_id
from monitor.exports import BEHAVIOURS, DECISIONS, FINDINGS
from monitor.findings import Book
from monitor.report.cleaning import WITHHELD, Cleaner
from monitor.report.page import render
from monitor.report.people import FEW, few_counted, is_merged
from monitor.report.reading import Question, gather
from monitor.report.types import Facts, Found, People, Step
from monitor.types import Decision, Evidence, Outcome
from sensors.observations import FlowKey
from tests.findings_kit import OPENAI, SUBJECT, behave, decide, policy
from tests.rejudge_kit import written
from tests.report_kit import demo_facts, ledger_facts

CLIENT, CLIENT_6, PSEUDONYM = "10.20.0.5", "fd00:10:20::5", "client-0123456789abcdef0123456789abcdef"
KNOWN = {CLIENT, CLIENT_6, PSEUDONYM}
ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.just(PSEUDONYM),
    st.just("::"),
    st.just(""),
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (f"no source group owns client {CLIENT}", f"no source group owns client {WITHHELD}"),
        (f"{CLIENT}: so it was.", f"{WITHHELD}: so it was."),
        (f"{CLIENT}:443 and {CLIENT}.", f"{WITHHELD}:443 and {WITHHELD}."),
        (
            "10.20.0.5.nip.io and ip-10-20-0-5.ec2.internal",
            f"{WITHHELD}.nip.io and ip-{WITHHELD}.ec2.internal",
        ),
        ("5.0.20.10.in-addr.arpa", f"{WITHHELD}.in-addr.arpa"),
        ("110.20.0.5, 10.20.0.51 and 10.20.0.0/16 stay", None),
        (f"client [{CLIENT_6}]:443 asked", f"client [{WITHHELD}]:443 asked"),
        (f"the host {CLIENT_6}: it", f"the host {WITHHELD} it"),
        ("FD00:10:20:0:0:0:0:5", WITHHELD),
        ("fd00:0010:0020:0000:0000:0000:0000:0005", WITHHELD),
        ("fd00-10-20--5.example", f"{WITHHELD}.example"),
        (ip_address(CLIENT_6).reverse_pointer, WITHHELD),
        ("2026-03-10 09:30:05 at fd00:10:20::6", None),
        (f"{PSEUDONYM} (acme/crm)", f"{WITHHELD} (acme/crm)"),
        ("client-0123 and client-side", None),
        ("", None),
    ],
)
def test_addresses_go_from_text(text: str, cleaned: str | None) -> None:
    assert Cleaner(KNOWN).clean(text) == (text if cleaned is None else cleaned)


def test_what_a_hostile_file_calls_a_client_takes_no_words_away() -> None:
    text = "openai is reached, at 10.0.0.1: e"
    assert Cleaner({"openai", "e", "", "at"}).clean(text) == text


def test_the_demo_shows_addresses_only_where_asked() -> None:
    shown, hidden = demo_facts(addresses=True), demo_facts()
    assert {row.flow.client for row in shown.destinations} > {"10.20.1.15", "10.20.1.16"}
    assert {row.flow.client for row in hidden.destinations} == {""}
    assert {row.flow.client_port for row in hidden.destinations} == {0}
    assert all(row.flow.server for row in hidden.destinations)
    assert not any(each.finding.clients for each in hidden.findings)
    assert any("no longer has the SHA-256" in each for each in hidden.seen.cautions)
    assert not any("SHA-256" in each for each in shown.seen.cautions)


def test_a_policy_does_not_tell_which_of_its_tests_clients_was_seen() -> None:
    (shown,), (hidden,) = demo_facts(addresses=True).policies, demo_facts().policies
    assert "client: 10.99.3.4" in (shown.text or "")  # whom nobody saw
    assert {row.flow.client for row in demo_facts(addresses=True).destinations}.isdisjoint({"10.30.200.10"})
    assert set(re.findall(r"client: ([^,}\s]+)", hidden.text or "")) == {WITHHELD}
    assert "10.30.0.0/16" in (hidden.text or "")


def test_rows_of_few_clients_are_merged_but_not_those_that_are_looked_for() -> None:
    whole, few = demo_facts(), demo_facts(5)
    for outcome in ("violation", "indeterminate"):
        before = [row for row in whole.destinations if row.key.outcome == outcome]
        after = [row for row in few.destinations if row.key.outcome == outcome]
        assert [row.key for row in before] == [row.key for row in after]
        assert [row.count for row in before] == [row.count for row in after]
        assert {row.clients for row in after} == {0}
    rest = [row for row in few.destinations if row.key.outcome not in ("violation", "indeterminate")]
    assert all(is_merged(row) and not row.name for row in rest)
    assert {row.key.source_group for row in rest} == {FEW, None}  # None: whose client no group owns
    assert len(rest) == len({row.key for row in rest}) == 11
    reached = {(row.key.provider, row.key.region) for row in whole.destinations}
    assert {(row.key.provider, row.key.region) for row in few.destinations} == reached
    assert rest[0].reasons == ("rows of fewer than 5 clients",)
    assert sum(row.count.flows for row in few.destinations) == whole.related.flows == few.related.flows
    assert sum(row.count.bytes() for row in few.destinations) == whole.related.bytes()
    assert not any(is_merged(row) for row in whole.destinations)


@pytest.mark.parametrize(("clients", "is_few"), [(4, True), (5, False), (6, False)])
def test_how_few_are_few(tmp_path: Path, clients: int, is_few: bool) -> None:  # noqa: FBT001
    found = [decide(at, f"10.20.0.{at}", "allow") for at in range(clients)]
    (row,) = gather(Question((written(tmp_path / DECISIONS, found),))).destinations
    assert is_merged(row) == is_few
    assert row.clients == (0 if is_few else clients)
    assert row.count.flows == clients


def mentioned(address: str, facts: Facts) -> bool:
    """Whether facts say an address anywhere, not as a part of a longer one."""
    text = msgspec.json.encode(facts).decode()
    around = "0-9a-f:" if ":" in address else "0-9"
    return re.search(rf"(?<![{around}]){re.escape(address)}(?![{around}])", text) is not None


def input_of(folder: Path, clients: list[str], outcomes: list[Outcome]) -> list[str]:
    """Write a replay whose sentences, names, findings and behaviours say its clients; return these."""
    book, found = Book(policy()), []
    for number, (client, outcome) in enumerate(zip(clients, outcomes, strict=False)):
        made = decide(number, client, outcome, port=number)
        proxied = replace(made.connection.flow, tunnel=f"proxy:{'[2001:db8::77]' if number else client}:99-x")
        says = Evidence("dns", client, f"as {client} was told; not {clients[0]}", "dns")
        attribution = replace(OPENAI, evidence=(says,), conflicts=(says,))
        connection = replace(made.connection, flow=proxied)
        reasons = (f"{client}: no source group owns client {client}",)
        decision: Decision = replace(made, connection=connection, attribution=attribution, reasons=reasons)
        book.offer(decision)
        found.append(decision)
    written(folder / DECISIONS, found)
    behaviour: Behaviour = replace(
        behave(),
        source=clients[0],
        what=f"{clients[0]} ({SUBJECT.tenant}) was called",
        rests_on=(Rest(1, FlowKey(clients[-1], 1, clients[0], 443, "tcp"), "inbound"),),
    )
    book.behave(behaviour)
    (folder / FINDINGS).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in book.findings()))
    (folder / BEHAVIOURS).write_bytes(msgspec.json.encode(behaviour) + b"\n")
    return [*clients[: len(outcomes)], "2001:db8::77"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(ADDRESSES, min_size=1, max_size=8),
    st.lists(
        st.sampled_from(["violation", "indeterminate", "allow", "excepted", "unassigned"]),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_no_address_of_a_client_is_left(
    tmp_path: Path, clients: list[str], outcomes: list[Outcome], least: int
) -> None:
    said = input_of(tmp_path, clients, outcomes)
    facts = gather(Question((tmp_path,), people=People(least)))
    assert facts.related.flows == min(len(clients), len(outcomes))
    for address in {*said, clients[0], clients[-1]} - {"", "::"}:
        assert not mentioned(address, facts), address
    shown = gather(Question((tmp_path,), people=People(1, addresses=True)))
    assert not clients[0] or mentioned(clients[0], shown)


def test_small_numbers_of_clients_are_told_nowhere(tmp_path: Path) -> None:
    two = [decide(at, f"10.20.0.{at}", "violation") for at in range(2)]
    book = Book(policy())
    changes = [change for decision in two for change in book.offer(decision)]
    assert changes[-1].why == "2 connections so far, from 2 clients"
    written(tmp_path / DECISIONS, two)
    (tmp_path / FINDINGS).write_bytes(msgspec.json.encode(changes[-1].finding))
    counted = {least: gather(Question((tmp_path,), people=People(least))) for least in (2, 3)}
    assert [each.findings[0].finding.client_count for each in counted.values()] == [2, 0]
    whys = {why for each in ledger_facts(5).findings for why in (step.why for step in each.steps)}
    assert "2 connections so far, from fewer than 5 clients" in whys
    assert not [why for why in whys if re.search(r"from \d+ client", why)]
    long = Step(0, "updated", f"from {'9' * 5_000} clients and from , client")
    assert few_counted(Found(changes[-1].finding, 0, (), (long,)), 5).steps == (long,)
    assert any("from 1 client" in step.why for each in ledger_facts(1).findings for step in each.steps)


def test_no_identifier_is_left_that_an_address_can_be_found_from(tmp_path: Path) -> None:
    clients = [f"10.20.0.{at}" for at in range(8)]
    input_of(tmp_path, clients, ["violation"] * 8)
    hidden = gather(Question((tmp_path,)))
    tried = {behaviour_id("unusual-upload", SUBJECT, f"10.20.0.{at}", "openai") for at in range(256)}
    shown = gather(Question((tmp_path,), people=People(addresses=True)))
    assert {each.id for each in shown.behaviours} < tried
    assert [each.id for each in hidden.behaviours] == ["unusual-upload-1"]
    assert not [each for each in tried if each in msgspec.json.encode(hidden).decode()]
    ids = {each.finding.id: each.finding.kind for each in hidden.findings}
    assert ids["unusual-upload-1"] == "unusual-upload"
    kept = {each.finding.id for each in shown.findings if each.finding.kind == "violation"}
    assert kept < ids.keys()


def test_an_identifier_made_with_a_key_stays(tmp_path: Path) -> None:
    written(tmp_path / DECISIONS, [decide(0, PSEUDONYM, "allow")])
    keyed = replace(behave(), source=PSEUDONYM, what="it", rests_on=())
    of_group = replace(behave(), id="of-the-group", source=None, what="it", rests_on=())
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in (keyed, of_group))
    (tmp_path / BEHAVIOURS).write_bytes(lines)
    facts = gather(Question((tmp_path,)))
    assert {each.id for each in facts.behaviours} == {keyed.id, of_group.id}


@pytest.mark.parametrize(("clients", "group"), [(4, FEW), (5, "backend")])
def test_an_exception_of_few_clients_names_no_group(tmp_path: Path, clients: int, group: str) -> None:
    found = [decide(at, f"10.20.0.{at % clients}", "excepted", port=at) for at in range(9)]
    written(tmp_path / DECISIONS, [replace(each, exception="EX-1") for each in found])
    (used,) = gather(Question((tmp_path,))).exceptions
    assert used.groups == (f"acme/{group}",)
    assert used.count.flows == 9


def test_a_merged_row_names_no_rule_that_tells_its_group() -> None:
    merged = [row for row in demo_facts(5).destinations if row.key.source_group == FEW]
    assert {(row.key.rule, row.key.severity) for row in merged} == {(None, None)}
    assert {row.key.rule for row in demo_facts(5).destinations if row.key.outcome == "violation"} > {
        "RES-030"
    }


def test_a_merged_row_says_that_each_of_its_rows_has_few_clients() -> None:
    page, rows = render(demo_facts(5)).decode(), demo_facts(5).destinations
    merged = sum(map(is_merged, rows))
    assert page.count(">fewer than 5 each</td>") == merged
    assert page.count(">fewer than 5</td>") == len(rows) - merged > 0


def test_a_policy_that_names_other_tenants_is_not_said_to_be_missing() -> None:
    facts = demo_facts()
    page = render(replace(facts, policies=(replace(facts.policies[0], text=None),))).decode()
    assert "Its text is known, and not shown" in page
    assert "None of the inputs holds its text" not in page
