"""The mail sink, and a real server that takes its mails, in the open, over STARTTLS and over TLS."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.files import InputError
from monitor.sink_options import SmtpOptions, Tls
from monitor.sinks.mail import KEYS, mail
from monitor.sinks.protocol import Dead, Delivered, RetryAfter
from monitor.sinks.smtp import MAX_BATCH, SmtpSink
from tests.certificates_kit import Authority
from tests.mail_servers_kit import PASSWORD, USER, Postmaster, mail_server
from tests.sinks_kit import (
    HOST,
    HOSTILE,
    checkpoint,
    finding,
    free_port,
    opened,
    parcels,
    some,
    summary,
    told,
)

SENDER, SOC, DPO = "residency@example.org", "soc@example.org", "dpo@example.org"
OPTIONS = SmtpOptions(
    name="mail", host=HOST, sender=SENDER, recipients=(SOC, DPO), security="none", timeout_seconds=5
)
BOTH = (SOC, DPO)


def open_options(port: int) -> SmtpOptions:
    return msgspec.structs.replace(OPTIONS, port=port)


@pytest.mark.enable_socket
def test_a_mail_says_what_where_on_what_evidence_and_what_next(tmp_path: Path) -> None:
    postmaster = Postmaster()
    batch = parcels([opened(1), opened(2, "critical"), summary(), checkpoint()])
    with mail_server(postmaster) as port:
        assert SmtpSink(open_options(port), tmp_path).deliver(batch) == Delivered()
    (taken,) = postmaster.mails
    assert taken.recipients == BOTH
    assert taken.message["Subject"] == "[residency] critical: 4 events"
    assert taken.message["Date"] == "Tue, 10 Mar 2026 09:00:06 +0000"
    assert str(taken.message[KEYS]).split() == [each.key for each in batch]
    for line in (
        "crm-backend reaches OpenAI outside policy RES-010",
        "  what        opened, now open: a connection ended outside policy",
        "  whose       tenant acme, source group crm-backend, data class crm",
        "  provider    openai",
        "  where       anywhere (global endpoint)",
        "  how much    3 connections of 1 client, 1.0 kB up, 20.0 kB down",
        "              - the name is OpenAI's global endpoint [catalogue 7]",
        "  limits      - The endpoint is global: its name says nothing about where a",
        "  deadline    2026-03-11 09:00:00 UTC",
        "  remedy      Use the endpoint in eu-west-1.",
        f"  next        residency findings show {finding(1).id}",
        "  based on    - Residency Monitor 1.0, sensor edge-1",
        "              - catalogue 7",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ):
        assert line in taken.text.split("\n")


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # aiosmtpd does not count TLS from the start
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_over_tls_the_server_is_known_and_the_sink_logs_in(tmp_path: Path, security: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "wrong").write_text("wrong\n")
    (tmp_path / "wrong").chmod(0o600)
    postmaster = Postmaster()
    with mail_server(postmaster, security, authority.issue(HOST)) as port:
        right = msgspec.structs.replace(
            open_options(port),
            security=security,
            user=USER,
            password_file="password",  # noqa: S106  a file's name
            tls=Tls(ca=authority.ca.name),
        )
        untrusted = msgspec.structs.replace(right, tls=Tls(ca=other.ca.name))
        misnamed = msgspec.structs.replace(right, tls=Tls(ca=authority.ca.name, server_name="mx.example.org"))
        stranger = msgspec.structs.replace(right, password_file="wrong")  # noqa: S106
        anonymous = msgspec.structs.replace(right, user=None, password_file=None)
        reasons = {
            untrusted: "its certificate is not accepted: unable to get local issuer certificate",
            misnamed: "its certificate is not accepted: Hostname mismatch, certificate is not valid for "
            "'mx.example.org'",
            stranger: "refuses the login: 535 5.7.8 Authentication credentials invalid",
            anonymous: "refuses the sender: 530 5.7.0 Authentication required",
        }
        for options, reason in reasons.items():
            assert SmtpSink(options, tmp_path).deliver(some(1, 1)) == RetryAfter(f"{HOST}:{port}: {reason}")
        assert SmtpSink(right, tmp_path).deliver(some(1, 2)) == Delivered()
    assert [each.recipients for each in postmaster.mails] == [BOTH]


@pytest.mark.enable_socket
def test_without_starttls_nothing_is_said(tmp_path: Path) -> None:
    postmaster = Postmaster()
    with mail_server(postmaster) as port:
        options = msgspec.structs.replace(open_options(port), security="starttls")
        outcome = SmtpSink(options, tmp_path).deliver(some(1, 1))
        assert outcome == RetryAfter(f"{HOST}:{port}: it offers no STARTTLS")
    assert not postmaster.mails


@pytest.mark.enable_socket
def test_a_refusal_for_now_is_tried_again_and_nobody_has_the_mail_twice(tmp_path: Path) -> None:
    postmaster = Postmaster()
    batch = some(1, 2)
    with mail_server(postmaster) as port:
        sink = SmtpSink(open_options(port), tmp_path)
        postmaster.refused = {DPO: "451 4.7.1 greylisted"}
        later = RetryAfter(f"{HOST}:{port}: refuses for now {DPO} (451 4.7.1 greylisted)")
        assert [sink.deliver(batch), sink.deliver(batch)] == [later, later]
        postmaster.refused = {}
        assert sink.deliver(batch) == Delivered()
    assert [each.recipients for each in postmaster.mails] == [(SOC,), (DPO,)]
    first, second = (each.message["Message-ID"] for each in postmaster.mails)
    assert first == second


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("refused", "sender", "answer", "outcome"),
    [
        pytest.param(
            {DPO: "550 5.1.1 no such user"}, "250", "250",
            Dead(f"refuses for ever {DPO} (550 5.1.1 no such user); the other recipients have the mail", 2),
            id="one recipient for ever",
        ),
        pytest.param(
            {SOC: "550 gone", DPO: "553 gone"}, "250", "250",
            Dead(f"refuses for ever {SOC} (550 gone), {DPO} (553 gone)"), id="all recipients for ever",
        ),
        pytest.param(
            {SOC: "550 gone", DPO: "450 busy"}, "250", "250",
            RetryAfter(f"refuses for now {DPO} (450 busy)"), id="one for ever, one for now",
        ),
        pytest.param(
            {}, "250", "554 5.7.1 spam", Dead("refuses the mail for ever: 554 5.7.1 spam"),
            id="the mail for ever",
        ),
        pytest.param(
            {}, "250", "452 4.3.1 full", RetryAfter("refuses the mail: 452 4.3.1 full"),
            id="the mail for now",
        ),
        pytest.param(
            {}, "553 5.7.1 not yours", "250", RetryAfter("refuses the sender: 553 5.7.1 not yours"),
            id="the sender",
        ),
        pytest.param(
            {}, "552 5.3.4 too large", "250", Dead("refuses the mail for ever: 552 5.3.4 too large"),
            id="its size",
        ),
    ],
)  # fmt: skip
def test_each_refusal_has_its_outcome(
    tmp_path: Path, refused: dict[str, str], sender: str, answer: str, outcome: Dead | RetryAfter
) -> None:
    postmaster = Postmaster()
    postmaster.refused = refused
    postmaster.sender_answer, postmaster.answer = sender, answer
    with mail_server(postmaster) as port:
        expected = msgspec.structs.replace(outcome, reason=f"{HOST}:{port}: {outcome.reason}")
        assert SmtpSink(open_options(port), tmp_path).deliver(some(1, 3)) == expected


@pytest.mark.enable_socket
def test_no_server_is_no_exception(tmp_path: Path) -> None:
    port = free_port()
    outcome = SmtpSink(open_options(port), tmp_path).deliver(some(1, 1))
    assert outcome == RetryAfter(f"{HOST}:{port}: Connection refused")


@pytest.mark.enable_socket
def test_a_hostile_name_makes_no_header_no_line_and_no_end(tmp_path: Path) -> None:
    event = told(finding(1, name=HOSTILE, title=HOSTILE), why=HOSTILE)
    postmaster = Postmaster()
    with mail_server(postmaster) as port:
        batch = parcels([msgspec.structs.replace(event, key=HOSTILE)])
        assert SmtpSink(open_options(port), tmp_path).deliver(batch) == Delivered()
        assert SmtpSink(open_options(port), tmp_path).deliver(some(2, 1)) == Delivered()
    first, _ = postmaster.mails
    assert first.recipients == BOTH
    assert "Bcc" not in first.message
    assert not any(line.startswith(("Bcc", ".")) for line in first.text.split("\n"))
    assert "next        residency findings show" in first.text


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@settings(max_examples=40)
@given(title=TEXT, why=TEXT, key=TEXT, at_ns=st.integers(-(2**63), 2**63 - 1))
def test_whatever_an_event_says_the_mail_has_these_headers(
    title: str, why: str, key: str, at_ns: int
) -> None:
    event = msgspec.structs.replace(told(finding(1, title=title, name=title), why=why), key=key, at_ns=at_ns)
    whole = mail(OPTIONS, [event]).as_bytes()
    head = whole.partition(b"\r\n\r\n")[0]
    names = [
        line.partition(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in {b" ", b"\t"}
    ]
    wanted = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", KEYS]
    assert [name for name in names if not name.startswith(("Content-", "MIME-"))] == wanted
    assert all(len(line) <= 998 for line in whole.split(b"\r\n"))  # RFC 5322 section 2.1.1
    assert whole == mail(OPTIONS, [event]).as_bytes()
    assert b"\n" not in whole.replace(b"\r\n", b"")


def test_a_batch_is_what_a_person_can_read(tmp_path: Path) -> None:
    assert SmtpSink(msgspec.structs.replace(OPTIONS, batch=5_000), tmp_path).batch == MAX_BATCH
    assert SmtpSink(msgspec.structs.replace(OPTIONS, batch=7), tmp_path).batch == 7


@pytest.mark.parametrize(
    "address", ["soc", "soc@", "SOC <soc@example.org>", "a@b@c", "s\u00f6c@example.org", "@x"]
)
def test_an_address_that_is_none_is_refused_at_once(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match="is no mail address; write an address without a name"):
        SmtpSink(msgspec.structs.replace(OPTIONS, recipients=(SOC, address)), tmp_path)
