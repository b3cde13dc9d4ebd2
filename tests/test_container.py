"""The Containerfile as it is written: what it rests on, who runs in it, and that what it copies is there.

Whether it builds is not tried here: a builder, and images of others, would be needed.
"""

import fnmatch
import re
from pathlib import PurePosixPath

import pytest

from tests.metrics_kit import ROOT

CONTAINER = ROOT / "packaging/container"
TEXT = (CONTAINER / "Containerfile").read_text("utf-8")
INSTRUCTIONS = [
    re.split(r"\s+", line.strip(), maxsplit=1)
    for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
    if line.strip()
]
IGNORED = [
    line for line in (ROOT / ".containerignore").read_text("utf-8").splitlines() if line and line[0] != "#"
]
USER = "65532:65532"
TESTED_RUST = "1.95"


def stages() -> dict[str, list[list[str]]]:
    """Return the instructions of each stage, by name; the last one has none."""
    found: dict[str, list[list[str]]] = {}
    name: str | None = None
    for word, rest in INSTRUCTIONS:
        if word == "FROM":
            name = rest.partition(" AS ")[2]
            found[name] = []
        if name is not None:
            found[name].append([word, rest])
    return found


STAGES = stages()
LAST = dict(STAGES[""])


def copied() -> list[str]:
    """Return what is copied from the repository."""
    return [
        source
        for word, rest in INSTRUCTIONS
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]


def sent(path: str) -> bool:
    """Tell whether .containerignore lets a path through: the last line that fits decides."""
    let = True
    for line in IGNORED:
        pattern = line.removeprefix("!")
        tail = pattern.removeprefix("**/")
        parents = [path, *map(str, PurePosixPath(path).parents)]
        names = [each if tail == pattern else each.rpartition("/")[2] for each in parents]
        if any(fnmatch.fnmatchcase(each, tail) for each in names if each != "."):
            let = line.startswith("!")
    return let


def test_nothing_of_another_image_is_in_it() -> None:
    assert list(STAGES) == ["program", "system", ""]
    assert [STAGES[name][0][1].split()[0] for name in STAGES] == ["${BUILDER}", "${BUILDER}", "scratch"]


def test_the_builder_is_pinned() -> None:
    (builder,) = (rest for word, rest in INSTRUCTIONS if word == "ARG" and rest.startswith("BUILDER="))
    found = re.fullmatch(r"BUILDER=docker\.io/library/rust:(\d+\.\d+)\.\d+-slim-bookworm", builder)
    assert found is not None
    assert found[1] == TESTED_RUST


def test_it_runs_as_nobody_of_the_host() -> None:
    assert LAST["USER"] == USER
    assert LAST["ENTRYPOINT"] == '["/usr/bin/residency"]'
    after = STAGES[""][[word for word, _ in STAGES[""]].index("USER") :]
    assert {word for word, _ in after} == {"USER", "WORKDIR", "ENTRYPOINT"}
    uid, gid = USER.split(":")
    account = (CONTAINER / "rootfs/etc/passwd").read_text("utf-8").split(":")
    assert (account[0], account[2:4]) == ("residency", [uid, gid])  # as `security: user:` has it
    assert (CONTAINER / "rootfs/etc/group").read_text("utf-8") == f"residency:x:{gid}:\n"


def test_it_needs_no_shell() -> None:
    assert all(rest.startswith('["/usr/bin/python3", ') for word, rest in STAGES[""] if word == "RUN")
    packages = re.findall(r"apt-get download (.*)", " ".join(" ".join(each) for each in STAGES["system"]))
    assert packages
    assert not {"bash", "dash", "busybox", "coreutils", "apt", "dpkg"} & set(packages[0].split())


def test_one_program_alone_may_have_one_capability() -> None:
    assert re.findall(r"setcap (\S+) (\S+)", TEXT) == [
        ("cap_net_raw=ep", "/system/usr/lib/residency-capture/python3")
    ]


def test_it_says_what_it_is() -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", LAST["LABEL"]))
    assert labels == {"title", "description", "licenses", "version", "revision"}


def test_packages_are_checked_by_their_hashes() -> None:
    program = [rest for word, rest in STAGES["program"] if word == "RUN"]
    assert "make build/package/fetched.stamp" in program
    assert not [each for each in program if "pip " in each]
    fetch = (ROOT / "packaging/install.mk").read_text("utf-8")
    assert "download --require-hashes" in fetch
    assert re.search(r"^EXTRAS \?= \[.*\bkafka\b.*\]$", fetch, re.MULTILINE)


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_sent(source: str) -> None:
    assert (ROOT / source).exists()
    assert sent(source)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "build/package/wheels/x.whl",
        "pcaps/demo/traffic.pcap",
        "tests/conftest.py",
        "monitor/data/catalog.msgpack",
        "monitor/__pycache__/cli.pyc",
        "sensors/_native.abi3.so",
        "sensors/rust/target/release/x",
        "fleet.key",
    ],
)
def test_what_it_does_not_need_is_not_sent(path: str) -> None:
    assert not sent(path)


def test_no_secret_is_in_it() -> None:
    assert not re.search(r"(?i)password|token|secret|BEGIN [A-Z ]*KEY", TEXT)
