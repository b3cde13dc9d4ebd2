"""Reading files: the built-in data, the user's catalogue, and every way in which a file cannot be used."""

import os
from pathlib import Path

import pytest

from monitor.documents import DocumentError, Source
from monitor.files import MAX_SOURCE_BYTES
from monitor.load import InputError, load_catalog, load_jurisdictions, read_source

OWN = """\
providers: [{id: house, name: Our own models, operator_country: DE}]
endpoints:
  - {cidr: 10.60.0.0/16, provider: house, scope: region, countries: [DE], source: inventory, date: 2026-06-01}
"""


def refused(path: Path) -> InputError:
    """Return the error that reading the file gives."""
    with pytest.raises(InputError) as error:
        read_source(path)
    assert "\n" not in str(error.value)
    return error.value


def test_a_source_is_read_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("a: ü\n", encoding="utf-8-sig")
    assert read_source(path) == Source(str(path), "a: ü\n")


def test_a_missing_file(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent.yaml")
    assert (error.path, error.problem) == (str(tmp_path / "absent.yaml"), "no such file or directory")
    assert error.mend == "check the path"


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).mend == "name a file in it"


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read everything, so the system's answer is put on
    error = refused(tmp_path / "own.yaml")
    assert (error.problem, error.mend) == ("permission denied", "give this user the right to read it")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.touch()
    os.truncate(path, MAX_SOURCE_BYTES + 1)
    assert refused(path).problem == "larger than 8 MiB"
    os.truncate(path, MAX_SOURCE_BYTES)
    assert len(read_source(path).text) == MAX_SOURCE_BYTES


def test_a_file_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: M\xfcnchen\n")
    assert str(refused(path)) == f"{path}: offset 7: not UTF-8; save it as UTF-8 text"


def test_the_built_in_data_loads() -> None:
    jurisdictions = load_jurisdictions()
    catalog = load_catalog(jurisdictions=jurisdictions)
    assert catalog.version == load_catalog().version
    assert "DE" in jurisdictions.members("EU")
    assert catalog.match_address("160.79.104.1") is not None


def test_the_users_files_are_on_top(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    catalog = load_catalog([path])
    found = catalog.match_address("10.60.1.1")
    assert found is not None
    assert (found.provider, found.countries, found.declared_in) == ("house", ("DE",), path.name)
    assert catalog.match_name("api.openai.com") is not None


def test_the_users_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("provider: house", "provider: mouse"), encoding="utf-8")
    with pytest.raises(DocumentError) as error:
        load_catalog([path])
    assert str(error.value) == f"{path}:3: error: unknown provider 'mouse'; did you mean 'house'?"
    with pytest.raises(InputError):
        load_catalog([tmp_path / "absent.yaml"])
