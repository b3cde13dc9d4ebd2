"""Time stamps against an authority made of openssl."""

import datetime as dt
from pathlib import Path

import pytest

from monitor.timestamps import TimestampError, timestamp_query, verify_timestamp
from tests.tsa_kit import Authority

DATA = b"residency/sensor-1/acme\n12\nroot\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture(scope="module")
def reply(authority: Authority) -> bytes:
    return authority.reply(timestamp_query(DATA))


def test_query_is_that_of_openssl(authority: Authority) -> None:
    assert timestamp_query(DATA) == authority.query(DATA, "-sha256", "-cert", "-no_nonce")


def test_reply_says_when_and_who(authority: Authority, reply: bytes) -> None:
    authority.verify(DATA, reply)
    found = verify_timestamp(reply, authority.root.read_bytes(), DATA)
    assert (found.authority, found.serial) == ("CN=Test TSA", 2)
    assert found.time.tzinfo == dt.UTC


@pytest.mark.parametrize("options", [["-sha512", "-cert"], ["-sha256", "-cert"]])
def test_replies_to_queries_of_openssl_hold(authority: Authority, options: list[str]) -> None:
    made = authority.reply(authority.query(DATA, *options))
    assert verify_timestamp(made, authority.root.read_bytes(), DATA).authority == "CN=Test TSA"


def test_reply_for_other_bytes_does_not_hold(authority: Authority, reply: bytes) -> None:
    with pytest.raises(TimestampError, match="does not hold: Mismatch"):
        verify_timestamp(reply, authority.root.read_bytes(), DATA + b"\n")


def test_reply_of_an_authority_that_is_not_trusted_does_not_hold(tmp_path: Path, reply: bytes) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(TimestampError, match="does not hold"):
        verify_timestamp(reply, other.root.read_bytes(), DATA)


def test_refusal_does_not_hold(authority: Authority) -> None:
    refused = authority.reply(authority.query(DATA, "-sha1"))
    with pytest.raises(TimestampError):
        verify_timestamp(refused, authority.root.read_bytes(), DATA)


def test_reply_without_the_authoritys_certificate_does_not_hold(authority: Authority) -> None:
    bare = authority.reply(authority.query(DATA, "-sha256"))
    with pytest.raises(TimestampError):
        verify_timestamp(bare, authority.root.read_bytes(), DATA)


def test_spoilt_replies_are_refused_in_words(authority: Authority, reply: bytes) -> None:
    """No byte can be changed so that another time or authority is believed, and none makes a traceback."""
    root = authority.root.read_bytes()
    whole = verify_timestamp(reply, root, DATA)
    for at in range(0, len(reply), 5):
        changed = reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1 :]
        try:
            found = verify_timestamp(changed, root, DATA)
        except TimestampError:
            continue
        assert found == whole
    for data in (b"", b"x", reply[:100], reply[:-1]):
        with pytest.raises(TimestampError):
            verify_timestamp(data, root, DATA)


def test_no_root_is_refused(authority: Authority, reply: bytes) -> None:
    for trusted, expected in (
        (b"x", "are not PEM"),
        ((authority.folder / "tsa.pem").read_bytes(), "no root"),
    ):
        with pytest.raises(TimestampError, match=expected):
            verify_timestamp(reply, trusted, DATA)
