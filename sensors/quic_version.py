"""The versions of QUIC whose Initial packets are sealed: how each numbers its types and derives its keys.

Google's own versions with sealed Initials stand beside the IETF's; those in clear text are in gquic.py.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Version(msgspec.Struct, frozen=True):
    """How one version of QUIC numbers its long packet types and derives its Initial keys.

    ``initial`` and ``retry`` are the high four bits of a packet's first byte (long header, fixed bit, type).
    ``google`` says that its frames are those of gquic_frames.py.
    """

    salt: bytes
    label: bytes = b"quic "
    initial: int = 0xC0
    retry: int = 0xF0
    google: bool = False

    @property
    def zero_rtt(self) -> int:
        """The same bits of a 0-RTT packet, which follow an Initial's in all versions."""
        return self.initial + 0x10


_DRAFT_22 = Version(bytes.fromhex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"))
_DRAFT_23 = Version(bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"))
_DRAFT_29 = Version(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"))
_V1 = Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"))
_V2 = Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2 ", 0xD0, 0xC0)
_Q050 = Version(bytes.fromhex("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45"), google=True)
_T050 = Version(bytes.fromhex("7ff579e5acd072915580304c43a2367c60488310"), google=True)
_T051 = Version(bytes.fromhex("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d"), google=True)


def _drafts(first: int, last: int, version: Version) -> dict[bytes, Version]:
    """Return the IETF's drafts from ``first`` to ``last``, all with the keys of ``version``."""
    return {b"\xff\x00\x00" + bytes((draft,)): version for draft in range(first, last + 1)}


VERSIONS: Mapping[bytes, Version] = MappingProxyType(
    {
        b"\x00\x00\x00\x01": _V1,
        b"\x6b\x33\x43\xcf": _V2,
        **_drafts(22, 22, _DRAFT_22),  # with it the long header got its final form
        **_drafts(23, 28, _DRAFT_23),
        **_drafts(29, 32, _DRAFT_29),
        **_drafts(33, 34, _V1),
        b"\xfa\xce\xb0\x01": _DRAFT_22,  # Facebook's names for drafts 22
        b"\xfa\xce\xb0\x02": _DRAFT_23,  # and 27
        b"Q050": _Q050,  # Google's handshake in sealed packets,
        b"T050": _T050,  # and TLS in Google's packets
        b"T051": _T051,
    }
)
