"""Takes downloads out of their wrapping: gzip, and the tar that MaxMind puts around a database. Pure.

Nothing is unpacked beyond a limit, and nothing is written to where an archive says.
"""

import zlib

from monitor.datasets.rows import RefusedError

BLOCK = 512
_GZIP = b"\x1f\x8b"
_USTAR = slice(257, 262)


def unpack(data: bytes, max_bytes: int) -> bytes:
    """What is inside; the data itself where nothing is around it. Raises RefusedError."""
    if not data.startswith(_GZIP):
        return data
    content = _gunzip(data, max_bytes)
    return _database(content) if content[_USTAR] == b"ustar" else content


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = max_bytes
    while data:
        reader = zlib.decompressobj(wbits=31)
        try:
            part = reader.decompress(data, room + 1)
        except zlib.error:
            raise RefusedError("damaged gzip data", "fetch it again") from None
        room -= len(part)
        if room < 0:
            raise RefusedError(f"unpacked it is larger than {max_bytes:,} bytes")
        if not reader.eof:
            raise RefusedError("gzip data that ends too early", "fetch it again")
        parts.append(part)
        data = reader.unused_data
    return b"".join(parts)


def _database(archive: bytes) -> bytes:
    """The .mmdb file in a tar archive (POSIX ustar: blocks of 512 bytes, sizes in octal)."""
    offset = 0
    while offset + BLOCK <= len(archive) and archive[offset]:
        header = archive[offset : offset + BLOCK]
        try:
            size = int(header[124:136].rstrip(b" \0") or b"0", 8)
        except ValueError:
            break
        start = offset + BLOCK
        if header[:100].rstrip(b"\0").endswith(b".mmdb") and size and start + size <= len(archive):
            return archive[start : start + size]
        offset = start + -(-max(size, 0) // BLOCK) * BLOCK
    raise RefusedError("an archive without a database in it (.mmdb)")
