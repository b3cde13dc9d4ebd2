"""The bytes of a capture file in chunks, decompressed where its first bytes say so (gzip, Zstandard).

Several gzip members (RFC 1952 section 2.2) or Zstandard frames (RFC 8878 section 3) read as one stream.
Memory stays bounded whatever the input expands to; a stream that is cut gives all it held, then StreamDamage.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from sensors.captured import StreamDamage

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31  # zlib's way to say: gzip header and trailer
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # the end of sixteen magic numbers, 0x184D2A50 to 0x184D2A5F
_ZSTD_WINDOW_BYTES = 1 << 27  # as the zstd tool accepts without being asked for more
_PIECE_BYTES = 1_024  # decompressed at once: a Zstandard block of 4 bytes holds 128 KiB, so 32 MiB at most

Read = Callable[[], bytes]


class _Inflater(Protocol):
    """What zlib and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def stream_chunks(read: Read) -> Iterator[bytes]:
    """Yield the stream in chunks, none empty. ``read`` gives the file's next bytes, b"" at its end.

    Raises StreamDamage, also where ``read`` does.
    """
    first = read()
    while 0 < len(first) < len(_ZSTD_MAGIC) and (more := read()):
        first += more  # a pipe gives what its writer wrote
    if first.startswith(_GZIP_MAGIC):
        yield from _inflated(read, first, "gzip", lambda: zlib.decompressobj(_GZIP_WBITS))
    elif first.startswith(_ZSTD_MAGIC) or (first[1:4] == _ZSTD_SKIPPABLE and first[0] >> 4 == 5):
        context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        yield from _inflated(read, first, "Zstandard", context.decompressobj)
    else:
        yield from _plain(read, first)


def _plain(read: Read, first: bytes) -> Iterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        chunk = read()


def _inflated(read: Read, first: bytes, name: str, new_member: Callable[[], _Inflater]) -> Iterator[bytes]:
    member = new_member()
    for piece in _pieces(read, first):
        rest = piece
        while True:
            if member.eof:
                rest = rest.lstrip(b"\0")  # files may be padded, as gzip(1) accepts
                if not rest:
                    break
                member = new_member()
            try:
                chunk = member.decompress(rest)
            except (zlib.error, zstandard.ZstdError):
                raise StreamDamage("corrupt", f"the {name} stream is damaged") from None
            if chunk:
                yield chunk
            if not member.eof:
                break
            rest = member.unused_data
    if not member.eof:
        raise StreamDamage("truncated", f"the {name} stream is cut off")


def _pieces(read: Read, first: bytes) -> Iterator[bytes]:
    data = first
    while data:
        for at in range(0, len(data), _PIECE_BYTES):
            yield data[at : at + _PIECE_BYTES]
        data = read()
