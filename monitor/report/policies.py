"""The texts of the policies that judged, and the exceptions in them. Pure.

A text counts for a version where its SHA-256 begins as the version says. It may name other tenants: so with a
tenant a text that does is left out.
"""

from collections.abc import Iterable

from monitor.documents import DocumentError, Source, decode
from monitor.policy import text_digest, version_of
from monitor.policy.schema import Exemption, PolicyDocument
from monitor.report.types import PolicyText

MAX_TEXTS = 100  # of versions; each has at most some megabytes
MAX_TEXTS_BYTES = 67_108_864  # of all of them


class Policies:
    """Texts by version. ``left_out`` are those that there was no room for."""

    def __init__(self) -> None:
        self.left_out = 0
        self._texts: dict[str, str] = {}
        self._bytes = 0

    def add(self, version: str, text: str) -> bool:
        """Take a text; return whether it is that of the version."""
        id_, _, _ = version.rpartition("@")
        if version_of(id_, text_digest(text)) != version:
            return False
        if version in self._texts:
            return True
        if len(self._texts) >= MAX_TEXTS or self._bytes + len(text) > MAX_TEXTS_BYTES:
            self.left_out += 1
            return True
        self._texts[version] = text
        self._bytes += len(text)
        return True

    def exemptions(self, versions: Iterable[str]) -> dict[str, tuple[Exemption, ...]]:
        """Return the exceptions of each version whose text can be read."""
        documents = {
            version: _document(self._texts[version]) for version in versions if version in self._texts
        }
        return {version: read.exceptions for version, read in documents.items() if read is not None}

    def texts(self, versions: Iterable[str], tenant: str | None) -> tuple[PolicyText, ...]:
        """Return what is known of each version; with a tenant no text that names another one."""
        return tuple(self._text(version, tenant) for version in versions)

    def _text(self, version: str, tenant: str | None) -> PolicyText:
        text = self._texts.get(version)
        if text is None:
            return PolicyText(version)
        shown = tenant is None or _names_no_other(text, tenant)
        return PolicyText(version, text_digest(text), text if shown else None)


def version_in(path: str, text: str) -> str:
    """Return the version of a policy's text. Raises DocumentError."""
    return version_of(decode(Source(path, text), PolicyDocument).id, text_digest(text))


def _document(text: str) -> PolicyDocument | None:
    try:
        return decode(Source("", text), PolicyDocument)
    except DocumentError:
        return None


def _names_no_other(text: str, tenant: str) -> bool:
    document = _document(text)
    return document is not None and all(each.name == tenant for each in document.tenants)
