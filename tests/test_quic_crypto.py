"""Opening Initial packets, against the samples of RFC 9001 appendix A and RFC 9369 appendix A.

The samples' packets are sealed by another implementation from the samples' plain text; that they come out as
printed there is asserted by their first bytes and their tag, which authenticates all the others.
"""

import pytest
from aioquic.quic.crypto import CryptoPair
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from sensors.quic_crypto import InitialKeys
from sensors.quic_version import VERSIONS
from sensors.wire import Malformed

CONNECTION_ID = bytes.fromhex("8394c8f03e515708")
CRYPTO_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
FRAMES = CRYPTO_FRAME.ljust(1162, b"\x00")
NUMBER_AT = 18
LENGTHS_AND_IDS = bytes.fromhex("088394c8f03e5157080000449e")

# name: header in plain text, the protected packet's first 32 bytes, its last 16
SAMPLES = {
    "v1": (
        "c300000001088394c8f03e5157080000449e00000002",
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
        "e221af44860018ab0856972e194cd934",
    ),
    "v2": (
        "d36b3343cf088394c8f03e5157080000449e00000002",
        "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
        "a18b2faa745b6fe189cf772a9f84cbfc",
    ),
}


def seal(header: bytes, frames: bytes, number: int, *, from_client: bool = True) -> bytes:
    pair = CryptoPair()
    pair.setup_initial(CONNECTION_ID, is_client=from_client, version=int.from_bytes(header[1:5]))
    return pair.encrypt_packet(header, frames, number)


@pytest.mark.parametrize("name", SAMPLES)
def test_opens_the_sample_of_the_rfc(name: str) -> None:
    header, first_bytes, tag = map(bytes.fromhex, SAMPLES[name])
    packet = seal(header, FRAMES, 2)
    assert len(packet) == 1200
    assert packet[:32] == first_bytes
    assert packet[-16:] == tag
    assert InitialKeys(header[1:5], CONNECTION_ID).open(packet, NUMBER_AT) == FRAMES


@pytest.mark.parametrize("number_bytes", [1, 2, 3, 4])
@pytest.mark.parametrize("version", [b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf"])
def test_opens_packet_numbers_of_every_size(version: bytes, number_bytes: int) -> None:
    number = (1 << (8 * number_bytes)) - 3
    first = VERSIONS[version].initial | number_bytes - 1
    header = bytes((first,)) + version + LENGTHS_AND_IDS + number.to_bytes(number_bytes)
    packet = seal(header, FRAMES, number)
    assert InitialKeys(version, CONNECTION_ID).open(packet, len(header) - number_bytes) == FRAMES


@pytest.mark.parametrize("at", [0, 1, 6, 17, 18, 30, 1199])
def test_a_changed_bit_anywhere_keeps_the_packet_closed(at: int) -> None:
    packet = bytearray(seal(bytes.fromhex(SAMPLES["v1"][0]), FRAMES, 2))
    packet[at] ^= 0x10 if at else 0x04  # of the first byte, a bit under header protection
    assert InitialKeys(b"\x00\x00\x00\x01", CONNECTION_ID).open(bytes(packet), NUMBER_AT) is None


def test_other_keys_keep_the_packet_closed() -> None:
    header = bytes.fromhex(SAMPLES["v1"][0])
    packet = seal(header, FRAMES, 2)
    assert InitialKeys(header[1:5], CONNECTION_ID[::-1]).open(packet, NUMBER_AT) is None
    assert InitialKeys(b"\x6b\x33\x43\xcf", CONNECTION_ID).open(packet, NUMBER_AT) is None
    server = seal(header, FRAMES, 2, from_client=False)
    assert InitialKeys(header[1:5], CONNECTION_ID).open(server, NUMBER_AT) is None


def test_reserved_bits_are_malformed_once_authenticated() -> None:
    header = bytes.fromhex("cf" + SAMPLES["v1"][0][2:])
    with pytest.raises(Malformed, match="quic-reserved-bits"):
        InitialKeys(header[1:5], CONNECTION_ID).open(seal(header, FRAMES, 2), NUMBER_AT)


# version: key, IV and header protection key that its appendix A.1 derives from CONNECTION_ID
DRAFT_KEYS = {
    "ff00001d": (
        "175257a31eb09dea9366d8bb79ad80ba",
        "6b26114b9cba2b63a9e8dd4f",
        "9ddd12c994c0698b89374a9c077a3077",
    ),
    "faceb002": (
        "af7fd7efebd21878ff66811248983694",
        "8681359410a70bb9c92f0420",
        "a980b8b4fb7d9fbc13e814c23164253d",
    ),
}


@pytest.mark.parametrize("version", DRAFT_KEYS)
def test_opens_the_drafts_that_were_deployed(version: str) -> None:
    key, iv, protection = map(bytes.fromhex, DRAFT_KEYS[version])
    header = b"\xc0" + bytes.fromhex(version) + LENGTHS_AND_IDS + b"\x00"
    sealed = AESGCM(key).encrypt(iv, FRAMES, header)  # packet number 0 leaves the IV as it is
    mask = Cipher(AES(protection), ECB()).encryptor().update(sealed[3:19])  # noqa: S305
    protected = bytes((header[0] ^ mask[0] & 0x0F,)) + header[1:-1] + mask[1:2] + sealed
    keys = InitialKeys(bytes.fromhex(version), CONNECTION_ID)
    assert keys.open(protected, NUMBER_AT) == FRAMES
