"""Kafka's brokers as librdkafka has them for its own tests, in this process, reached over TCP as any are.

confluent-kafka hands out no more than their number. So they are made through librdkafka itself, the same
library file, which can also be told what errors they answer with (rdkafka_mock.h).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files

import confluent_kafka

PRODUCE = 0  # Kafka's number of the request
_PRODUCER = 0
_ERROR_BYTES = 512


class Brokers:
    """A cluster of mock brokers."""

    def __init__(self, library: ctypes.CDLL, cluster: ctypes.c_void_p, count: int) -> None:
        self._library = library
        self._cluster = cluster
        self._count = count
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        said: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
        self.addresses = tuple(said.decode().split(","))

    def answer(self, *errors: int) -> None:
        """Answer the next requests to write with these errors."""
        wanted = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(len(errors)), wanted
        )

    def forbid(self, topic: str, error: int) -> None:
        """Answer each question about a topic with an error."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), error)

    def topic(self, name: str, partitions: int) -> None:
        """Make a topic."""
        make = self._library.rd_kafka_mock_topic_create
        assert make(self._cluster, name.encode(), partitions, self._count) == 0

    def down(self) -> None:
        """Have no broker answer any more."""
        for broker in range(1, self._count + 1):
            self._library.rd_kafka_mock_broker_set_down(self._cluster, ctypes.c_int32(broker))

    def up(self) -> None:
        """Have them back."""
        for broker in range(1, self._count + 1):
            self._library.rd_kafka_mock_broker_set_up(self._cluster, ctypes.c_int32(broker))


@contextmanager
def brokers(count: int = 3) -> Iterator[Brokers]:
    """Run a cluster."""
    library = ctypes.CDLL(_library())
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    said = ctypes.create_string_buffer(_ERROR_BYTES)
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(configuration, b"log_level", b"0", said, ctypes.c_size_t(_ERROR_BYTES))
    handle = library.rd_kafka_new(_PRODUCER, configuration, said, ctypes.c_size_t(_ERROR_BYTES))
    assert handle, said.value
    client = ctypes.c_void_p(handle)
    cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(client, count))
    try:
        yield Brokers(library, cluster, count)
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(client)


def _library() -> str:
    """Return the file of librdkafka that confluent-kafka brings along."""
    assert confluent_kafka.libversion()
    found = [each for each in files("confluent-kafka") or () if each.name.startswith("librdkafka-")]
    return str(found[0].locate())
