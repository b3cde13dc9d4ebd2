"""The native engine says what the reference engine says, to the last count."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pcaps import golden
from sensors import native
from sensors.connections import Seen
from sensors.engine import Options, open_sensor
from sensors.limits import Limits
from sensors.observations import Accounting
from tests.conftest import SHARED
from tests.test_foreign_captures import CAPTURES, files

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
CASES = golden.cases()
SMALL = Limits(flows=3, stream_bytes=600, reading_bytes=900, fragments=2)


def both(paths: Sequence[Path], limits: Limits | None = None) -> list[tuple[list[Seen], Accounting]]:
    """Return what each engine says of files."""
    said = []
    options = Options(limits or Limits())
    for engine in ("dpkt", "native"):
        sensor = open_sensor(paths, engine, options)
        observations = [observation for batch in sensor for observation in batch]
        said.append((observations, sensor.accounting()))
    return said


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("limits", [Limits(), SMALL], ids=["usual limits", "small limits"])
def test_our_captures(case: Path, limits: Limits) -> None:
    reference, other = both([golden.traffic(case)], limits)
    assert other == reference


@pytest.mark.parametrize("file", files())
def test_captures_of_others(file: str, shared: Path) -> None:
    assert shared == SHARED
    reference, other = both([CAPTURES / file])
    assert other == reference


def test_many_files_that_overlap() -> None:
    reference, other = both([golden.traffic(case) for case in CASES])
    assert other == reference
