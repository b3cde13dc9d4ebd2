"""Signed notes (C2SP signed-note) with Ed25519 keys. Pure.

A note has one spelling: base64 that is not canonical, a carriage return or a missing line end is refused, so
no bit of a signed note can change unseen. Signatures of keys that are not known are passed over, as the
specification says; how many there are is told.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
SEED_BYTES = 32

_ED25519 = b"\x01"
_SECRET = "PRIVATE+KEY+"  # noqa: S105  how the line of a private key begins
_DASH = "\u2014 "
_ID_BYTES = 4


class NoteError(Exception):
    """A note or a key is malformed, or no known key signed it. The message is a sentence."""


class Signature(msgspec.Struct, frozen=True):
    """A signature line: who is said to have signed, with which key, and what was signed with."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note that at least one known key signed: its text, those keys, and the lines of other keys."""

    text: str
    by: tuple["Verifier", ...]
    unknown: tuple[Signature, ...]


def unbase64(text: str) -> bytes:
    """Return what canonical base64 (RFC 4648, section 4) stands for. Raises NoteError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{text[:64]!r} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError(f"{text[:64]!r} is not canonical base64")
    return data


def _key_id(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + key).digest()[:_ID_BYTES]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteError(f"{name[:64]!r} is no name of a key: it is empty, or has a space or a plus in it")
    if not _is_unicode(name):
        raise NoteError("the name of the key is not Unicode")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Verifier:
    """Checks signatures by one public key. Two of the same key are equal."""

    def __init__(self, vkey: str) -> None:
        """Read ``<name>+<key id>+<base64 of type and key>``. Raises NoteError."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        _check_name(name)
        key = unbase64(encoded)
        if key[:1] != _ED25519 or len(key) != 1 + SEED_BYTES:
            raise NoteError("the key is no Ed25519 public key")
        if key_id != _key_id(name, key).hex():
            raise NoteError("the key and its id do not belong together")
        self.vkey = vkey
        self.name = name
        self.key_id = bytes.fromhex(key_id)
        self.public = key[1:]
        self._key = Ed25519PublicKey.from_public_bytes(self.public)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verifier) and self.vkey == other.vkey

    def __hash__(self) -> int:
        return hash(self.vkey)

    def __repr__(self) -> str:
        return f"Verifier({self.vkey!r})"

    def signed(self, text: str, signature: bytes) -> bool:
        """Return whether this key made the signature over the text (RFC 8032)."""
        try:
            self._key.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def verify(self, note: str) -> str:
        """Return the text of a note that this key signed. Raises NoteError."""
        return open_note(note, (self,)).text


class Signer:
    """Signs notes with one private key."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's name and its seed of 32 bytes (RFC 8032, section 5.1.5). Raises NoteError."""
        _check_name(name)
        if len(seed) != SEED_BYTES:
            raise NoteError(f"the seed of the key is not {SEED_BYTES} bytes long")
        self.name = name
        self.seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        key = _ED25519 + self._key.public_key().public_bytes_raw()
        self._key_id = _key_id(name, key)
        self.vkey = f"{name}+{self._key_id.hex()}+{base64.b64encode(key).decode()}"

    @classmethod
    def generate(cls, name: str, seed: bytes) -> "Signer":
        """Return the key of this name that comes of 32 bytes of chance. Raises NoteError."""
        return cls(name, seed)

    @classmethod
    def read_skey(cls, line: str) -> "Signer":
        """Read ``PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>``.

        Raises NoteError, which never quotes it.
        """
        name, _, rest = line.removeprefix(_SECRET).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            secret = unbase64(encoded)
        except NoteError:
            secret = b""
        if not line.startswith(_SECRET) or secret[:1] != _ED25519 or len(secret) != 1 + SEED_BYTES:
            raise NoteError("this is no Ed25519 private key of the form PRIVATE+KEY+name+id+key")
        made = cls(name, secret[1:])
        if key_id != made._key_id.hex():
            raise NoteError("the private key and its id do not belong together")
        return made

    @property
    def skey(self) -> str:
        """The line that ``read_skey`` reads. Secret."""
        secret = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_SECRET}{self.name}+{self._key_id.hex()}+{secret}"

    def named(self, name: str) -> "Signer":
        """Return the same key under another name. Raises NoteError."""
        return Signer(name, self.seed)

    def sign(self, text: str) -> str:
        """Return the whole note of this text, which ends in a line end. Raises NoteError."""
        _check_text(text)
        if not text.endswith("\n"):
            raise NoteError("the text does not end in a line end")
        signature = self._key_id + self._key.sign(text.encode())
        return f"{text}\n{_DASH}{self.name} {base64.b64encode(signature).decode()}\n"


def read_note(data: bytes) -> str:
    """Return the bytes of a note as text. Raises NoteError."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError(f"the note is longer than {MAX_NOTE_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NoteError("the note is not UTF-8") from None


def _check_text(text: str) -> None:
    if any(character < " " and character != "\n" for character in text):
        raise NoteError("the note has a control character in it")
    if not _is_unicode(text):
        raise NoteError("the note is not Unicode")


def split_note(note: str) -> tuple[str, tuple[Signature, ...]]:
    """Return the text and the signature lines of a note, unchecked. Raises NoteError where malformed."""
    _check_text(note)
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteError("the note has no signature, or does not end in a line end")
    if lines.count("\n") > MAX_SIGNATURES:
        raise NoteError(f"the note has more than {MAX_SIGNATURES} signatures")
    return text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n"))


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise NoteError("what stands behind the text is no signature line")
    _check_name(name)
    data = unbase64(encoded)
    if len(data) <= _ID_BYTES:
        raise NoteError(f"the signature of {name[:64]} is cut off")
    return Signature(name, data[:_ID_BYTES], data[_ID_BYTES:])


def open_note(note: str, known: Sequence[Verifier]) -> Note:
    """Return a note that one of the known keys signed; each signature of a known key must hold.

    Raises NoteError.
    """
    text, signatures = split_note(note)
    keys = {(verifier.name, verifier.key_id): verifier for verifier in known}
    by, unknown = dict[Verifier, None](), list[Signature]()
    for signature in signatures:
        verifier = keys.get((signature.name, signature.key_id))
        if verifier is None:
            unknown.append(signature)
        elif verifier.signed(text, signature.signature):
            by[verifier] = None
        else:
            raise NoteError(f"the signature of {verifier.name}+{verifier.key_id.hex()} does not hold")
    if not by:
        raise NoteError("no known key signed the note")
    return Note(text, tuple(by), tuple(unknown))
