"""Pseudonyms: stable for a client, tenant and period, unlinkable beyond; and no address is left."""

import hmac
import re
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.behaviours.types import Rest, behaviour_id
from monitor.findings import Book
from monitor.ledger.days import DAY_NS
from monitor.pseudonyms import KEY_BYTES, Pseudonyms, period_of
from monitor.types import Decision, Evidence, Name
from pcaps import golden
from sensors.observations import FlowKey
from tests.decisions_kit import decision
from tests.findings_kit import behave, decide, policy
from tests.observed import START_NS

DAYS = 30
PERIOD = period_of(START_NS, DAYS)
KEYS = {PERIOD + step: bytes([step + 2]) * KEY_BYTES for step in (-1, 0, 1)}
PSEUDONYM = re.compile(r"client-[0-9a-f]{32}")
CASES = golden.cases()
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)


def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEYS, DAYS)


def line(decided: Decision) -> str:
    return msgspec.json.encode(decided).decode()


def holding(client: str, text: str, server: str = "203.0.113.7") -> Decision:
    """Return a decision with a text in every place that takes one."""
    made = decision()
    flow = replace(made.connection.flow, client=client, server=server)
    name = Name(text, "sni", cnames=(text,))
    connection = replace(made.connection, flow=flow, names=(name,))
    evidence = Evidence("name", text, text, text)
    attribution = replace(made.attribution, evidence=(evidence,), conflicts=(evidence,))
    return replace(made, connection=connection, attribution=attribution, reasons=(text,))


def test_a_pseudonym_is_128_bits_of_hmac_sha_256() -> None:
    tenant_key = hmac.digest(KEYS[PERIOD], f'[{PERIOD},"acme"]'.encode(), "sha256")
    wanted = hmac.digest(tenant_key, b"10.20.1.5", "sha256").hex()[:32]
    assert pseudonyms().pseudonym("10.20.1.5", "acme", START_NS) == f"client-{wanted}"


@pytest.mark.parametrize(
    ("address", "tenant", "days", "keys", "same"),
    [
        ("10.20.1.5", "acme", 0, KEYS, True),
        ("10.20.1.5", "acme", 5, KEYS, True),
        ("10.20.1.6", "acme", 0, KEYS, False),
        ("10.20.1.5", "other", 0, KEYS, False),
        ("10.20.1.5", "", 0, KEYS, False),
        ("10.20.1.5", None, 0, KEYS, False),
        ("10.20.1.5", "acme", DAYS, KEYS, False),
        ("10.20.1.5", "acme", -DAYS, KEYS, False),
        ("10.20.1.5", "acme", 0, {PERIOD: bytes(KEY_BYTES)}, False),
    ],
)
def test_what_a_pseudonym_depends_on(
    address: str,
    tenant: str | None,
    days: int,
    keys: dict[int, bytes],
    same: bool,  # noqa: FBT001
) -> None:
    wanted = pseudonyms().pseudonym("10.20.1.5", "acme", START_NS)
    found = Pseudonyms(keys, DAYS).pseudonym(address, tenant, START_NS + days * DAY_NS)
    assert (found == wanted) is same
    assert PSEUDONYM.fullmatch(found)


@given(st.integers(-(2**63), 2**64), V4)
def test_a_packet_of_any_time_gets_a_pseudonym_of_its_own_period(ts_ns: int, address: str) -> None:
    made = pseudonyms().pseudonym(address, None, ts_ns)
    assert PSEUDONYM.fullmatch(made)
    assert pseudonyms().pseudonym(address, None, ts_ns) == made
    start_ns = period_of(ts_ns, DAYS) * DAYS * DAY_NS
    assert pseudonyms().pseudonym(address, None, start_ns) == made
    assert pseudonyms().pseudonym(address, None, start_ns - 1) != made


def test_new_keys_make_new_pseudonyms() -> None:
    made = pseudonyms()
    before = made.pseudonym("10.20.1.5", "acme", START_NS)
    made.use({PERIOD: bytes(KEY_BYTES)})
    assert made.pseudonym("10.20.1.5", "acme", START_NS) != before


@pytest.mark.parametrize(
    ("client", "text", "left"),
    [
        ("10.20.1.5", "no source group of policy P owns client 10.20.1.5", "... owns client CLIENT"),
        ("10.20.1.5", "10.20.1.5:50000", "CLIENT:50000"),
        ("10.20.1.5", "10.20.1.50 and 110.20.1.5", "10.20.1.50 and 110.20.1.5"),
        ("10.20.1.5", "ip-10-20-1-5.corp.example", "ip-CLIENT.corp.example"),
        ("10.20.1.5", "5.1.20.10.in-addr.arpa", "CLIENT"),
        ("10.20.1.5", "5.1.20.10", "5.1.20.10"),
        ("10.20.1.5", r"a\x0010.20.1.5\x00", r"a\x00CLIENT\x00"),
        ("2001:db8::1", "[2001:db8::1]:443, 2001:db8::1.", "[CLIENT]:443, CLIENT."),
        ("2001:db8::1", "client 2001:db8::1: and", "client CLIENT: and"),
        ("2001:db8::1", "2001:db8::12 2001:db8::1:2", "2001:db8::12 2001:db8::1:2"),
        ("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "CLIENT"),
        ("2001:db8::1", "2001-db8--1.corp.example", "CLIENT.corp.example"),
        ("::1", "2001:db8::1 and ::1", "2001:db8::1 and CLIENT"),
        ("::1", "x::1", "xCLIENT"),
    ],
)
def test_every_place_that_takes_text(client: str, text: str, left: str) -> None:
    hidden = pseudonyms().pseudonymised(holding(client, text))
    pseudonym = hidden.connection.flow.client
    assert PSEUDONYM.fullmatch(pseudonym)
    wanted = left.replace("... ", "no source group of policy P ").replace("CLIENT", pseudonym)
    (name,), (evidence,), (conflict,) = (
        hidden.connection.names,
        hidden.attribution.evidence,
        hidden.attribution.conflicts,
    )
    texts = [name.value, *name.cnames, evidence.value, evidence.says, evidence.dataset, conflict.says]
    assert {*texts, *hidden.reasons} == {wanted}


@pytest.mark.parametrize(
    ("tunnel", "left"),
    [
        (None, None),
        ("vxlan:42/gre", "vxlan:42/gre"),
        ("proxy:10.0.0.90:49152-10.0.0.91:8443", "proxy:WIRE:0-10.0.0.91:8443"),
        ("gre/proxy:[fd00::90]:49152-[fd00::91]:8443", "gre/proxy:WIRE:0-[fd00::91]:8443"),
        ("proxy:10.20.1.5:1-10.0.0.91:8443", "proxy:CLIENT:0-10.0.0.91:8443"),
    ],
)
def test_the_end_on_the_wire_behind_a_proxy(tunnel: str | None, left: str | None) -> None:
    made = holding("10.20.1.5", "from 10.0.0.90 or fd00::90")
    flow = replace(made.connection.flow, tunnel=tunnel)
    hidden = pseudonyms().pseudonymised(replace(made, connection=replace(made.connection, flow=flow)))
    found = hidden.connection.flow.tunnel
    wires = [pseudonyms().pseudonym(wire, "acme", made.ts_ns) for wire in ("10.0.0.90", "fd00::90")]
    for wire in wires:
        found = found.replace(wire, "WIRE") if found is not None else None
    assert found == (left.replace("CLIENT", hidden.connection.flow.client) if left is not None else None)
    if tunnel is not None and "proxy" in tunnel and "CLIENT" not in (left or ""):
        assert any(wire in hidden.reasons[0] for wire in wires)


def test_the_rest_stays() -> None:
    made = holding("10.20.1.5", "api.openai.com at 203.0.113.7")
    hidden = pseudonyms().pseudonymised(made)
    flow = replace(hidden.connection.flow, client="10.20.1.5", client_port=made.connection.flow.client_port)
    assert hidden.connection.flow.client_port == 0
    assert replace(hidden, connection=replace(hidden.connection, flow=flow)) == made


def test_a_client_that_speaks_with_itself_is_not_told_as_server() -> None:
    hidden = pseudonyms().pseudonymised(holding("10.20.1.5", "", "10.20.1.5"))
    assert "10.20.1.5" not in line(hidden)


@given(st.one_of(V4, V6), st.one_of(V4, V6))
def test_no_address_is_left(client: str, server: str) -> None:
    texts = [client, f"client {client}: it", f"({client})", f"[{client}]:443", f"{client},", f"({client})"]
    hidden = pseudonyms().pseudonymised(holding(client, " ".join(texts), server))
    text = line(hidden).replace(server, "SERVER") if server != client else line(hidden)
    assert client not in text
    assert server in (client, hidden.connection.flow.server)


def addresses_of_clients(case: Path) -> set[str]:
    """Return all addresses that stand as a client in what the sensor sees of a case."""
    found = set()
    for each in golden.observations(case):
        seen = msgspec.json.decode(each)
        found |= {seen.get("client"), seen.get("flow", {}).get("client")} - {None}
        tunnel = seen.get("flow", {}).get("tunnel") or ""
        found |= set(re.findall(r"proxy:\[?(.*?)\]?:\d+-", tunnel))
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_client_of_a_capture_is_in_a_line(case: Path) -> None:
    clients = addresses_of_clients(case)
    assert all(ip_address(client) for client in clients)
    made = pseudonyms()
    for written in golden.decisions(case):
        decided = msgspec.json.decode(written, type=Decision)
        hidden = made.pseudonymised(decided)
        flow = hidden.connection.flow
        assert (flow.server, flow.server_port) == (
            decided.connection.flow.server,
            decided.connection.flow.server_port,
        )
        for client in clients - {flow.server}:
            assert not re.search(rf"(?<![\da-f.:]){re.escape(client)}(?![\da-f])", line(hidden)), client


def test_a_behaviour_has_pseudonyms_and_an_identifier_that_cannot_be_tried() -> None:
    of = pseudonyms()
    was = behave(0, 9, 2)
    hidden = of.pseudonymised_behaviour(was)
    pseudonym = of.pseudonym("10.20.0.5", "acme", was.last_ns)
    assert (hidden.source, hidden.what) == (pseudonym, f"{pseudonym} had 2 connections")
    assert [(rest.flow.client, rest.flow.client_port) for rest in hidden.rests_on] == [(pseudonym, 0)]
    assert "10.20.0.5" not in msgspec.json.encode(hidden).decode()
    assert re.fullmatch("[0-9a-f]{16}", hidden.id)
    assert hidden.id not in {was.id, behaviour_id(was.kind, was.subject, pseudonym, "openai")}
    assert of.pseudonymised_behaviour(behave(5, 30, 7)).id == hidden.id
    assert Pseudonyms({PERIOD: bytes(KEY_BYTES)}, DAYS).pseudonymised_behaviour(was).id != hidden.id
    assert replace(hidden, id=was.id, source=was.source, what=was.what, rests_on=was.rests_on) == was


def test_a_behaviour_does_not_link_two_periods() -> None:
    of = pseudonyms()
    was = behave(0, 40 * 86_400, 2)
    hidden = of.pseudonymised_behaviour(was)
    assert hidden.rests_on == ()
    assert hidden.source == of.pseudonym("10.20.0.5", "acme", was.last_ns)
    assert hidden.id != of.pseudonymised_behaviour(behave(0, 9)).id


def test_a_host_that_is_called_is_hidden_where_it_is_the_client_elsewhere() -> None:
    was = behave()
    inbound = FlowKey("198.51.100.7", 40_000, "10.20.0.5", 443, "tcp")
    relay = replace(was, rests_on=(*was.rests_on, Rest(was.first_ns, inbound, "inbound")))
    hidden = pseudonyms().pseudonymised_behaviour(relay)
    assert hidden.rests_on[1].flow.server == hidden.source
    assert not re.search(r"10\.20\.0\.5|198\.51\.100\.7", msgspec.json.encode(hidden).decode())


def test_a_group_s_behaviour_hides_whose_connections_it_rests_on() -> None:
    hidden = pseudonyms().pseudonymised_behaviour(replace(behave(), source=None, what="a group"))
    assert hidden.source is None
    assert PSEUDONYM.fullmatch(hidden.rests_on[0].flow.client)


def test_findings_of_what_is_hidden_hold_no_address() -> None:
    book, of = Book(policy()), pseudonyms()
    book.behave(of.pseudonymised_behaviour(behave()))
    book.offer(of.pseudonymised(decide()))
    assert len(book.findings()) == 2
    assert b"10.20.0.5" not in msgspec.json.encode(book.findings())
