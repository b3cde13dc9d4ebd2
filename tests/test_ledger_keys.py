"""The private key: made once, for its owner alone, and never overwritten."""

import os
from pathlib import Path

import pytest

from monitor.files import InputError
from monitor.ledger.keys import read_key, signing_key, tenant_signer, vkeys
from monitor.ledger.tenants import Ledgers
from monitor.merkle.note import Verifier
from tests.records_kit import NOW_NS, record


def test_a_key_is_made_at_first_use(tmp_path: Path) -> None:
    path = tmp_path / "keys/ledger.key"
    made = signing_key(path, "edge-1")
    assert made.name == "residency/edge-1"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.read_text() == f"{made.skey}\n"
    assert [each.name for each in path.parent.iterdir()] == ["ledger.key"]
    assert signing_key(path, "edge-1").skey == made.skey
    assert signing_key(path, "edge-2").name == "residency/edge-2"
    assert signing_key(tmp_path / "other", "edge-1").seed != made.seed


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    signing_key(path, "edge")
    path.chmod(mode)
    with pytest.raises(InputError, match=f"a private key that others may read; chmod 600 {path}"):
        signing_key(path, "edge")


def link(path: Path) -> None:
    path.symlink_to(path.with_name("target"))


def fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.mkdir(0o700)


def text(path: Path) -> None:
    path.write_text("PRIVATE+KEY+residency/edge+00000000+AAAA\n")
    path.chmod(0o600)


def nothing(path: Path) -> None:
    path.touch(0o600)


def binary(path: Path) -> None:
    path.write_bytes(b"\xff" * 5_000)
    path.chmod(0o600)


@pytest.mark.parametrize("make", [link, fifo, folder, text, nothing, binary])
def test_what_is_no_key_is_refused_and_left(tmp_path: Path, make: object) -> None:
    path = tmp_path / "key"
    make(path)  # type: ignore[operator]
    before = path.lstat()
    with pytest.raises(InputError):
        signing_key(path, "edge")
    after = path.lstat()
    assert (before.st_ino, before.st_size, before.st_mode) == (after.st_ino, after.st_size, after.st_mode)
    assert not (tmp_path / "target").exists()


def test_the_text_of_a_bad_key_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("PRIVATE+KEY+residency/edge+00000000+c2VjcmV0c2VjcmV0\n")
    path.chmod(0o600)
    with pytest.raises(InputError) as caught:
        read_key(path)
    assert "c2VjcmV0" not in str(caught.value)


def test_a_key_where_nothing_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file exists"):
        signing_key(tmp_path / "file/key", "edge")


def test_verifier_keys_of_a_root(tmp_path: Path) -> None:
    key_file, root = tmp_path / "key", tmp_path / "ledgers"
    ledgers = Ledgers(root, key_file, "edge", NOW_NS)
    for tenant in ("acme", None):
        ledgers.append(tenant, [record(0)])
    ledgers.close()
    found = vkeys(key_file, root)
    assert [tenant for tenant, _ in found] == [None, "acme"]
    for tenant, vkey in found:
        name = "_unassigned" if tenant is None else tenant
        assert Verifier(vkey).verify((root / name / "checkpoint").read_text())
        assert tenant_signer(signing_key(key_file, "edge"), tenant).vkey == vkey
    with pytest.raises(InputError, match="no ledger there"):
        (tmp_path / "empty").mkdir()
        vkeys(key_file, tmp_path / "empty")
