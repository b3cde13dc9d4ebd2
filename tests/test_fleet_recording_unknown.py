"""A topic whose brokers cannot tell how many partitions it has: nothing is opened, and it is said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from monitor.files import InputError
from monitor.fleet.recording import stage as stage_module
from monitor.fleet.recording.stage import Stage
from monitor.metrics.fleet import Kept
from monitor.metrics.recorded_sums import RecordedSums
from tests.fleet_kit import knowledge, plan


def test_a_topic_without_partitions_opens_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    what = plan(tmp_path)

    class Brokers:
        def __init__(self, _options: dict[str, Any]) -> None:
            """It connects nowhere."""

        def subscribe(self, *_: object, **__: object) -> None:
            """Nothing is assigned."""

        def list_topics(self, topic: str, _seconds: float) -> object:
            return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={})})

    monkeypatch.setattr(stage_module, "Consumer", Brokers)
    stage = Stage(what, knowledge(), structlog.get_logger(), (Kept(), RecordedSums()))
    with pytest.raises(InputError, match="tell of 0 partitions"):
        stage._open(0, 0)  # noqa: SLF001  a lane opens it
    assert list(tmp_path.iterdir()) == []
