"""Threads change nothing that comes out: the bytes are the same for one and for more."""

from pathlib import Path

import pytest

from monitor import app, replaying
from monitor.exports import DECISIONS, SUMMARY
from pcaps import golden
from sensors import native
from sensors.connections import Seen
from sensors.engine import Options, open_sensor
from sensors.observations import Accounting
from tests.test_cli import residency

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
CASES = golden.cases()


def said(paths: list[Path], threads: int) -> tuple[list[Seen], Accounting]:
    """Return what the native engine says of files."""
    sensor = open_sensor(paths, "native", Options(threads=threads))
    return [seen for batch in sensor for seen in batch], sensor.accounting()


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_all_captures_at_once(threads: int) -> None:
    paths = [golden.traffic(case) for case in CASES]
    one = said(paths, 1)
    assert said(paths, threads) == one
    assert [fault.kind for fault in one[1].faults] == ["truncated"]
    assert one[1].read.packets > 1_500


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_files_are_the_same(case: Path, tmp_path: Path) -> None:
    knowledge = app.load_knowledge(golden.POLICY, [path for path in [case / "catalog.yaml"] if path.exists()])
    written = []
    for threads in (1, 2, 3):
        out = tmp_path / str(threads)
        replaying.replay([golden.traffic(case)], knowledge, replaying.Reading("native", threads), out)
        written.append([(out / name).read_bytes() for name in (DECISIONS, SUMMARY)])
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_was_read_so_far_is_told_before_the_end(threads: int) -> None:
    sensor = open_sensor([golden.traffic(golden.PCAPS / "demo")], "native", Options(threads=threads))
    next(iter(sensor))
    assert 0 < sensor.accounting().read.packets <= 999


def test_the_option() -> None:
    capture = golden.traffic(golden.PCAPS / "demo")
    one, three = (residency("replay", capture, "--json", "--threads", threads) for threads in ("1", "3"))
    assert one.exit_code == 0
    assert one.stdout == three.stdout
    assert residency("replay", capture, "--threads", "0").exit_code == 2
