"""Signed notes and checkpoints, with the keys and notes of the specifications and of Go's own tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.merkle.checkpoint import Checkpoint, CheckpointError, format_checkpoint, parse_checkpoint
from monitor.merkle.note import NoteError, Signer, Verifier, open_note, read_note, split_note
from monitor.merkle.tree import leaf_hash

# golang.org/x/mod, sumdb/note/note_test.go
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "\u2014 EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
NOTE = f"{TEXT}\n{PETER_LINE}"
BAD_NOTES = [
    TEXT,
    TEXT + "\n",
    NOTE[:-1],
    "\x01" + NOTE,
    NOTE.replace("\n", "\r\n"),
    TEXT + "\n" + PETER_LINE.replace("PeterNeumann", "Bad Name"),
    NOTE + "Unexpected line.\n",
    f"{TEXT}\n{PETER_LINE * 101}",
    NOTE.replace("JnAM=", "JnAN="),  # a bit that base64 does not use
    NOTE.replace("JnAM=", "JnAM"),
    NOTE.replace("x08go/", "x08go_"),
    NOTE.replace(PETER_LINE, "\u2014 PeterNeumann x08gow==\n"),  # the key's id alone
    NOTE + "\n",
    f"\n{NOTE}",
    NOTE + "\udc80",
    "",
]
# c2sp.org/tlog-checkpoint
SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
# golang.org/x/mod, sumdb/tlog/note_test.go
GO_TREE = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"


def test_key_pair_and_signature_are_those_of_go() -> None:
    signer = Signer.read_skey(PETER_SECRET)
    assert (signer.name, signer.vkey, signer.skey) == ("PeterNeumann", PETER, PETER_SECRET)
    assert signer.sign(TEXT) == NOTE
    assert Verifier(PETER).verify(NOTE) == TEXT


@pytest.mark.parametrize("key", [PETER, ENOCH])
def test_mangled_public_keys_are_refused(key: str) -> None:
    bad = {key[start:end] for start in range(len(key)) for end in range(start, len(key) + 1)} - {key}
    bad |= {key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :] for at in range(len(key))}
    bad |= {
        # the same test: the wrong length, and an unknown algorithm, each with its right id
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        key.replace("+", " +", 1), f"{key}\n", key.upper(),
    }  # fmt: skip
    for line in bad:
        with pytest.raises(NoteError):
            Verifier(line)


def test_mangled_private_keys_are_refused_and_never_quoted() -> None:
    key = PETER_SECRET
    bad = {key[start:end] for start in range(len(key)) for end in range(start, len(key) + 1)} - {key}
    bad |= {key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :] for at in range(len(key))}
    for line in bad:
        with pytest.raises(NoteError) as refused:
            Signer.read_skey(line)
        assert key[-20:] not in str(refused.value)


def test_signatures_of_known_keys_count_and_others_are_told() -> None:
    peter, enoch = Verifier(PETER), Verifier(ENOCH)
    both = f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"
    assert open_note(both, [peter, enoch]).by == (peter, enoch)
    note = open_note(both, [peter])
    assert (note.by, [line.name for line in note.unknown]) == ((peter,), ["EnochRoot"])
    assert open_note(f"{TEXT}\n{PETER_LINE * 2}", [peter]).by == (peter,)
    with pytest.raises(NoteError, match="no known key"):
        open_note(both, [])
    with pytest.raises(NoteError, match="no known key"):
        enoch.verify(NOTE)
    broken = ENOCH_LINE[:60] + "ABCD" + ENOCH_LINE[60:]
    assert open_note(f"{TEXT}\n{PETER_LINE}{broken}", [peter]).by == (peter,)
    with pytest.raises(NoteError, match="does not hold"):
        open_note(f"{TEXT}\n{PETER_LINE}{broken}", [peter, enoch])


@pytest.mark.parametrize("note", BAD_NOTES)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(NoteError):
        Verifier(PETER).verify(note)


@pytest.mark.parametrize("data", [NOTE.encode() + b"\xff", b"a" * 1_000_001])
def test_bytes_that_are_no_note_are_refused(data: bytes) -> None:
    with pytest.raises(NoteError):
        read_note(data)
    assert read_note(NOTE.encode()) == NOTE


def test_no_bit_of_a_note_can_change() -> None:
    data, verifier = NOTE.encode(), Verifier(PETER)
    for at in range(len(data)):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
            with pytest.raises(NoteError):
                verifier.verify(read_note(changed))


@given(
    st.binary(min_size=32, max_size=32),
    st.text(st.characters(categories=["L", "N"]), min_size=1),
)
def test_what_is_signed_is_verified(seed: bytes, name: str) -> None:
    signer = Signer.generate(name, seed)
    assert Signer.read_skey(signer.skey).vkey == signer.vkey
    assert Verifier(signer.vkey).verify(signer.sign("a\n\nb\n")) == "a\n\nb\n"
    other = signer.named(name + "/tenant")
    assert other.seed == seed
    assert other.vkey != signer.vkey


@pytest.mark.parametrize("text", ["", "no line end", "tab\t\n", "\udc80\n"])
def test_text_that_is_no_notes_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        Signer.generate("name", bytes(32)).sign(text)


@pytest.mark.parametrize(
    ("name", "seed"), [("", bytes(32)), ("a b", bytes(32)), ("a+b", bytes(32)), ("a", b"")]
)
def test_no_key_of_a_bad_name_or_seed(name: str, seed: bytes) -> None:
    with pytest.raises(NoteError):
        Signer.generate(name, seed)


@pytest.mark.parametrize("text", [GO_TREE, split_note(SOFA)[0], f"{GO_TREE}more\nlines\n"])
def test_checkpoints_read_as_they_are_written(text: str) -> None:
    assert format_checkpoint(parse_checkpoint(text)) == text


def test_checkpoints_of_the_specifications() -> None:
    assert parse_checkpoint(GO_TREE) == Checkpoint(
        "go.sum database tree", 123_456_789_012, leaf_hash(b"hello world")
    )
    text, signatures = split_note(SOFA)
    assert parse_checkpoint(text).size == 20_852_163
    assert [(line.name, len(line.signature)) for line in signatures] == [("example.com/behind-the-sofa", 64)]


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", GO_TREE[:-1], f"{GO_TREE}\n", f"\n{GO_TREE}", GO_TREE.replace("123456789012", "0xabcdef"),
        GO_TREE.replace("123456789012", "0123"), GO_TREE.replace("123456789012", "-1"),
        GO_TREE.replace("123456789012", "9223372036854775808"), GO_TREE.replace("123456789012", "\u0661"),
        GO_TREE.replace("Bb0=", "BTOOBIG="), GO_TREE.replace("Bb0=", "Bb1="), "a\n1\n\n", "a\n1\nAAAA\n",
        GO_TREE.replace("123456789012", "12 "),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(text)


@pytest.mark.parametrize("origin", ["", "a\n1", "a\n"])
def test_checkpoint_that_could_not_be_read_is_not_written(origin: str) -> None:
    with pytest.raises(CheckpointError):
        format_checkpoint(Checkpoint(origin, 1, bytes(32)))
