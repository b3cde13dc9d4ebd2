"""Builds SVG: elements that escape what they hold, and write numbers in one way, so that bytes are stable.

Texts are data of whoever sent it. Characters that XML has no way to write, and those that turn the direction
of the text around them, become U+FFFD.
"""

import re
import unicodedata

import msgspec

# Of XML 1.0, section 2.2, what no document may hold; and the controls of UAX 9 that reach beyond a name.
_UNFIT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_NARROW, _BROAD = frozenset(" .,:;'|!ijltfrI()[]/-"), frozenset("mwMW@%&")
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LEAST = 0.41  # of a letter
_HEAD = 0.6  # of a cut text, the part before the ellipsis
VIEW_WIDTH = 960  # units of every chart; at 640 px a text of FONT is 10 px high
FONT = 15

Value = str | int | float


class Element(msgspec.Struct, frozen=True):
    """An element, with its attributes in order."""

    tag: str
    attributes: tuple[tuple[str, Value], ...]
    children: tuple["Element | str", ...]

    def __str__(self) -> str:
        attributes = "".join(f' {name}="{escaped(written(value))}"' for name, value in self.attributes)
        if not self.children:
            return f"<{self.tag}{attributes}/>"
        inner = "".join(escaped(child) if isinstance(child, str) else str(child) for child in self.children)
        return f"<{self.tag}{attributes}>{inner}</{self.tag}>"


def el(tag: str, *children: Element | str, **attributes: Value) -> Element:
    """Return an element; ``class_`` is written class, ``text_anchor`` text-anchor."""
    named = tuple((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    return Element(tag, named, children)


def written(value: Value) -> str:
    """Return a number with at most one decimal, and text as it is."""
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def path(*parts: Value) -> str:
    """Return path data."""
    return " ".join(map(written, parts))


def escaped(text: str) -> str:
    """Return text as XML holds it, in an element and in an attribute."""
    fit = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
    return "".join(_ESCAPES.get(letter, letter) for letter in fit)


def text_width(text: str, size: float = FONT) -> float:
    """Return how wide a text is at most, in a sans-serif face as wide as DejaVu Sans."""
    return sum(map(_letter_width, text)) * size


def _letter_width(letter: str) -> float:
    if letter in _NARROW:
        return _LEAST
    if letter in _BROAD or unicodedata.east_asian_width(letter) in "WF":
        return 1.02
    return 0.78 if letter.isupper() else 0.65 if letter.isascii() else 1.02


def shortened(text: str, width: float, size: float = FONT) -> str:
    """Return a text that is not wider: where it had to be cut, its ends with an ellipsis between them."""
    if len(text) * _LEAST * size <= width and text_width(text, size) <= width:
        return text
    room = width - text_width(_ELLIPSIS, size)
    head = _fitting(text, room * _HEAD, size)
    tail = _fitting(text[: len(head) - 1 : -1] if head else text[::-1], room - text_width(head, size), size)
    return head + _ELLIPSIS + tail[::-1]


def _fitting(text: str, width: float, size: float) -> str:
    """Return the beginning of a text that is as wide as this at most."""
    kept = 0
    for letter in text:
        width -= _letter_width(letter) * size
        if width < 0:
            break
        kept += 1
    return text[:kept]


def drawing(name: str, title: str, describes: str, height: float, *children: Element) -> str:
    """Return a whole chart. ``name`` begins the ids in it, and is unique on a page."""
    return str(
        el(
            "svg",
            el("title", title, id=f"{name}-title"),
            el("desc", describes, id=f"{name}-desc"),
            *children,
            xmlns="http://www.w3.org/2000/svg",
            class_=f"chart chart-{name}",
            viewBox=f"0 0 {VIEW_WIDTH} {written(height)}",
            role="img",
            aria_labelledby=f"{name}-title",
            aria_describedby=f"{name}-desc",
            font_size=FONT,
        )
    )
