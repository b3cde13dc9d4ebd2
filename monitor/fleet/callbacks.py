"""Callbacks of a consumer group whose failures reach the caller as what they are."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition

OfPartitions = Callable[[Consumer, list[TopicPartition]], None]


def failing_whole(callback: OfPartitions) -> OfPartitions:
    """Return a callback that raises KafkaException as ``consume`` can hand it on.

    Of one that the client itself raised inside a callback it would raise the error that the exception is
    about, which is no exception and which nobody can catch (confluent-kafka on CPython 3.11).
    """

    def called(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            callback(consumer, partitions)
        except KafkaException as error:
            raise KafkaException(*error.args) from None  # type: ignore[arg-type]

    return called
