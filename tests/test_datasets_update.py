"""Fetching: from a server on loopback, which answers well, badly, slowly, or with something else."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from monitor.datasets import fetch as fetch_module
from monitor.datasets import update as update_module
from monitor.datasets.fetch import Fetcher, FetchError, Request, check_url
from monitor.datasets.folders import INDEX
from monitor.datasets.sources import BY_ID, SOURCES, months
from monitor.datasets.store import Store
from monitor.datasets.update import Credentials, Outcome, Wishes, choose, update
from tests.datasets_kit import (
    CLOUDFLARE,
    GEO_NAME,
    SHARED,
    WISHES,
    Served,
    geo,
    gz,
    many,
    real,
    serving,
    tar_gz,
)

pytestmark = pytest.mark.enable_socket
PAGE = "en-us/download/details.aspx"
TAGS = b'{"changeNumber": 1, "cloud": "Public", "values": [{"name": "AzureCloud.westeurope", "properties": '
TAGS += b'{"region": "westeurope", "addressPrefixes": ["20.52.0.0/16"]}}]}'
SECRET = "licence-key-nobody-may-see"  # noqa: S105


@pytest.fixture
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fetcher(waited: list[float] | None = None) -> Fetcher:
    """A fetcher that does not really wait between tries."""
    return Fetcher(sleep=(waited if waited is not None else []).append)


def mirrored(server: Served, **changes: object) -> Wishes:
    return msgspec.structs.replace(WISHES, mirror=server.url, **changes)


def updated(store: Store, server: Served, *sources: str, wishes: Wishes | None = None) -> list[Outcome]:
    chosen = [BY_ID[source] for source in sources]
    return list(update(store, chosen, fetcher(), wishes or mirrored(server)))


def test_the_real_files_from_a_mirror(store: Store, server: Served) -> None:
    for source, name in SHARED.items():
        server.files[BY_ID[source].files[0]] = real(name)
    for path, name in zip(BY_ID["cloudflare"].files, CLOUDFLARE, strict=True):
        server.files[path] = real(name)
    server.files["geo.mmdb"] = real(GEO_NAME)
    sources = [*SHARED, "cloudflare", "mmdb"]
    wishes = mirrored(server, mmdb_url=f"{server.url}/geo.mmdb")
    outcomes = updated(store, server, *sources, wishes=wishes)
    assert [(outcome.source, outcome.result) for outcome in outcomes] == [(each, "new") for each in sources]
    assert {
        outcome.source: (str(outcome.version.date), outcome.version.prefixes)
        for outcome in outcomes
        if outcome.version is not None
    } == {
        "aws": ("2026-08-22", 11_013),
        "google": ("2025-07-24", 782),
        "azure": ("2026-11-25", 53_586),
        "oracle": ("2025-07-21", 896),
        "anthropic": ("2026-11-25", 3),
        "cloudflare": ("2026-11-25", 22),
        "mmdb": ("2026-06-17", 1_306_595),
    }


def test_what_did_not_change_is_not_fetched_again(store: Store, server: Served) -> None:
    server.files["ip-ranges.json"] = many(5)
    assert [updated(store, server, "aws")[0].result for _ in range(3)] == ["new", "unchanged", "unchanged"]
    assert ["If-None-Match" in headers for _, headers in server.asked] == [False, True, True]
    server.files["ip-ranges.json"] = many(6, "2026-03-02-00-00-00")
    assert updated(store, server, "aws")[0].result == "new"
    server.etags = False
    assert updated(store, server, "aws")[0].result == "unchanged"


def test_one_that_fails_does_not_keep_the_others(store: Store, server: Served) -> None:
    server.files["ip-ranges.json"] = many(5)
    server.files["cloud.json"] = b"<html>maintenance</html>"
    failed, gone, good = updated(store, server, "google", "oracle", "aws")
    assert (failed.result, gone.result, good.result) == ("failed", "failed", "new")
    assert "not JSON" in (failed.problem or "")
    assert gone.problem == "the server answers 404 Not Found"


@pytest.mark.parametrize("code", [500, 503, 429])
def test_it_is_tried_again(code: int, store: Store, server: Served) -> None:
    server.files["ip-ranges.json"] = many(5)
    server.status["ip-ranges.json"] = [code, code]
    waited: list[float] = []
    (outcome,) = update(store, [BY_ID["aws"]], fetcher(waited), mirrored(server))
    assert outcome.result == "new"
    assert waited == [2.0, 4.0]
    server.status["ip-ranges.json"] = [code] * 9
    assert updated(store, server, "aws")[0].problem == f"the server answers {code} {_phrase(code)}, 3 times"


def _phrase(code: int) -> str:
    return {500: "Internal Server Error", 503: "Service Unavailable", 429: "Too Many Requests"}[code]


def test_nobody_there(store: Store) -> None:
    wishes = msgspec.structs.replace(WISHES, mirror="http://127.0.0.1:9")
    (outcome,) = update(store, [BY_ID["aws"]], fetcher(), wishes)
    assert outcome.problem == "no connection (Connection refused), 3 times"


def test_too_large(server: Served) -> None:
    server.files["big"] = bytes(2_000_000)
    with pytest.raises(FetchError, match="larger than 1,000,000 bytes"):
        fetcher().fetch(Request(f"{server.url}/big", 1_000_000))


def test_too_slow(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["slow"] = bytes(10)
    monkeypatch.setattr(fetch_module, "DEADLINE_SECONDS", -1.0)
    with pytest.raises(FetchError, match="takes longer than"):
        fetcher().fetch(Request(f"{server.url}/slow", 1_000))


def test_progress(server: Served) -> None:
    server.files["file"] = bytes(1_000)
    came: list[int] = []
    Fetcher(came.append).fetch(Request(f"{server.url}/file", 1_000))
    assert sum(came) == 1_000


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "/etc/passwd",
        "https://",
        "http://[",
        "",
    ],
)
def test_only_https(url: str) -> None:
    with pytest.raises(FetchError):
        check_url(url)
    with pytest.raises(FetchError):
        fetcher().fetch(Request(url, 1_000))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://example.com/x", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_https_alone(target: str, server: Served) -> None:
    server.redirects["moved"] = target
    with pytest.raises(FetchError, match=r"not HTTPS|302"):
        fetcher().fetch(Request(f"{server.url}/moved", 1_000))


def test_redirects_without_end(server: Served) -> None:
    server.redirects["loop"] = f"{server.url}/loop"
    with pytest.raises(FetchError, match="302"):
        fetcher().fetch(Request(f"{server.url}/loop", 1_000))
    assert len(server.asked) <= 6


def test_what_is_secret_is_sent_to_nobody_else(server: Served) -> None:
    with serving() as other:
        other.files["file"] = b"content"
        server.redirects["there"] = f"{other.url}/file"
        server.files["here"] = b"content"
        server.redirects["same"] = f"{server.url}/here"
        for path in ("there", "same"):
            request = Request(f"{server.url}/{path}", 1_000, authorization="Basic x")
            assert fetcher().fetch(request).data == b"content"
        assert [headers.get("Authorization") for _, headers in server.asked] == ["Basic x"] * 3
        assert [headers.get("Authorization") for _, headers in other.asked] == [None]


def rerouted(monkeypatch: pytest.MonkeyPatch, server: Served, source: str, path: str) -> None:
    """Have a source's official address lead to loopback."""
    changed = msgspec.structs.replace(BY_ID[source], urls=(f"{server.url}/{path}",))
    monkeypatch.setitem(BY_ID, source, changed)


def test_maxmind(store: Store, server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    rerouted(monkeypatch, server, "maxmind", "download?suffix=tar.gz")
    server.files["download"] = tar_gz(geo())
    assert "MAXMIND_LICENSE_KEY" in (updated(store, server, "maxmind", wishes=WISHES)[0].problem or "")
    credentials = Credentials("12345", SECRET)
    wishes = msgspec.structs.replace(WISHES, credentials=credentials)
    (outcome,) = updated(store, server, "maxmind", wishes=wishes)
    assert outcome.result == "new"
    assert server.asked[-1][1]["Authorization"] == "Basic MTIzNDU6" + "bGljZW5jZS1rZXktbm9ib2R5LW1heS1zZWU="
    assert SECRET not in repr(wishes)
    assert SECRET not in repr(outcome)
    index = (store.folder / INDEX).read_text()
    assert SECRET not in index
    assert "bGljZW5j" not in index
    assert "suffix" not in index
    server.status["download"] = [401]
    failed = updated(store, server, "maxmind", wishes=wishes)[0]
    assert failed.problem == "the server answers 401 Unauthorized"


def test_service_tags_by_way_of_their_page(
    store: Store, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    rerouted(monkeypatch, server, "azure", PAGE)
    server.files[PAGE] = b"<html>nothing here</html>"
    assert "links to no file of Service Tags" in (
        updated(store, server, "azure", wishes=WISHES)[0].problem or ""
    )
    link = b"https://download.microsoft.com/download/7/1/d/ServiceTags_Public_20261116.json"
    server.files[PAGE] = b'<a href="' + link + b'">download</a>'
    assert update_module._SERVICE_TAGS.fullmatch(link)  # noqa: SLF001
    monkeypatch.setattr(
        update_module, "_service_tags", lambda *_: f"{server.url}/ServiceTags_Public_20261116.json"
    )
    server.files["ServiceTags_Public_20261116.json"] = TAGS
    (outcome,) = updated(store, server, "azure", wishes=WISHES)
    assert outcome.version is not None
    assert outcome.version.date == dt.date(2026, 11, 16)


def test_dbip_of_this_month_or_the_one_before(
    store: Store, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert months(dt.date(2026, 1, 31)) == ("2026-01", "2025-12")
    rerouted(monkeypatch, server, "dbip", "free-{month}.mmdb.gz")
    server.files["free-2026-10.mmdb.gz"] = gz(geo(day="2026-10-01"))
    (outcome,) = updated(store, server, "dbip", wishes=WISHES)
    assert outcome.version is not None
    assert str(outcome.version.date) == "2026-10-01"
    assert updated(store, server, "dbip", wishes=WISHES)[0].result == "unchanged"
    server.files["free-2026-11.mmdb.gz"] = gz(geo(day="2026-11-01"))
    assert updated(store, server, "dbip", wishes=WISHES)[0].result == "new"


def test_what_is_updated() -> None:
    def ids(only: str | None = None, **changes: object) -> set[str]:
        return {source.id for source in choose(only, msgspec.structs.replace(WISHES, **changes))}

    everything = {source.id for source in SOURCES}
    assert ids() == everything - {"mmdb", "maxmind"}
    assert ids(credentials=Credentials("1", SECRET)) == everything - {"mmdb"}
    assert ids(mmdb_url="https://example.com/x.mmdb") == everything - {"maxmind"}
    assert ids(" aws,google,aws") == {"aws", "google"}
    for wrong in ("", "aws,amazon"):
        with pytest.raises(ValueError, match="use of: aws"):
            ids(wrong)
    for place in ("mirror", "mmdb_url"):
        with pytest.raises(ValueError, match="https://"):
            ids(**{place: "http://mirror.example/"})


def test_every_official_address_is_https_and_has_terms() -> None:
    for source in SOURCES:
        assert all(url.startswith("https://") for url in source.urls)
        assert len(source.files) == len(source.urls)
        assert source.terms
