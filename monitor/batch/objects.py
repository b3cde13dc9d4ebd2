"""Captures in object stores, through fsspec: listed as folders are, and fetched when bytes are needed.

An object is fetched whole, by the worker that reads it, and its file is deleted after that.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.files import InputError
from monitor.parquet import MissingExtraError
from sensors.paths import is_capture_name

_CHUNK_BYTES = 1 << 20


def is_remote(path: str) -> bool:
    """Tell whether a path is an object's address, such as ``s3://bucket/egress.pcap``."""
    return "://" in path and not path.startswith("file://")


def local(path: str) -> str:
    """Return a path without ``file://``."""
    return path.removeprefix("file://") if path.startswith("file://") else path


@contextmanager
def here(path: str, rank: int = 0) -> Iterator[Path]:
    """Have a file, or an object in a file of this disk, which sorts by rank. Raises OSError."""
    if not is_remote(path):
        yield Path(path)
        return
    system, name = _system(path)
    with tempfile.TemporaryDirectory(prefix=f"residency-{rank:06}-") as folder:
        file = Path(folder, "object" + "".join(Path(name).suffixes[-2:]))
        with (
            system.open(name, "rb", cache_type="none", block_size=_CHUNK_BYTES) as source,
            file.open("wb") as copy,
        ):
            while chunk := source.read(_CHUNK_BYTES * 8):
                copy.write(chunk)
        yield file


def identity(path: str) -> str:
    """Return what tells whether an object is the one that was seen before. Raises OSError."""
    system, name = _system(path)
    return f"{path} {system.ukey(name)}"


def expand(path: str) -> list[tuple[str, int]]:
    """Return the objects that an address means, with their sizes: itself, or the captures below it.

    Raises InputError.
    """
    system, name = _system(path)
    scheme = path.partition("://")[0]
    try:
        found = system.find(name, detail=True)
    except Exception as error:  # noqa: BLE001  each store has errors of its own
        raise InputError(path, _line(error), "check the address and the rights of this user") from None
    objects = {key: about for key, about in found.items() if key == name or is_capture_name(key)}
    if not objects:
        raise InputError(path, "there is no capture there", "check the address")
    return [(f"{scheme}://{key}", int(objects[key].get("size") or 0)) for key in sorted(objects)]


def _system(path: str) -> tuple[Any, str]:
    try:
        import fsspec  # noqa: PLC0415  optional

        system, name = fsspec.core.url_to_fs(path)
    except ImportError as error:
        scheme = path.partition("://")[0]
        mend = "install it: pip install 'residency-monitor[cluster]', and s3fs for s3://, gcsfs for gs://"
        raise MissingExtraError(f"{scheme}:// needs what is not installed ({error}); {mend}") from None
    except ValueError as error:
        raise InputError(path, _line(error), "check the address") from None
    return system, name


def _line(error: Exception) -> str:
    """Return what a library says as one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__
