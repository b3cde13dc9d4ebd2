"""What is installed on a system: the service and what it may not do, its account, its files."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from monitor import __version__
from tests.under_unit import UNIT, settings, under_unit

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
DROP_INS = sorted((PACKAGING / "systemd/examples").glob("*.conf"))
DOCUMENTED = " ".join((ROOT / "docs/61-service.md").read_text("utf-8").split())
MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def exposure(unit: Path) -> float:
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true", unit)
    found = re.search(r"Overall exposure level for residency-monitor\.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    return float(found[1])


def with_drop_in(folder: Path, drop_in: Path | None) -> Path:
    """Return the unit as systemd would find it, of a command that this machine has."""
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/usr/bin/residency", "/usr/bin/env"), "utf-8")
    if drop_in is not None:
        (folder / f"{UNIT.name}.d").mkdir()
        shutil.copy(drop_in, folder / f"{UNIT.name}.d")
    return unit


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    found = exposure(UNIT)
    assert found <= MOST_EXPOSED
    assert f"exposure level {found}, on a scale" in DOCUMENTED


@needs_systemd
def test_process_attribution_exposes_it_more(tmp_path: Path) -> None:
    found = exposure(with_drop_in(tmp_path, PACKAGING / "systemd/examples/processes.conf"))
    assert f"with it the exposure level is {found}." in DOCUMENTED


@needs_systemd
@pytest.mark.parametrize("drop_in", [None, *DROP_INS], ids=lambda each: each.name if each else "alone")
def test_systemd_understands_every_line(tmp_path: Path, drop_in: Path | None) -> None:
    done = run("systemd-analyze", "verify", "--man=no", with_drop_in(tmp_path, drop_in))
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_a_line_that_it_does_not_understand_would_be_seen(tmp_path: Path) -> None:
    unit = with_drop_in(tmp_path, None)
    unit.write_text(unit.read_text("utf-8").replace("ProtectClock=yes", "ProtectClocks=yes"), "utf-8")
    assert "ProtectClocks" in run("systemd-analyze", "verify", "--man=no", unit).stderr


def test_what_the_daemon_counts_on() -> None:
    unit = settings()
    assert unit["ExecStart"] == ["/usr/bin/residency run --config /etc/residency/residency.yaml"]
    assert unit["Type"] == ["notify"]
    assert unit["StateDirectory"] == ["residency"]
    assert unit["RestartPreventExitStatus"] == ["2"]


@needs_systemd
@needs_root
def test_the_account_and_its_folders(tmp_path: Path) -> None:
    (tmp_path / "etc/residency").mkdir(parents=True)
    (tmp_path / "etc/residency/residency.yaml").touch()
    made = run("systemd-sysusers", f"--root={tmp_path}", PACKAGING / "sysusers.d/residency-monitor.conf")
    assert made.returncode == 0, made.stderr
    account = (tmp_path / "etc/passwd").read_text("utf-8").split(":")
    uid = int(account[2])
    assert (account[0], account[6]) == ("residency", "/usr/sbin/nologin\n")
    made = run(
        "systemd-tmpfiles",
        f"--root={tmp_path}",
        "--create",
        PACKAGING / "tmpfiles.d/residency-monitor.conf",
    )
    assert (made.returncode, made.stderr) == (0, "")
    owners = {
        "etc/residency": (0, uid, 0o750),
        "etc/residency/residency.yaml": (0, uid, 0o640),
        "var/lib/residency": (uid, uid, 0o750),
        "var/lib/residency/archive": (uid, uid, 0o750),
        "var/lib/residency/datasets": (0, 0, 0o755),
        "var/lib/residency/events": (uid, uid, 0o750),
        "var/lib/residency/fleet": (uid, uid, 0o700),
        "var/lib/residency/state": (uid, uid, 0o700),
    }
    for name, expected in owners.items():
        status = (tmp_path / name).stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == expected, name


@pytest.mark.parametrize(("destination", "prefix"), [("", "/usr"), ("/build/root", "/usr/local")])
def test_make_install_puts_each_file_in_its_place(destination: str, prefix: str) -> None:
    done = run(
        "make", "--dry-run", "--no-print-directory", "install", f"DESTDIR={destination}", f"PREFIX={prefix}"
    )
    assert done.returncode == 0, done.stderr
    for name in (
        "bin/residency",
        "lib/residency-monitor",
        "lib/systemd/system",
        "lib/sysusers.d/",
        "lib/tmpfiles.d/",
        "share/bash-completion/completions/residency",
        "share/zsh/vendor-completions/_residency",
        "share/fish/vendor_completions.d/residency.fish",
        "share/doc/residency-monitor",
    ):
        assert f" {destination}{prefix}/{name}" in done.stdout, name
    services = [
        f"residency-{name}.service" for name in ("monitor", "deliver", "publish", "correlate", "archive")
    ]
    assert f"for unit in {' '.join(services)} residency-archive.timer" in done.stdout
    configuration = f"{destination}/etc/residency/residency.yaml"
    assert f"test -e {configuration} || install -m 640 monitor/data/residency.yaml {configuration}" in re.sub(
        r"\\\n\s*", "", done.stdout
    )


def test_the_lock_has_what_is_installed() -> None:
    done = run("make", "--dry-run", "--no-print-directory", "install")
    (extras,) = re.findall(r"'residency-monitor\[([a-z,]+)\]==", done.stdout)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [each for extra in extras.split(",") for each in project["optional-dependencies"][extra]]
    pinned = re.findall(
        r"^([a-z0-9-]+)==", (ROOT / "requirements/runtime.lock").read_text("utf-8"), re.MULTILINE
    )
    for each in (*needed, *project["dependencies"]):
        name = re.split(r"[<>=]", each)[0]
        assert name.lower() in pinned, each


def test_make_uninstall_leaves_configuration_and_decisions() -> None:
    done = run("make", "--dry-run", "--no-print-directory", "uninstall")
    assert "/usr/bin/residency" in done.stdout
    assert "/usr/lib/systemd/system/residency-deliver.service" in done.stdout
    assert not re.search(r"/etc/|/var/", done.stdout)


def test_the_debian_package_has_the_version_of_the_program() -> None:
    first = (PACKAGING / "debian/changelog").read_text("utf-8").splitlines()[0]
    assert re.fullmatch(rf"residency-monitor \({re.escape(__version__)}-\d+\) \w+; urgency=\w+", first)


def test_the_command_runs_from_its_library_alone(tmp_path: Path) -> None:
    template = (PACKAGING / "residency.in").read_text("utf-8")
    command = tmp_path / "residency"
    command.write_text(template.replace("@PYTHON@", sys.executable).replace("@LIBRARY@", str(ROOT)), "utf-8")
    command.chmod(0o755)
    (tmp_path / "monitor.py").write_text("raise SystemExit('another module')", "utf-8")
    done = subprocess.run(
        [command, "--version"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == (f"residency {__version__}\n", "")


PROBE = """
import ctypes, errno, json, mmap, os, socket, subprocess, sys, threading
def tried(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def syscall(*arguments):
    if ctypes.CDLL(None, use_errno=True).syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
def drop():
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    syscall(126, header, nothing)
writing = mmap.PROT_WRITE | mmap.PROT_EXEC
thread = threading.Thread(target=os.getpid)
print(json.dumps({
    "packets": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300).bind(("lo", 0))),
    "scrapes": tried(lambda: socket.create_server(("127.0.0.1", 0))),
    "supervisor": tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
    "netlink": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "vsock": tried(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)),
    "decisions": tried(lambda: open(sys.argv[1] + "/decisions", "w")),
    "elsewhere": tried(lambda: open("/etc/residency-test", "w")),
    "code": tried(lambda: mmap.mmap(-1, 4096, prot=writing)),
    "threads": tried(lambda: (thread.start(), thread.join())),
    "kernel": tried(lambda: os.stat("/proc/sys")),
    "namespaces": tried(lambda: syscall(272, 0x10000000)),
    "trace": tried(lambda: syscall(101, 0, 0, 0, 0)),
    "programs": tried(lambda: syscall(321, 0, 0, 0)),
    "users": tried(lambda: os.setuid(1)),
    "clock": tried(lambda: syscall(227, 0, 0)),
    "landlock": tried(lambda: syscall(444, 0, 0, 1)),
    "seccomp": tried(lambda: syscall(317, 2, 0, (ctypes.c_uint32 * 1)(0x7FFF0000))),
    "drop": tried(drop),
    "packets again": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300)),
}))
"""
REFUSED = ("code", "namespaces", "trace", "programs", "users", "clock", "packets again")
LEFT = (
    "packets", "scrapes", "supervisor", "decisions", "threads", "landlock", "seccomp", "drop",
)  # fmt: skip


@needs_systemd
@needs_root
@pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the probe has the numbers of x86-64's system calls"
)
def test_what_the_unit_leaves_is_what_the_daemon_needs(tmp_path: Path) -> None:
    done = run(*under_unit(tmp_path, sys.executable, "-c", PROBE, str(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        **dict.fromkeys(LEFT, "done"),
        **dict.fromkeys(REFUSED, "EPERM"),
        "netlink": "EAFNOSUPPORT",
        "vsock": "EAFNOSUPPORT",
        "elsewhere": "EROFS",
        "kernel": "ENOENT",
    }


@needs_systemd
@needs_root
def test_the_program_runs_under_the_unit(tmp_path: Path) -> None:
    """Interpreter, native engine, and the cryptography of QUIC without writable and executable memory."""
    replay = [sys.executable, "-m", "monitor", "replay", "pcaps/demo/traffic.pcap", "--json"]
    free = run(*replay)
    for engine in ("auto", "dpkt"):
        held = run(*under_unit(tmp_path, *replay, "--engine", engine))
        assert (held.returncode, held.stderr) == (free.returncode, free.stderr)
        first, second = json.loads(free.stdout), json.loads(held.stdout)
        assert first["coverage"] == second["coverage"]
