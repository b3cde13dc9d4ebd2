"""Finds the catalogue's names that are closest to one that it does not know. Pure, and bounded in its work.

Names that share rare groups of three letters are compared letter by letter, and only those.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

MAX_NAME = 253  # RFC 1035 section 2.3.4, without the root's dot
GROUPS_KEPT = 8_192  # whose names are remembered
COMMON = 200  # names that share a group of letters; beyond, it tells nothing
COMPARED = 20  # names that are compared letter by letter
SHOWN = 3
ALIKE = 0.72  # as `difflib` measures it: from 0 to 1


class Nearest:
    """Names and patterns, ready to be compared with others."""

    def __init__(self, matches: Iterable[str]) -> None:
        self._matches = sorted(set(matches))
        self._padded = [_padded(_letters(match)) for match in self._matches]
        self._sharing = lru_cache(GROUPS_KEPT)(self._look_through)

    def find(self, name: str) -> tuple[str, ...]:
        """The names that are much alike, the most alike first; mostly there is none."""
        if len(name) > MAX_NAME:
            return ()
        shared: Counter[int] = Counter()
        for group in dict.fromkeys(_groups(name)):
            known = self._sharing(group)
            if len(known) <= COMMON:
                shared.update(known)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(name)
        alike: list[tuple[float, str]] = []
        for index, _ in shared.most_common(COMPARED):
            match = self._matches[index]
            matcher.set_seq1(_letters(match))
            if matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE:
                alike.append((-matcher.ratio(), match))
        return tuple(match for _, match in sorted(alike)[:SHOWN])

    def _look_through(self, group: str) -> tuple[int, ...]:
        """The places of the names with a group: looked for when it is asked for, as one input needs few."""
        return tuple([index for index, padded in enumerate(self._padded) if group in padded])


def _letters(match: str) -> str:
    """What of a pattern can be compared."""
    return match.removeprefix("*.").replace("*", "")


def _groups(text: str) -> Iterator[str]:
    padded = _padded(text)
    return (padded[index : index + 3] for index in range(len(padded) - 2))


def _padded(text: str) -> str:
    """A text whose beginning and end are letters, too."""
    return f".{text}."
