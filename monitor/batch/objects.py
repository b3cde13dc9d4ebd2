"""Captures in object stores, through fsspec: listed as folders are, and fetched where bytes are needed."""

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from monitor.files import InputError
from monitor.parquet import MissingExtraError
from sensors.paths import is_capture_name

_CHUNK_BYTES = 1 << 23  # asked for at once,
_AT_ONCE = 4  # and so many of them: one alone is slow where a store is far away
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # of pyproject.toml


def is_remote(path: str) -> bool:
    """Tell whether a path is an object's address, such as ``s3://bucket/egress.pcap``."""
    return "://" in path and not path.startswith("file://")


def local(path: str) -> str:
    """Return a path without ``file://``."""
    return path.removeprefix("file://") if path.startswith("file://") else path


def about(path: str) -> tuple[str, int]:
    """Return what tells whether an object is the one that was seen before, and its size. Raises OSError."""
    with _errors(path):
        system, name = _system(path)
        system.invalidate_cache()
        said = system.info(name)
    if said.get("size") is None:
        raise OSError(errno.EINVAL, "its store does not say how large it is", path)
    return f"{path} {hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()}", int(said["size"])


def fetch(path: str, ranges: Iterable[tuple[int, int]], into: BinaryIO) -> None:
    """Write an object's bytes between some offsets to the same places of a file. Raises OSError."""
    chunks = [
        (at, min(at + _CHUNK_BYTES, end)) for begin, end in ranges for at in range(begin, end, _CHUNK_BYTES)
    ]
    for first in range(0, len(chunks), _AT_ONCE):
        some = chunks[first : first + _AT_ONCE]
        with _errors(path):
            system, name = _system(path)
            begins, ends = zip(*some, strict=True)
            read = system.cat_ranges([name] * len(some), list(begins), list(ends), on_error="raise")
        for (begin, end), found in zip(some, read, strict=True):
            if len(found) != end - begin:
                raise OSError(errno.EIO, "its store gave other bytes than those that were asked for", path)
            into.seek(begin)
            into.write(found)


def expand(path: str) -> list[tuple[str, int]]:
    """Return the objects that an address means, with their sizes: itself, or the captures below it.

    Raises InputError.
    """
    system, name = _system(path)
    scheme = path.partition("://")[0]
    try:
        system.invalidate_cache()
        found = system.find(name, detail=True)
    except Exception as error:  # noqa: BLE001  each store has errors of its own
        raise InputError(path, _line(error), "check the address and the rights of this user") from None
    objects = {key: about for key, about in found.items() if key == name or is_capture_name(key)}
    if not objects:
        raise InputError(path, "there is no capture there", "check the address")
    addresses = [key if "://" in key else f"{scheme}://{key}" for key in sorted(objects)]
    sizes = [objects[key].get("size") for key in sorted(objects)]
    # Lists of HTTP servers do not tell sizes.
    return [
        (address, int(size) if size is not None else about(address)[1])
        for address, size in zip(addresses, sizes, strict=True)
    ]


def _system(path: str) -> tuple[Any, str]:
    try:
        import fsspec  # noqa: PLC0415  optional

        system, name = fsspec.core.url_to_fs(path)
    except ImportError as error:
        scheme = path.partition("://")[0]
        extras = ",".join(["cluster", *filter(None, [_EXTRAS.get(scheme)])])
        mend = f"install it: pip install 'residency-monitor[{extras}]'"
        raise MissingExtraError(f"{scheme}:// needs what is not installed ({_line(error)}); {mend}") from None
    except ValueError as error:
        raise InputError(path, _line(error), "check the address") from None
    return system, name


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Turn what a store says went wrong into an OSError of one line: each has errors of its own."""
    try:
        yield
    except (InputError, MissingExtraError):
        raise
    except FileNotFoundError:
        raise OSError(errno.ENOENT, "there is no such object", path) from None
    except Exception as error:  # noqa: BLE001  each store has errors of its own
        problem = getattr(error, "strerror", None) or _line(error)
        raise OSError(getattr(error, "errno", None) or errno.EIO, problem, path) from None


def _line(error: Exception) -> str:
    """Return what a library says as one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__
