"""What the daemon gives up is given up, and what it needs is left: tried by programs that confine themselves.

The kernel must have seccomp, and Landlock 6 or newer.
"""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.commands import doctor
from sensors import confinement
from sensors.confinement import (
    LANDLOCK_WHOLE,
    Confined,
    Rules,
    Support,
    confine,
    support,
)
from tests.confined import ATTEMPTS
from tests.confined_help import ROOT, as_root, native, program, script

HERE = support()
NOBODY = pwd.getpwnam("nobody")

able = pytest.mark.skipif(
    not HERE.seccomp or HERE.landlock_abi < LANDLOCK_WHOLE,
    reason=f"needs seccomp and Landlock {LANDLOCK_WHOLE}: {HERE}",
)

MODES = ("free", "landlock", "seccomp", "both")
ALLOWED = (
    "read inside",
    "list inside",
    "write inside",
    "import of the standard library",
    "import of others",
    "chance",
    "clocks",
    "thread",
    "interface by name",
    "accept",
    "pair of sockets",
    "notify",
    "signal itself",
    "look at itself",
    "replay",
)
# what is attempted: how it ends with Landlock, with seccomp, with both
DENIED = {
    "read outside": ("EACCES", "ok", "EACCES"),
    "list outside": ("EACCES", "ok", "EACCES"),
    "write outside": ("EACCES", "ok", "EACCES"),
    "truncate what may be read": ("EACCES", "ok", "EACCES"),
    "write what may be read": ("EACCES", "ok", "EACCES"),
    "make a link inside": ("EACCES", "EPERM", "EPERM"),
    "look into another": ("EACCES", "ok", "EACCES"),
    "fork": ("ok", "EPERM", "EPERM"),
    "subprocess": ("EACCES", "EPERM", "EPERM"),
    "packet socket": ("ok", "EPERM", "EPERM"),
    "connect": ("EACCES", "EPERM", "EPERM"),
    "listen": ("EACCES", "EPERM", "EACCES"),
    "send a datagram": ("ok", "EPERM", "EPERM"),
    "connect to an abstract socket": ("EPERM", "EPERM", "EPERM"),
    "netlink for owners": ("ok", "EPERM", "EPERM"),
    "netlink for routes": ("ok", "EPERM", "EPERM"),
    "signal another": ("EPERM", "EPERM", "EPERM"),
    "memory to write and execute": ("ok", "EPERM", "EPERM"),
}
ALONE = {  # they end the process, or take its sockets
    "serve": ("ok", "ok", "ok"),
    "exec": ("EACCES", "SIGSYS", "SIGSYS"),
    "chroot": ("ok", "SIGSYS", "SIGSYS"),
}

Attempt = Callable[..., dict[str, str]]


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """Return what runs the attempts in one confined process, and says how each ended."""

    def run(mode: str, *attempts: str) -> dict[str, str]:
        folder = tmp_path / mode
        for name in ("read", "write", "outside"):
            (folder / name).mkdir(parents=True)
            (folder / name / "file").write_text("something")
        result = program("tests.confined", mode, str(folder), *attempts)
        if result.returncode < 0:
            return dict.fromkeys(attempts, signal.Signals(-result.returncode).name)
        assert result.returncode == 0, result.stderr
        return dict(line.rsplit(": ", 1) for line in result.stdout.splitlines())

    return run


@able
@as_root
@pytest.mark.parametrize(("mode", "column"), [("landlock", 0), ("seccomp", 1), ("both", 2)])
def test_each_attempt_ends_as_it_should(attempt: Attempt, mode: str, column: int) -> None:
    expected = dict.fromkeys(ALLOWED, "ok") | {name: row[column] for name, row in DENIED.items()}
    assert attempt(mode, *expected) == expected


@able
@as_root
def test_each_attempt_succeeds_where_nothing_is_confined(attempt: Attempt) -> None:
    attempts = (*ALLOWED, *DENIED)
    assert attempt("free", *attempts) == dict.fromkeys(attempts, "ok")


@able
@as_root
@pytest.mark.parametrize("name", ALONE)
def test_each_attempt_that_ends_the_process(attempt: Attempt, name: str) -> None:
    ends = tuple(attempt(mode, name)[name] for mode in MODES)
    assert ends == ("ok", *ALONE[name])


@able
def test_only_who_asks_for_owners_may_ask_netlink(attempt: Attempt) -> None:
    names = ("netlink for owners", "netlink for routes", "send a datagram")
    assert attempt("owners", *names) == dict(zip(names, ("ok", "EPERM", "EPERM"), strict=True))


def test_every_attempt_is_in_a_table() -> None:
    assert set(ATTEMPTS) == {*ALLOWED, *DENIED, *ALONE}


@able
def test_what_does_not_hold_is_said() -> None:
    code = """
import threading
from pathlib import Path
from sensors.confinement import Rules, confine
stop = threading.Event()
threading.Thread(target=stop.wait).start()
print(confine(Rules(read=(Path("/no/such/file"),), seccomp=False)))
stop.set()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "/no/such/file cannot be opened" in result.stdout
    assert "seccomp=False" in result.stdout
    held = "landlock='full'" if HERE.landlock_abi >= 8 else "landlock='partial'"
    assert held in result.stdout
    assert ("threads that ran already are not held" in result.stdout) == (HERE.landlock_abi < 8)


@able
def test_seccomp_holds_threads_that_ran_before() -> None:
    code = """
import os, threading
from sensors.confinement import Rules, confine
confined = threading.Event()

def fork():
    confined.wait()
    try:
        os.fork()
    except PermissionError as error:
        print(error.strerror)

thread = threading.Thread(target=fork)
thread.start()
confine(Rules(landlock=False))
confined.set()
thread.join()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "Operation not permitted\n"


@native
def test_nothing_asked_is_nothing_held() -> None:
    assert confine(Rules(seccomp=False, landlock=False)) == Confined()


@able
@as_root
def test_who_dropped_its_privileges_can_be_confined_and_work() -> None:
    code = """
import sys
from pathlib import Path
from sensors.confinement import Rules, confine, drop_privileges
state = Path(sys.argv[1])
drop_privileges("nobody")
confined = confine(Rules(write=(state,)))
assert (confined.seccomp, confined.landlock, confined.reasons) == (True, "full", ()), confined
(state / "decisions").write_text("one")
(state / "decisions").rename(state / "decisions.1")
print((state / "decisions.1").read_text(), (state / "decisions.1").stat().st_uid)
try:
    Path("/etc/hostname").read_text()
except PermissionError as error:
    print(error.strerror)
"""
    with tempfile.TemporaryDirectory() as folder:  # that of pytest lies where only root goes
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        result = script(code, folder)
    assert result.stdout == f"one {NOBODY.pw_uid}\nPermission denied\n"


def test_without_the_native_engine_it_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "MISSING", "it was not built")
    missing = "confinement is part of the native engine, which is not here: it was not built"
    assert support() == Support(missing=missing)
    assert confine(Rules()) == Confined(reasons=(missing,))


DOCTOR = [
    (Support(True, 7), ("system calls: filtered by seccomp", "files and TCP: held by Landlock, version 7")),
    (Support(True, 3), ("held by Landlock, version 3; all of the rules need version 6",)),
    (Support(), ("system calls: not filtered", "files and TCP: not held: this kernel has no Landlock")),
    (Support(missing="it is not here"), ("confinement - none: it is not here",)),
]


@pytest.mark.parametrize(("here", "lines"), DOCTOR)
def test_doctor_says_what_is_there(
    here: Support, lines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "support", lambda: here)
    result = CliRunner().invoke(doctor.command)
    text = " ".join(result.stdout.split())
    assert all(line in text for line in lines), text
