"""What the daemon makes before it gives up its rights, and whose it is."""

import os
import pwd
from pathlib import Path

import pytest

from monitor.daemon.rights import make_folders
from monitor.files import InputError
from monitor.settings import Settings, load_settings
from tests.confined_help import as_root

USER = "nobody"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "residency.yaml"
    lines = [
        "version: 1",
        "capture: {interfaces: [eth0]}",
        "ledger: {folder: kept, key: keys/k}",
        "state: state",
    ]
    path.write_text("\n".join([*lines, f"security: {{user: {USER}}}"]))
    return load_settings(path)


@as_root
def test_a_folder_is_the_users_who_is_left_and_one_that_is_there_stays(settings: Settings) -> None:
    make_folders(settings)
    status = settings.ledger.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (pwd.getpwnam(USER).pw_uid, 0o700)
    os.chown(settings.ledger, 0, 0)
    make_folders(settings)
    assert settings.ledger.stat().st_uid == 0


@as_root
def test_what_a_link_leads_to_is_given_to_nobody(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_text("keep")
    # as the owner of the folder above may do in that moment
    monkeypatch.setattr(Path, "mkdir", lambda folder, _mode: folder.symlink_to(other))
    make_folders(settings)
    assert other.stat().st_uid == 0


def test_a_folder_that_cannot_be_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path, _mode: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=f"kept: Permission denied; make it by hand, for the user {USER}"):
        make_folders(settings)
