"""Whose client an address is: the longest prefix, over all groups."""

import datetime as dt
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.policy.networks import Entry, SubjectTable, read_networks
from monitor.policy.schema import Group, PolicyDocument, Service, Tenant
from monitor.types import Subject
from tests.policy_help import compiled

NESTED = """\
version: 1
id: nested
owner: dpo
issued: 2026-03-01
data_classes: [{name: crm}, {name: general}]
services:
  - {name: mailer, addresses: [10.40.9.1, "2001:db8:40::9"]}
tenants:
  - name: acme
    groups:
      - {name: backend, sources: [10.20.0.0/16, mailer, "2001:db8:20::/48"], data_class: crm}
      - name: office
        sources: [10.40.0.0/16, 10.20.128.0/17, 192.0.2.7, "2001:db8::/32"]
        data_class: general
      - {name: kiosk, sources: [10.20.128.5], data_class: general}
rules:
  - {id: A, outcome: allow}
"""


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("10.20.0.1", "backend"),
        ("10.20.127.255", "backend"),
        ("10.20.128.0", "office"),
        ("10.20.128.5", "kiosk"),
        ("10.40.0.0", "office"),
        ("10.40.255.255", "office"),
        ("10.40.9.1", "backend"),  # a service
        ("10.40.9.2", "office"),
        ("192.0.2.7", "office"),
        ("2001:db8:20::1", "backend"),
        ("2001:db8:21::1", "office"),
        ("2001:db8:40::9", "backend"),
        ("::ffff:10.40.0.9", "office"),  # IPv4 inside IPv6
        ("10.19.255.255", None),
        ("192.0.2.8", None),
        ("2001:db9::1", None),
        ("::", None),
        ("", None),
        ("not an address", None),
        ("10.20.0.0/16", None),
        ("fe80::1%eth0", None),
    ],
)
def test_longest_prefix_wins(address: str, group: str | None) -> None:
    policy = compiled(NESTED)[0]
    subject = policy.subject(address)
    classes = {"backend": "crm", "office": "general", "kiosk": "general"}
    assert subject == (Subject("acme", group, classes[group]) if group else Subject())


def test_remembered_subjects_are_bounded() -> None:
    policy = compiled(NESTED)[0]
    for _ in range(3):
        policy.subject("10.20.0.1")
    known = policy.subject.cache_info()
    assert (known.hits, known.misses, known.maxsize) == (2, 1, 65_536)


NETWORKS = st.builds(
    lambda address, prefix: ipaddress.IPv4Network((address, prefix), strict=False),
    st.integers(0, 2**32 - 1).map(lambda number: number & 0x0000_0303 | 0x0A00_0000),
    st.integers(8, 32),
)


@given(st.lists(NETWORKS, unique=True, max_size=12), st.integers(0, 0x3FF))
def test_finds_what_a_search_of_all_networks_finds(networks: list[ipaddress.IPv4Network], low: int) -> None:
    address = ipaddress.IPv4Address(0x0A00_0000 | low & 0x303)
    table = SubjectTable(Entry(each, Subject("t", str(each), "d"), ()) for each in networks)
    holding = sorted((each for each in networks if address in each), key=lambda each: each.prefixlen)
    expected = Subject("t", str(holding[-1]), "d") if holding else Subject()
    assert table.find(str(address)) == expected


@given(st.text(min_size=1, max_size=40))
def test_any_text_as_a_source_is_a_network_or_a_remark(text: str) -> None:
    tenant = Tenant("t", (Group("g", "d", (text,)),))
    document = _document(tenant, Service("s", (text,)))
    entries, remarks = read_networks(document)
    assert len(entries) + len(remarks) >= 1


def _document(tenant: Tenant, service: Service) -> PolicyDocument:
    return PolicyDocument(1, "p", "o", dt.date(2026, 1, 1), (tenant,), (), services=(service,))
