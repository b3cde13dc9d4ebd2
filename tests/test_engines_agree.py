"""The native engine says what the reference engine says, to the last count."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pcaps import golden
from sensors import native
from sensors.connections import Seen
from sensors.engine import Options, open_sensor
from sensors.flows import SECOND_NS
from sensors.limits import Limits
from sensors.observations import Accounting, Gap
from tests.conftest import SHARED
from tests.test_foreign_captures import CAPTURES, files

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
CASES = golden.cases()
SMALL = Limits(flows=3, stream_bytes=600, reading_bytes=900, fragments=2)


def both(
    paths: Sequence[Path], limits: Limits | None = None, *, eager: bool = False
) -> list[tuple[list[Seen], Accounting]]:
    """Return what each engine says of files."""
    said = []
    options = Options(limits or Limits(), eager=eager)
    for engine in ("dpkt", "native"):
        sensor = open_sensor(paths, engine, options)
        observations = [observation for batch in sensor for observation in batch]
        said.append((observations, sensor.accounting()))
    return said


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("limits", [Limits(), SMALL], ids=["usual limits", "small limits"])
@pytest.mark.parametrize("eager", [False, True], ids=["replay", "live"])
def test_our_captures(case: Path, limits: Limits, *, eager: bool) -> None:
    reference, other = both([golden.traffic(case)], limits, eager=eager)
    assert other == reference


def test_gaps_may_be_told_sooner() -> None:
    paths = [golden.traffic(case) for case in CASES]
    options = [Options(SMALL, gap_interval_ns=seconds * SECOND_NS) for seconds in (1, 60)]
    often, seldom = (gaps(paths, "dpkt", option) for option in options)
    assert gaps(paths, "native", options[0]) == often
    assert len(often) > len(seldom) > 0
    assert sum(gap.packets for gap in often) == sum(gap.packets for gap in seldom)


def gaps(paths: Sequence[Path], engine: str, options: Options) -> list[Gap]:
    """Return the gaps that an engine tells of."""
    return [each for batch in open_sensor(paths, engine, options) for each in batch if isinstance(each, Gap)]


@pytest.mark.parametrize("file", files())
def test_captures_of_others(file: str, shared: Path) -> None:
    assert shared == SHARED
    reference, other = both([CAPTURES / file])
    assert other == reference


def test_many_files_that_overlap() -> None:
    reference, other = both([golden.traffic(case) for case in CASES])
    assert other == reference
