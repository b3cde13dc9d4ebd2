"""Text that came from the network, made fit to stand in a line for people or in a protocol's header. Pure.

Nothing that ends a line, turns the reading direction or cannot be encoded is left, and there is an end to it.
"""

MAX_TEXT = 500  # characters of one text
_MORE = "..."


def plain(text: str, limit: int = MAX_TEXT) -> str:
    """Return at most ``limit`` characters of a text, with "?" for each that is not printable."""
    cut = text if len(text) <= limit else text[: limit - len(_MORE)] + _MORE
    return "".join(each if each.isprintable() else "?" for each in cut)


def plain_ascii(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, each of them visible ASCII (RFC 5424's PRINTUSASCII) or "?"."""
    return "".join(each if "!" <= each <= "~" else "?" for each in text[:limit])
