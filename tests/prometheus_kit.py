"""A real Prometheus: started for a test, and asked. An answer with a warning is a failure."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests.sinks_kit import HOST, Program, free_port, running, until

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


class Api:
    """The HTTP API of a Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address

    def is_ready(self) -> bool:
        """Whether it answers queries by now."""
        with suppress(urllib.error.HTTPError), _opened(f"{self._address}/-/ready"):
            return True
        return False

    def get(self, path: str, **parameters: str | float) -> Any:
        """Return the data of an answer; fail where it is an error, or has a warning."""
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with _opened(url) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            said = json.load(error)
        assert said["status"] == "success", (parameters, said["error"])
        assert "warnings" not in said, (parameters, said["warnings"])
        return said["data"]

    def now(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds now, each series with its labels and value."""
        found: list[dict[str, Any]] = self.get("query", query=query)["result"]
        return found

    def lately(self, query: str, seconds: float, step_seconds: float) -> list[dict[str, Any]]:
        """Return what a query finds in so many seconds until now, each series with its values."""
        end = time.time()
        times = {"start": end - seconds, "end": end, "step": step_seconds}
        found: list[dict[str, Any]] = self.get("query_range", query=query, **times)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules that are loaded, each with its name and how it fares."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def labels(self, query: str) -> list[dict[str, str]]:
        """Return the labels of what a query finds, as soon as there is something, or none."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.now(query)) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return [each["metric"] for each in found]


@contextmanager
def prometheus(folder: Path, scraped_port: int, rules: Sequence[Path] = ()) -> Iterator[Api]:
    """Run a Prometheus that scrapes a port of this host every second, and looks at its rules as often."""
    jobs = [{"job_name": "residency", "static_configs": [{"targets": [f"{HOST}:{scraped_port}"]}]}]
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "scrape_configs": jobs, "rule_files": [str(path) for path in rules]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    options = {
        "config.file": "prometheus.yml",
        "storage.tsdb.path": "tsdb",
        "web.listen-address": f"{HOST}:{port}",
        "log.level": "error",
    }
    command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
    api = Api(f"http://{HOST}:{port}")
    with running(Program(command, folder, port)):
        until(api.is_ready, "Prometheus is ready")
        yield api


def _opened(url: str) -> HTTPResponse:
    answer: HTTPResponse = urllib.request.urlopen(url, timeout=10)  # noqa: S310  an address of our own
    return answer
