"""Real brokers of Kafka for tests: where Maven or Java is missing a test is skipped and says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.kafka.brokers import SECONDS as SECONDS  # noqa: PLC0414  handed on
from tools.kafka.brokers import Brokers as Brokers  # noqa: PLC0414
from tools.kafka.brokers import NoBrokersError, libraries
from tools.kafka.brokers import brokers as real_brokers


@contextmanager
def brokers(folder: Path, count: int = 1) -> Iterator[Brokers]:
    """Run so many brokers, with their data in the folder. Skips the test where there are none to be had."""
    try:
        libraries()
    except NoBrokersError as error:
        pytest.skip(str(error))
    with real_brokers(folder, count) as made:
        yield made
