"""Brings data sets into the store: from their official addresses, from a mirror, or from files.

Each source stands for itself: what fails leaves the version that was there, is counted, and does not keep
the others from being fetched.
"""

import base64
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from monitor.datasets.examine import Arrival, examine, is_known, refuse_implausible
from monitor.datasets.fetch import Fetched, Fetcher, FetchError, Request, check_url
from monitor.datasets.index import History, Version
from monitor.datasets.rows import RefusedError
from monitor.datasets.sources import BY_ID, Source, months
from monitor.datasets.store import Store
from monitor.datasets.unpack import unpack
from monitor.files import unreadable

MAX_PAGE_BYTES = 8 * 1024 * 1024
_NOT_FOUND = 404
# Service Tags have no fixed address: Microsoft's page links to the week's file.
_SERVICE_TAGS = re.compile(
    rb"https://download\.microsoft\.com/download/[0-9A-Za-z/_-]{1,200}/ServiceTags_Public_[0-9]{8}\.json"
)
_Result = Literal["new", "unchanged", "failed"]


class Outcome(msgspec.Struct, frozen=True):
    """What came of one source."""

    source: str
    result: _Result
    version: Version | None = None
    problem: str | None = None


class Credentials(msgspec.Struct, frozen=True):
    """What MaxMind asks for. Never shown: not in messages, not in the index."""

    account: str
    licence_key: str

    def __repr__(self) -> str:
        return "Credentials(...)"

    def header(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.account}:{self.licence_key}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class Wishes(msgspec.Struct, frozen=True):
    """How a person wants it: now, from where, and what is allowed."""

    today: dt.date
    moment: str
    mirror: str | None = None
    mmdb_url: str | None = None
    accept_shrinking: bool = False
    credentials: Credentials | None = None


def update(store: Store, sources: Sequence[Source], fetcher: Fetcher, wishes: Wishes) -> Iterator[Outcome]:
    """Fetch sources and keep what is new. Raises InputError when the store cannot be written."""
    for source in sources:
        yield _update_one(store, source, fetcher, wishes)


def import_files(
    store: Store, source: Source, paths: Sequence[Path], wishes: Wishes, given: dt.date | None = None
) -> Outcome:
    """Keep files that are there already; several are the parts of one. Raises InputError."""
    parts: list[bytes] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                parts.append(file.read(source.max_bytes + 1))
        except OSError as error:
            raise unreadable(path, error) from None
    name = paths[0].name
    try:
        data = _joined(source, parts)
    except RefusedError as error:
        return _failed(store, source, wishes, str(error))
    shown = "".join(character if character.isprintable() else "?" for character in name)
    arrival = Arrival(data, f"file {shown}", wishes.today, wishes.moment, name, given)
    return _take(store, source, arrival, wishes)


def _joined(source: Source, parts: Sequence[bytes]) -> bytes:
    """The parts of a file, unpacked. Raises RefusedError."""
    data = b"\n".join(unpack(part, source.max_bytes) for part in parts)
    if len(data) > source.max_bytes:
        raise RefusedError(f"larger than {source.max_bytes:,} bytes")
    return data


def _update_one(store: Store, source: Source, fetcher: Fetcher, wishes: Wishes) -> Outcome:
    index = store.index()
    history = index.sources.get(source.id, History()) if index is not None else History()
    try:
        arrival = _fetch(source, fetcher, wishes, history.as_of(None))
    except (FetchError, RefusedError) as error:
        return _failed(store, source, wishes, str(error))
    if arrival is None:
        with store.writing():
            store.note(source, wishes.moment, None)
        return Outcome(source.id, "unchanged", history.as_of(None))
    return _take(store, source, arrival, wishes)


def _take(store: Store, source: Source, arrival: Arrival, wishes: Wishes) -> Outcome:
    """Examine a file and keep it when it is good and new."""
    try:
        version = examine(source, arrival)
        with store.writing():
            index = store.index()
            history = index.sources.get(source.id, History()) if index is not None else History()
            if is_known(version, history):
                store.note(source, wishes.moment, None)
                return Outcome(source.id, "unchanged", version)
            if not wishes.accept_shrinking:
                refuse_implausible(version, history)
            store.add(source, version, arrival.data)
            store.note(source, wishes.moment, None)
            return Outcome(source.id, "new", version)
    except RefusedError as error:
        return _failed(store, source, wishes, str(error))


def _failed(store: Store, source: Source, wishes: Wishes, problem: str) -> Outcome:
    with store.writing():
        store.note(source, wishes.moment, problem)
    return Outcome(source.id, "failed", problem=problem)


def _fetch(source: Source, fetcher: Fetcher, wishes: Wishes, newest: Version | None) -> Arrival | None:
    """The file of a source; None when it is still the newest one. Raises FetchError or RefusedError."""
    urls, authorization = _addresses(source, wishes)
    if not urls:
        raise FetchError("it has no address of its own; give one: --url URL")
    if source.id == "azure" and wishes.mirror is None:
        urls = (_service_tags(fetcher, urls[0]),)
    if source.id == "dbip" and wishes.mirror is None:
        return _first_month(source, urls[0], fetcher, wishes, newest)
    parts = [_get(source, url, fetcher, newest if len(urls) == 1 else None, authorization) for url in urls]
    return _arrival(source, urls, parts, wishes)


def _addresses(source: Source, wishes: Wishes) -> tuple[tuple[str, ...], str | None]:
    """Where to fetch from, and what to show there."""
    if source.id == "mmdb":
        return ((wishes.mmdb_url,) if wishes.mmdb_url else ()), None
    if wishes.mirror is not None:
        return tuple(f"{wishes.mirror.rstrip('/')}/{file}" for file in source.files), None
    if source.id != "maxmind":
        return source.urls, None
    if wishes.credentials is None:
        raise FetchError(
            "MaxMind asks for an account and a licence key; "
            "set MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY in the environment"
        )
    return source.urls, wishes.credentials.header()


def _service_tags(fetcher: Fetcher, page: str) -> str:
    found = _SERVICE_TAGS.search(fetcher.fetch(Request(page, MAX_PAGE_BYTES)).data or b"")
    if found is None:
        mend = "download the file with a browser and import it: residency data import azure FILE"
        raise FetchError(f"the page {page} links to no file of Service Tags; {mend}")
    return found[0].decode()


def _first_month(
    source: Source, template: str, fetcher: Fetcher, wishes: Wishes, newest: Version | None
) -> Arrival | None:
    """The newest file of those that are published once a month."""
    this_month, month_before = (template.format(month=month) for month in months(wishes.today))
    try:
        return _arrival(source, (this_month,), [_get(source, this_month, fetcher, newest, None)], wishes)
    except FetchError as error:
        if error.status != _NOT_FOUND:
            raise
    return _arrival(source, (month_before,), [_get(source, month_before, fetcher, newest, None)], wishes)


def _get(
    source: Source, url: str, fetcher: Fetcher, newest: Version | None, authorization: str | None
) -> Fetched:
    known = newest if newest is not None and newest.origin == public(url) else None
    etag, modified = (known.etag, known.last_modified) if known is not None else (None, None)
    return fetcher.fetch(Request(url, source.max_bytes, etag, modified, authorization))


def _arrival(
    source: Source, urls: tuple[str, ...], parts: Sequence[Fetched], wishes: Wishes
) -> Arrival | None:
    contents = [part.data for part in parts if part.data is not None]
    if len(contents) < len(parts):
        return None
    data = _joined(source, contents)
    single = parts[0] if len(parts) == 1 else Fetched(None)
    return Arrival(
        data=data,
        origin=", ".join(map(public, urls)),
        today=wishes.today,
        moment=wishes.moment,
        file_name=urlsplit(urls[0]).path.rpartition("/")[2],
        etag=single.etag,
        last_modified=single.last_modified,
    )


def public(url: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def choose(only: str | None, wishes: Wishes) -> tuple[Source, ...]:
    """The sources to update. Raises ValueError with the line for one that does not exist."""
    for url in (wishes.mirror, wishes.mmdb_url):
        if url is not None:
            try:
                check_url(url)
            except FetchError as error:
                raise ValueError(f"{error}; give an address that starts with https://") from None
    if only is not None:
        names = [name.strip() for name in only.split(",") if name.strip()]
        unknown = [name for name in names if name not in BY_ID]
        if unknown or not names:
            raise ValueError(f"--only {only!r}: use of: {', '.join(BY_ID)}")
        return tuple(BY_ID[name] for name in dict.fromkeys(names))
    left_out = {"mmdb"} if wishes.mmdb_url is None else set()
    if wishes.credentials is None:
        left_out.add("maxmind")
    return tuple(source for source in BY_ID.values() if source.id not in left_out)
