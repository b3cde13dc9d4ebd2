"""The store: history and as-of, what is refused, and that what was good stays whatever happens."""

import datetime as dt
import gzip
import json
from pathlib import Path

import msgspec
import pytest

from monitor.datasets import store as store_module
from monitor.datasets.compiling import compiled
from monitor.datasets.folders import INDEX, default_folder, find_folder
from monitor.datasets.health import health
from monitor.datasets.index import History
from monitor.datasets.lookup import Ranges
from monitor.datasets.sources import BY_ID
from monitor.datasets.store import Store
from monitor.datasets.update import import_files
from monitor.datasets.use import DataChoice, open_data
from monitor.files import InputError
from tests.catalog_help import built_in
from tests.datasets_kit import CLOUDFLARE, TODAY, WISHES, aws, azure, geo, google, gz, many, put, real, tar_gz
from tests.mmdb import mmdb

ADDRESS = "3.4.12.4"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def region_on(store: Store, day: str | None, address: str = ADDRESS) -> str | None:
    """The region of an address by the versions of a day."""
    as_of = dt.date.fromisoformat(day) if day is not None else None
    ranges = open_data(DataChoice(store.folder, as_of), built_in().regions).ranges
    found = ranges.find(address) if ranges is not None else None
    return found.region if found is not None else None


def history(store: Store, source: str = "aws") -> History:
    index = store.index()
    assert index is not None
    return index.sources[source]


def files(store: Store) -> list[str]:
    """All files of the store, without its lock."""
    return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())


def test_history_is_kept_and_judged_by(store: Store) -> None:
    for day, region in (
        ("2026-03-01", "eu-west-1"),
        ("2026-05-01", "us-east-1"),
        ("2026-01-01", "eu-north-1"),
    ):
        put(store, "aws", aws({"3.4.12.0/24": (region, "EC2")}, f"{day}-00-00-00"))
    assert region_on(store, None) == "us-east-1"
    assert region_on(store, "2026-05-01") == "us-east-1"
    assert region_on(store, "2026-04-30") == "eu-west-1"
    assert region_on(store, "2026-01-01") == "eu-north-1"
    assert region_on(store, "2025-12-31") is None


def test_what_is_too_young_is_said(store: Store) -> None:
    put(store, "aws", many(5, "2026-03-01-00-00-00"))
    (note,) = store.select(dt.date(2026, 2, 1)).notes
    assert note.startswith("aws is not used: its oldest version is of 2026-03-01, not as old as 2026-02-01; ")


def test_of_two_versions_of_one_day_the_later_one_counts(store: Store) -> None:
    put(store, "aws", aws({"3.4.12.0/24": ("eu-west-1", "EC2")}))
    put(store, "aws", aws({"3.4.12.0/24": ("us-east-1", "EC2")}))
    assert region_on(store, "2026-03-01") == "us-east-1"


@pytest.mark.parametrize(
    ("source", "content", "name", "given", "date", "by"),
    [
        ("aws", many(3), "x.json", None, "2026-03-01", "content"),
        ("google", google({"34.1.208.0/20": "us-east1"}), "x.json", None, "2026-03-01", "content"),
        ("aws", many(3), "x.json", "2026-02-01", "2026-02-01", "given"),
        (
            "azure",
            azure({"AzureCloud.westeurope": ("westeurope", ["20.52.0.0/16"])}),
            "ServiceTags_Public_20251117.json",
            None,
            "2025-11-17",
            "file name",
        ),
        (
            "azure",
            azure({"AzureCloud.westeurope": ("westeurope", ["20.52.0.0/16"])}),
            "tags_20259917.json",
            None,
            str(TODAY),
            "import",
        ),
        ("mmdb", geo(day="2026-06-17"), "geo.mmdb", None, "2026-06-17", "content"),
        ("maxmind", tar_gz(geo(day="2026-06-17")), "geo.tar.gz", None, "2026-06-17", "content"),
        ("dbip", gz(geo(day="2026-06-17")), "geo.mmdb.gz", None, "2026-06-17", "content"),
        ("cloudflare", b"173.245.48.0/20", "ips-v4", None, str(TODAY), "import"),
    ],
)
def test_the_date_of_a_version(  # noqa: PLR0917
    source: str, content: bytes, name: str, given: str | None, date: str, by: str, store: Store
) -> None:
    outcome = put(store, source, content, given, name)
    assert outcome.version is not None, outcome.problem
    assert (str(outcome.version.date), outcome.version.dated_by) == (date, by)
    assert len(store.content(outcome.version)) == outcome.version.bytes


@pytest.mark.parametrize(
    ("source", "content", "problem"),
    [
        ("aws", b"", "the file is empty"),
        ("aws", b"<html>", "not JSON"),
        ("aws", many(9), "9 prefixes, where the version of 2026-03-01 has 100"),
        ("aws", many(10), "10 prefixes, where the version of 2026-03-01 has 100"),
        ("aws", many(50, "2031-01-01-00-00-00"), "in the future"),
        ("aws", many(50, "0001-01-01-00-00-00")[:-3], "not JSON"),
        ("aws", gz(many(50))[:-9], "ends too early"),
        ("aws", b"\x1f\x8b garbage", "damaged gzip data"),
        ("mmdb", b"\x1f\x8b", "ends too early"),
        ("mmdb", many(50), "no MaxMind DB"),
        ("mmdb", mmdb({"192.0.2.0/24": {"country_code": "DE"}}), "any well-known address"),
        ("mmdb", geo()[:-30], "no MaxMind DB"),
        ("maxmind", tar_gz(geo(), name="other.txt"), "an archive without a database"),
    ],
)
def test_what_is_refused_leaves_what_was_there(
    source: str, content: bytes, problem: str, store: Store
) -> None:
    put(store, "aws", many(100))
    before = files(store), history(store).versions
    outcome = put(store, source, content)
    assert outcome.result == "failed"
    assert problem in (outcome.problem or "")
    assert "\n" not in (outcome.problem or "")
    after = history(store, source)
    assert (after.failures, after.failures_in_a_row, after.last_error) == (1, 1, outcome.problem)
    assert (files(store), history(store).versions) == before


def test_a_bomb_is_not_unpacked(store: Store) -> None:
    put(store, "cloudflare", b"173.245.48.0/20")
    outcome = put(store, "cloudflare", gzip.compress(bytes(64 * 1024 * 1024)))
    assert "larger than" in (outcome.problem or "")


def test_shrinking_can_be_accepted(store: Store, tmp_path: Path) -> None:
    put(store, "aws", many(100))
    path = tmp_path / "few"
    path.write_bytes(many(5))
    accepting = msgspec.structs.replace(WISHES, accept_shrinking=True)
    assert import_files(store, BY_ID["aws"], [path], accepting).result == "new"


def test_another_kind_of_database_is_refused(store: Store) -> None:
    assert put(store, "mmdb", geo()).result == "new"
    systems = mmdb({"8.8.8.0/24": {"autonomous_system_number": 15169}}, "Test-ASN")
    problem = put(store, "mmdb", systems).problem
    assert problem is not None
    assert problem.startswith("it is Test-ASN, where the version of 2026-01-01 is Test-Country; ")


def test_a_little_less_is_no_shrinking(store: Store) -> None:
    put(store, "aws", many(100))
    assert put(store, "aws", many(11)).result == "new"


def test_the_same_file_again_is_no_new_version(store: Store) -> None:
    assert put(store, "aws", many(5)).result == "new"
    assert put(store, "aws", many(5)).result == "unchanged"
    assert put(store, "cloudflare", b"173.245.48.0/20", "2026-01-01").result == "new"
    assert put(store, "cloudflare", b"173.245.48.0/20").result == "unchanged"
    assert put(store, "cloudflare", b"103.21.244.0/22", "2026-02-01").result == "new"
    assert put(store, "cloudflare", b"173.245.48.0/20").result == "new"  # it was given back
    assert len(history(store, "cloudflare").versions) == 3


def test_lists_in_parts(store: Store, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in CLOUDFLARE]
    for path in paths:
        path.write_bytes(real(path.name))
    outcome = import_files(store, BY_ID["cloudflare"], paths, WISHES)
    assert outcome.version is not None
    assert outcome.version.prefixes == 22


def test_a_version_that_breaks_off_is_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "aws", many(5))
    before = files(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for place in ("write_index", "_packed"):
        with monkeypatch.context() as patch:
            patch.setattr(store_module, place, full)
            with pytest.raises(InputError, match="no space left on device; make room, or choose another"):
                put(store, "aws", many(7))
        assert len(history(store).versions) == 1
        assert region_on(store, None, "52.0.1.1") == "us-east-1"
        assert [file for file in files(store) if file.startswith(INDEX)] == [INDEX]
    assert set(before) <= set(files(store))
    assert put(store, "aws", many(7)).result == "new"


def test_damage_on_disk_is_found(store: Store) -> None:
    outcome = put(store, "aws", many(5))
    assert outcome.version is not None
    store.path(outcome.version).write_bytes(b"damage")
    with pytest.raises(InputError, match="damaged: its SHA-256 is not the one in the index"):
        compiled(store, store.select())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "damaged"),
        (b"\xff", "damaged"),
        (b'{"schema": "\xff"}', "damaged"),
        (b'{"schema": "residency-datasets/9"}', "written in the form"),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_a_damaged_index_is_one_line(content: bytes, problem: str, store: Store) -> None:
    store.folder.mkdir()
    (store.folder / INDEX).write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        store.select()
    assert "\n" not in str(caught.value)


def test_an_index_names_no_file_outside(store: Store) -> None:
    put(store, "aws", many(5))
    path = store.folder / INDEX
    text = path.read_text()
    path.write_text(text.replace(history(store).versions[0].file, "../../../etc/passwd"))
    with pytest.raises(InputError, match="outside the store"):
        store.select()


def test_a_damaged_look_up_is_one_line(store: Store) -> None:
    put(store, "aws", many(5))
    path = compiled(store, store.select())
    assert path is not None
    path.write_bytes(b"damage")
    with pytest.raises(InputError, match="damaged; delete the file"):
        Ranges(path, {})


def test_the_look_up_is_made_once_and_the_same_anew(store: Store) -> None:
    put(store, "aws", many(5))
    path = compiled(store, store.select())
    assert path is not None
    first, made = path.read_bytes(), path.stat().st_mtime_ns
    assert compiled(store, store.select()) == path
    assert path.stat().st_mtime_ns == made
    path.unlink()
    assert compiled(store, store.select()) == path
    assert path.read_bytes() == first


def test_a_store_that_cannot_be_written_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "aws", many(5))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    path = compiled(store, store.select())
    assert path is not None
    assert store.folder not in path.parents
    monkeypatch.undo()
    assert Ranges(path, {}).find("52.0.1.1") is not None


def test_the_first_of_two_data_sets_of_one_prefix_speaks(store: Store) -> None:
    put(store, "google", google({"34.1.208.0/20": "us-east1"}))
    put(store, "google-services", google({"34.1.208.0/20": None, "34.64.0.0/16": None}))
    ranges = open_data(DataChoice(store.folder), built_in().regions).ranges
    assert ranges is not None
    cloud, services = ranges.find("34.1.208.1"), ranges.find("34.64.0.1")
    assert cloud is not None
    assert (cloud.dataset, cloud.countries) == ("google-cloud-ranges 2026-03-01", ("US",))
    assert services is not None
    assert (services.dataset, services.region, services.anycast) == (
        "google-services-ranges 2026-03-01",
        None,
        True,
    )


def test_health_counts_and_ages(store: Store) -> None:
    put(store, "aws", many(5, "2026-11-01-00-00-00"))
    put(store, "aws", b"")
    put(store, "aws", b"")
    index = store.index()
    assert index is not None
    (row,) = health(index, TODAY)
    assert (row.attempts, row.failures, row.failures_in_a_row) == (3, 2, 2)
    assert (row.age_days, row.stale, row.prefixes) == (24, False, 5)
    assert health(index, TODAY, 20)[0].stale
    put(store, "aws", many(5, "2026-11-01-00-00-00"))
    index = store.index()
    assert index is not None
    (row,) = health(index, TODAY)
    assert (row.failures, row.failures_in_a_row, row.last_error) == (2, 0, None)


def test_the_index_is_plain_json(store: Store) -> None:
    put(store, "aws", many(5))
    index = json.loads((store.folder / INDEX).read_text())
    (version,) = index["sources"]["aws"]["versions"]
    assert version["date"] == "2026-03-01"
    assert version["origin"] == "file file"


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_folder() is None
    assert find_folder(None) is None
    monkeypatch.setenv("RESIDENCY_DATA", str(tmp_path))
    assert default_folder() == tmp_path
    with pytest.raises(InputError, match="no data sets in it; fill it: residency data update"):
        find_folder(None)
    monkeypatch.delenv("RESIDENCY_DATA")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/residency/datasets")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "residency/datasets"
    assert find_folder(None) is None
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local/share/residency/datasets"
