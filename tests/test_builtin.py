"""What the build prepares of the built-in data: the same as the YAML gives, or not used at all."""

from pathlib import Path

import msgspec
import pytest

from monitor.builtin import DIGEST_BYTES, Files, prepare, read_files, read_prepared
from monitor.catalog import compile_built_in
from monitor.documents import Source
from tests.catalog_help import load_jurisdictions


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("prepared") / "catalog.msgpack"
    prepare(file)
    return file


def test_what_is_prepared_is_what_the_files_give(prepared: Path) -> None:
    files = read_files()
    compiled = compile_built_in(files.catalog, files.regions, load_jurisdictions())
    assert read_prepared(prepared, files) == compiled
    assert len(compiled.endpoints) > 2_000


def test_preparing_again_gives_the_same_bytes(prepared: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == prepared.read_bytes()


@pytest.mark.parametrize("change", ["catalog", "regions", "jurisdictions"])
def test_what_was_prepared_of_other_files_is_not_used(prepared: Path, change: str) -> None:
    files = read_files()
    other = Source("other", "# nothing")
    changed = (other, *files.catalog[1:]) if change == "catalog" else other
    assert read_prepared(prepared, msgspec.structs.replace(files, **{change: changed})) is None


@pytest.mark.parametrize("length", [0, 10, DIGEST_BYTES, DIGEST_BYTES + 100, -1])
def test_what_is_cut_short_is_not_used(prepared: Path, tmp_path: Path, length: int) -> None:
    short = tmp_path / "short"
    short.write_bytes(prepared.read_bytes()[:length])
    assert read_prepared(short, read_files()) is None
    assert read_prepared(tmp_path / "absent", read_files()) is None


def test_files_are_read_by_name() -> None:
    files = read_files()
    assert isinstance(files, Files)
    names = [source.path for source in files.catalog]
    assert names == sorted(names)
    assert (files.regions.path, files.jurisdictions.path) == ("regions.csv", "jurisdictions.yaml")
