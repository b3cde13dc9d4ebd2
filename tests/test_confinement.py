"""What the daemon gives up is given up, and what it needs is left: tried by programs that confine themselves.

The kernel must have seccomp and Landlock 6 or newer.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sensors import confinement
from sensors.confinement import Confined, ConfinementError, Rules, Support, confine, drop_privileges, support
from tests.confined import ATTEMPTS
from tests.dropped import WITH_THREAD, Now

ROOT = Path(__file__).parents[1]
HERE = support()
NOBODY = pwd.getpwnam("nobody")
NONE = "0" * 16

able = pytest.mark.skipif(
    not HERE.seccomp or HERE.landlock_abi < 6, reason=f"needs seccomp and Landlock 6: {HERE}"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
with_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
native = pytest.mark.skipif(bool(HERE.missing), reason=f"the native engine is not built: {HERE.missing}")

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


def program(module: str, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run one of the programs beside this file."""
    command = [*before, sys.executable, "-W", "error::UserWarning", "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


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


@native
def test_nothing_asked_is_nothing_held() -> None:
    assert confine(Rules(seccomp=False, landlock=False)) == Confined()


def dropped(*arguments: str, before: tuple[str, ...] = ()) -> Now:
    """Run the program that drops its privileges, and return what it printed."""
    result = program("tests.dropped", *arguments, before=before)
    assert result.returncode == 0, result.stderr
    return msgspec.json.decode(result.stdout, type=Now)


def capabilities(now: Now) -> dict[str, str]:
    """Return the sets of capabilities that /proc names."""
    return {key: value for key, value in now.status.items() if key.startswith("Cap")}


@native
@as_root
@pytest.mark.parametrize(
    ("keep", "held", "packet"),
    [
        ((), NONE, "EPERM"),
        (("cap_sys_ptrace",), f"{1 << 19:016x}", "EPERM"),
        (("NET_RAW",), f"{1 << 13:016x}", "ok"),
    ],
)
def test_root_becomes_the_user(keep: tuple[str, ...], held: str, packet: str) -> None:
    now = dropped("nobody", *keep)
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    assert (now.dropped.uid, now.dropped.gid, now.dropped.changed_user) == (uid, gid, True)
    assert now.status["Uid"] == " ".join([str(uid)] * 4)
    assert now.status["Gid"] == " ".join([str(gid)] * 4)
    assert now.status["Groups"] == str(gid)
    none = {"CapInh": NONE, "CapBnd": NONE, "CapAmb": NONE}
    assert capabilities(now) == none | {"CapPrm": held, "CapEff": held}
    assert now.status["NoNewPrivs"] == "1"
    assert now.dropped.bounding_emptied
    assert len(now.dropped.kept) == len(keep)
    assert (now.packet, now.root) == (packet, "EPERM")


@native
@as_root
@with_setpriv
def test_who_starts_with_few_capabilities_keeps_none() -> None:
    some = "-all,+net_raw,+dac_read_search"  # the second only to find Python in the home of root
    start = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--bounding-set={some}")
    before = (*start, f"--inh-caps={some}", f"--ambient-caps={some}")
    now = dropped("no-such-user", before=before)
    held = f"{1 << 13 | 1 << 2:016x}"
    assert capabilities(now) == {
        "CapInh": NONE,
        "CapPrm": NONE,
        "CapEff": NONE,
        "CapAmb": NONE,
        "CapBnd": held,  # without CAP_SETPCAP it stays, of no use under no_new_privs
    }
    assert now.status["NoNewPrivs"] == "1"
    assert (now.dropped.changed_user, now.dropped.bounding_emptied) == (False, False)
    assert (now.packet, now.root) == ("EPERM", "EPERM")


MISTAKES = [
    (("no-such-user",), "there is no user 'no-such-user'; create it (useradd --system no-such-user)"),
    (("root",), "the user to become is root; name one that may nothing"),
    (("nobody", "cap_none"), 'there is no capability "cap_none"; write it as cap_sys_ptrace'),
    (("nobody", WITH_THREAD), "2 threads run already and would keep their capabilities"),
]


@native
@as_root
@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_with_its_mend(arguments: tuple[str, ...], message: str) -> None:
    result = program("tests.dropped", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@native
@as_root
@with_setpriv
def test_what_is_not_held_cannot_be_kept() -> None:
    before = ("setpriv", "--bounding-set=-sys_ptrace")
    result = program("tests.dropped", "nobody", "cap_sys_ptrace", before=before)
    assert "cap_sys_ptrace cannot be kept, for the process has not got it" in result.stderr


def test_without_the_native_engine_it_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "MISSING", "it was not built")
    missing = "confinement is part of the native engine, which is not here: it was not built"
    assert support() == Support(missing=missing)
    assert confine(Rules()) == Confined(reasons=(missing,))
    with pytest.raises(ConfinementError, match="privileges cannot be dropped: confinement is part of"):
        drop_privileges("nobody")
