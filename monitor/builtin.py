"""The built-in data, and what the build prepared of it: reading the YAML takes longer than a start may take.

`python -m monitor.builtin FILE` prepares it; the build does so. What was prepared holds a digest of the files
and of the code that it was made of, and is used only where that fits. Otherwise the YAML is read, which gives
the same.
"""

import hashlib
import importlib.resources
import sys
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from monitor.catalog import BuiltIn, compile_built_in
from monitor.documents import Source
from monitor.geography import Extents, read_extents
from monitor.jurisdictions import Jurisdictions, compile_jurisdictions

PACKAGE: Traversable = importlib.resources.files("monitor")
DATA = PACKAGE / "data"
PREPARED = DATA / "catalog.msgpack"
DIGEST_BYTES = hashlib.sha256().digest_size


class Files(msgspec.Struct, frozen=True):
    """The files of the built-in data."""

    catalog: tuple[Source, ...]
    regions: Source
    jurisdictions: Source


def read_files() -> Files:
    """All files of the built-in data, those of the catalogue by name."""
    catalog = sorted((DATA / "catalog").iterdir(), key=lambda file: file.name)
    return Files(
        catalog=tuple(_source(file) for file in catalog if file.name.endswith(".yaml")),
        regions=_source(DATA / "regions.csv"),
        jurisdictions=_source(DATA / "jurisdictions.yaml"),
    )


def read_jurisdictions() -> Jurisdictions:
    """The built-in sets of countries."""
    return compile_jurisdictions(_source(DATA / "jurisdictions.yaml"))


def read_country_extents() -> Extents:
    """The built-in extents of countries."""
    return read_extents(_source(DATA / "countries.csv"))


def built_in_catalog(files: Files, jurisdictions: Jurisdictions) -> BuiltIn:
    """What the built-in files declare: as it was prepared, or compiled now."""
    prepared = read_prepared(PREPARED, files)
    return prepared or compile_built_in(files.catalog, files.regions, jurisdictions)


def read_prepared(file: Traversable, files: Files) -> BuiltIn | None:
    """What was prepared of these files by this code; None where there is no such thing."""
    try:
        content = memoryview(file.read_bytes())
        if content[:DIGEST_BYTES] != _digest(files):
            return None
        return msgspec.msgpack.decode(content[DIGEST_BYTES:], type=BuiltIn)
    except (OSError, msgspec.MsgspecError):
        return None


def prepare(file: Path) -> None:
    """Compile the built-in catalogue, and keep it."""
    files = read_files()
    built_in = compile_built_in(files.catalog, files.regions, compile_jurisdictions(files.jurisdictions))
    file.write_bytes(_digest(files) + msgspec.msgpack.encode(built_in))


def _digest(files: Files) -> bytes:
    digest = hashlib.sha256()
    for content in _contents(files):
        digest.update(f"{len(content)} ".encode())
        digest.update(content)
    return digest.digest()


def _contents(files: Files) -> Iterator[bytes]:
    """The files, and the code that compiles them."""
    for source in (*files.catalog, files.regions, files.jurisdictions):
        yield source.text.encode()
    modules = [PACKAGE / "documents.py", PACKAGE / "jurisdictions.py", *(PACKAGE / "catalog").iterdir()]
    for module in sorted(modules, key=lambda each: each.name):
        if module.name.endswith(".py"):
            yield module.read_bytes()


def _source(file: Traversable) -> Source:
    return Source(file.name, file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
