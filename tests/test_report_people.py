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
from monitor.behaviours.types import Rest
from monitor.exports import BEHAVIOURS, DECISIONS, FINDINGS
from monitor.findings import Book
from monitor.report.cleaning import WITHHELD, Cleaner
from monitor.report.people import FEW, is_merged
from monitor.report.reading import Question, gather
from monitor.report.types import Facts, People
from monitor.types import Decision, Evidence, Outcome
from sensors.observations import FlowKey
from tests.findings_kit import OPENAI, SUBJECT, behave, decide, policy
from tests.rejudge_kit import written
from tests.report_kit import demo_facts

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
    assert len(rest) == len({row.key for row in rest}) == 12
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
