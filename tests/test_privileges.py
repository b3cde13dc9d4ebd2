"""Who starts as root, or with a few capabilities, ends with none: tried by programs that drop theirs."""

import pwd
import shutil

import msgspec
import pytest

from sensors.confinement import Dropped
from tests.confined_help import as_root, native, program
from tests.dropped import WITH_THREAD, WITHOUT_NATIVE, Now

NOBODY = pwd.getpwnam("nobody")
NONE = "0" * 16

with_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")


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


@as_root
def test_without_the_native_engine_root_becomes_the_user_all_the_same() -> None:
    now = dropped("nobody", WITHOUT_NATIVE)
    assert now.dropped == Dropped(
        NOBODY.pw_uid, NOBODY.pw_gid, changed_user=True, bounding_emptied=False, kept=()
    )
    assert (now.status["CapPrm"], now.status["CapEff"]) == (NONE, NONE)
    assert (now.packet, now.root) == ("EPERM", "EPERM")


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
