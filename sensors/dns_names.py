"""Names inside a DNS message (RFC 1035 sections 3.1 and 4.1.4).

A pointer has to lead to an earlier place than all before it did, so no name can loop. The text of every name
read is kept by its offset, for the pointers that follow; ``steps`` counts labels and pointers, for the caller
to bound what a message may cost.
"""

from sensors.wire import Malformed, name_text

MAX_NAME_BYTES = 255  # RFC 1035 section 2.3.4; counts length octets and the root, so 127 labels at most
MAX_POINTERS = 127  # of one name: more of them than labels serve nothing
ROOT = "."

_LABEL_END = 0x40  # a first octet below is a label's length
_POINTER = 0xC0  # and one from here on begins a pointer


class PastEnd(Malformed):
    """A field runs past the end of the message: malformed, unless the message was cut."""


class NameReader:
    """Reads the names of one message: lower-case text without the trailing dot, "." for the root."""

    __slots__ = ("_known", "_message", "steps")

    def __init__(self, message: bytes) -> None:
        self.steps = 0
        self._message = message
        self._known: dict[int, str] = {}

    def read(self, at: int) -> tuple[str, int]:
        """Return the name at ``at`` and the offset after it. Raises Malformed, PastEnd among it."""
        message = self._message
        if at + 1 < len(message) and message[at] >= _POINTER:
            known = self._known.get((message[at] & 0x3F) << 8 | message[at + 1])
            if known is not None:  # read before, so it stands before
                self.steps += 1
                return known, at + 2
        labels, end = self._labels(at)
        name = self._known[at] = _text(labels)
        return name, end

    def _labels(self, at: int) -> tuple[list[bytes], int]:
        message = self._message
        labels: list[bytes] = []
        lowest = at
        end = pointers = 0
        name_bytes = 1
        try:
            while length := message[at]:
                if length < _LABEL_END:
                    labels.append(message[at + 1 : at + 1 + length])
                    at += 1 + length
                    name_bytes += 1 + length
                    if name_bytes > MAX_NAME_BYTES:
                        raise Malformed("dns-name-too-long")
                elif length >= _POINTER:
                    end = end or at + 2
                    at = (length & 0x3F) << 8 | message[at + 1]
                    pointers += 1
                    if at >= lowest or pointers > MAX_POINTERS:
                        raise Malformed("dns-name-loop")
                    lowest = at
                else:
                    raise Malformed("dns-label-type")
        except IndexError:
            raise PastEnd("dns-name-past-end") from None
        self.steps += 1 + len(labels) + pointers
        return labels, end or at + 1


def _text(labels: list[bytes]) -> str:
    """Join labels. A dot inside a label is escaped: ["a.b"] is another name than ["a", "b"]."""
    raw = b".".join(labels)
    if raw.count(b".") == len(labels) - 1:
        return name_text(raw)
    return ".".join(name_text(label).replace(".", "\\x2e") for label in labels) or ROOT
