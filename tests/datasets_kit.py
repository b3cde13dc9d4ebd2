"""Published files made by hand, the real ones that are beside the checkout, and a server on loopback."""

import datetime as dt
import gzip
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from monitor.datasets.sources import BY_ID
from monitor.datasets.store import Store
from monitor.datasets.update import Outcome, Wishes, import_files
from tests.facts import shared
from tests.mmdb import Value, mmdb

TODAY = dt.date(2026, 11, 25)
MOMENT = "2026-11-25T12:00:00+00:00"
WISHES = Wishes(TODAY, MOMENT)
SHARED = {
    "aws": "aws-ip-ranges.json",
    "google": "gcp-cloud.json",
    "azure": "azure-servicetags-public.json",
    "oracle": "oracle-public_ip_ranges.json",
    "anthropic": "anthropic.txt",
}
GEO_NAME = "geo-whois-asn-country.mmdb"
CLOUDFLARE = ("cloudflare-v4-ip-ranges.txt", "cloudflare-v6-ip-ranges.txt")


def aws(prefixes: Mapping[str, tuple[str, str]], date: str = "2026-03-01-10-00-00") -> bytes:
    """AWS's file: region and service by prefix."""
    rows = [{"ip_prefix": prefix, "region": said[0], "service": said[1]} for prefix, said in prefixes.items()]
    return json.dumps({"syncToken": "1", "createDate": date, "prefixes": rows, "ipv6_prefixes": []}).encode()


def google(prefixes: Mapping[str, str | None], date: str = "2026-03-01T10:00:00.1") -> bytes:
    """Google's file: scope by prefix."""
    rows: list[dict[str, Any]] = []
    for prefix, scope in prefixes.items():
        row: dict[str, Any] = {"ipv6Prefix" if ":" in prefix else "ipv4Prefix": prefix}
        rows.append(row | ({"scope": scope, "service": "Google Cloud"} if scope else {}))
    return json.dumps({"syncToken": "1", "creationTime": date, "prefixes": rows}).encode()


def azure(tags: Mapping[str, tuple[str, list[str]]], cloud: str = "Public") -> bytes:
    """Azure's file: region and prefixes by tag."""
    values = [
        {"name": name, "properties": {"region": region, "addressPrefixes": prefixes}}
        for name, (region, prefixes) in tags.items()
    ]
    return json.dumps({"changeNumber": 1, "cloud": cloud, "values": values}).encode()


def oracle(regions: Mapping[str, Mapping[str, list[str]]]) -> bytes:
    """OCI's file: tags by prefix, by region."""
    rows = [
        {"region": region, "cidrs": [{"cidr": cidr, "tags": tags} for cidr, tags in cidrs.items()]}
        for region, cidrs in regions.items()
    ]
    return json.dumps({"last_updated_timestamp": "2026-02-01T00:00:00", "regions": rows}).encode()


def many(count: int, date: str = "2026-03-01-10-00-00") -> bytes:
    """AWS's file with this many prefixes."""
    prefixes = {f"52.{index >> 8}.{index & 255}.0/24": ("us-east-1", "EC2") for index in range(count)}
    return aws(prefixes, date)


def geo(country: str = "DE", day: str = "2026-01-01", **others: str) -> bytes:
    """A GeoIP database in which all well-known addresses, and all others, are in one country.

    ``others`` are countries by prefix, as `p18_194_71_0_24`.
    """
    records: dict[str, Value] = {
        "0.0.0.0/1": {"country_code": country},
        "128.0.0.0/1": {"country_code": country},
    }
    for key, value in others.items():
        a, b, c, d, length = key.removeprefix("p").split("_")
        records |= carved(f"{a}.{b}.{c}.{d}/{length}", country, value, records)
    built = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    return mmdb(records, "Test-Country", int(built.timestamp()))


def carved(prefix: str, around: str, inside: str, records: dict[str, Value]) -> dict[str, Value]:
    """The records of an address space with one prefix cut out of it: the tree has leaves only."""
    import ipaddress  # noqa: PLC0415

    inner = ipaddress.IPv4Network(prefix)
    outer = ipaddress.IPv4Network("0.0.0.0/1" if int(inner[0]) >> 31 == 0 else "128.0.0.0/1")
    records.pop(str(outer))
    rest = {str(each): {"country_code": around} for each in outer.address_exclude(inner)}
    return {**rest, prefix: {"country_code": inside}}


def tar_gz(content: bytes, name: str = "GeoLite2-Country_20260101/GeoLite2-Country.mmdb") -> bytes:
    """An archive as MaxMind makes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for each, data in (("GeoLite2-Country_20260101/LICENSE.txt", b"terms"), (name, content)):
            info = tarfile.TarInfo(each)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(store: Store, source: str, content: bytes, date: str | None = None, name: str = "file") -> Outcome:
    """Import a file that holds ``content``."""
    path = store.folder.parent / name
    path.write_bytes(content)
    given = dt.date.fromisoformat(date) if date is not None else None
    return import_files(store, BY_ID[source], [path], WISHES, given)


def real(name: str) -> bytes:
    """The bytes of one of the real files."""
    return shared(f"data/{name}").read_bytes()


def real_store(folder: Path) -> Store:
    """A store of all real files."""
    store = Store(folder / "store")
    for source, name in SHARED.items():
        path = shared(f"data/{name}")
        given = dt.date(2025, 11, 17) if source == "azure" else None
        assert import_files(store, BY_ID[source], [path], WISHES, given).result == "new"
    lists = [shared(f"data/{name}") for name in CLOUDFLARE]
    assert import_files(store, BY_ID["cloudflare"], lists, WISHES, dt.date(2025, 7, 1)).result == "new"
    assert import_files(store, BY_ID["mmdb"], [shared(f"data/{GEO_NAME}")], WISHES).result == "new"
    return store


class Served:
    """Files on loopback, by path. ``status`` and ``redirects`` come before them; ``asked`` is what came."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.status: dict[str, list[int]] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.etags = True

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = handler.path.partition("?")[0].lstrip("/")
        self.asked.append((handler.path.lstrip("/"), dict(handler.headers.items())))
        codes = self.status.get(path)
        if codes:
            self._end(handler, codes.pop(0))
        elif path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[path])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif path not in self.files:
            self._end(handler, 404)
        else:
            self._file(handler, self.files[path])

    def _file(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        etag = f'"{hash(content):x}"'
        if self.etags and handler.headers.get("If-None-Match") == etag:
            self._end(handler, 304)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        if self.etags:
            handler.send_header("ETag", etag)
        handler.end_headers()
        handler.wfile.write(content)

    def _end(self, handler: BaseHTTPRequestHandler, code: int) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def serving() -> Iterator[Served]:
    """A server on loopback while the block runs."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def gz(content: bytes) -> bytes:
    """Packed by gzip."""
    return gzip.compress(content, mtime=0)
