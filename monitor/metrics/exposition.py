"""What a scraper gets: the series, and those of the process, in the format that it asks for."""

import gzip
import re
from threading import Lock

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.process_collector import ProcessCollector

from monitor.metrics.series import Series
from monitor.metrics.writer import Writer

# The formats there are. Nothing else in the header is handed on: the library would give it back, or fail.
_FORMAT = re.compile(
    r"\s*(?:application/openmetrics-text|text/plain)\s*"
    r"(?:;\s*(?:version=(?:0\.0\.[14]|1\.0\.0)|charset=utf-8|escaping=[a-z0-9-]+|q=[0-9.]+)\s*)*"
)
_GZIP_LEVEL = 1  # a fifth of the time of the default, for a fifth more bytes


class Exposed(Struct, frozen=True):
    """A body and the headers that belong to it. ``content_encoding`` is null where it is not packed."""

    body: bytes
    content_type: str
    content_encoding: str | None = None


class Exposition:
    """Writes out one process. Scrapers take turns, since it is work that the main loop has to wait for."""

    def __init__(self, series: Series, sensor: str) -> None:
        self._turn = Lock()
        self._writer = Writer(series, sensor)
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def expose(self, accept: str, accept_encoding: str) -> Exposed:
        """Return the metrics; ``accept`` and ``accept_encoding`` are the request's headers, or empty."""
        formats = [each for each in accept.split(",") if _FORMAT.fullmatch(each)]
        encode, content_type = choose_encoder(",".join(formats))
        openmetrics = content_type.startswith("application/openmetrics-text")
        with self._turn:
            text = self._writer.write(openmetrics=openmetrics)
            body = text.encode() + encode(self._process)  # which writes the end of OpenMetrics
            if gzip_accepted(accept_encoding):
                return Exposed(gzip.compress(body, _GZIP_LEVEL, mtime=0), content_type, "gzip")
        return Exposed(body, content_type)
