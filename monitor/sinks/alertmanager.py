"""Prometheus Alertmanager, API v2: each open finding is an alert, which ends when the finding is closed.

Alertmanager forgets: what is not posted again within its ``resolve_timeout`` ends. So all open findings are
told again three times in that time, and one that lost its store has them back after the next time.
"""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from monitor.events import Event, FindingEvent, SummaryEvent
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sink_options import AlertmanagerOptions
from monitor.sinks.alert import OWN_LABELS, finding_alert, summary_alert
from monitor.sinks.files import read_secret, tls_context
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter

try:
    from monitor.sinks.posting import Answer, Poster, PostError
except ModuleNotFoundError:
    raise MissingExtraError(
        "Alertmanager needs the alertmanager extra; install it: pip install 'residency-monitor[alertmanager]'"
    ) from None

MAX_ALERTS = 100  # of a request
REFRESHES = 3  # within resolve_timeout: one may be lost, one late
_PATH = "/api/v2/alerts"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_UNUSABLE = frozenset({400, 413, 422})  # what is wrong with the alerts themselves


class AlertmanagerSink:
    """One Alertmanager. ``clock`` gives nanoseconds since 1970: packets' times are bounded by it."""

    def __init__(
        self, options: AlertmanagerOptions, folder: Path, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Raises InputError where URL, labels or files are no good."""
        self.name = options.name
        self.batch = options.batch
        self.refresh_seconds = options.resolve_timeout_seconds / REFRESHES
        self._options = options
        self._labels = _checked(options)
        self._clock = clock
        is_tls = options.url.lower().startswith("https:")
        context = tls_context(options.tls, folder) if is_tls else None
        url = options.url.rstrip("/") + _PATH
        self._poster = Poster(url, options.timeout_seconds, context, options.tls.server_name)
        self._headers = {"Content-Type": "application/json", "User-Agent": "residency-monitor"}
        if options.token_file is not None:
            self._headers["Authorization"] = f"Bearer {read_secret(options.token_file, folder)}"

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Post the alerts of all parcels. Checkpoints are none, and count as taken."""
        return self._deliver([parcel.event for parcel in parcels])

    def refresh(self, still_open: Sequence[FindingEvent]) -> Outcome:
        """Post the alerts of all open findings again."""
        return self._deliver(still_open)

    def close(self) -> None:
        """Let go of the connection."""
        self._poster.close()

    def _deliver(self, events: Sequence[Event]) -> Outcome:
        for start in range(0, len(events), MAX_ALERTS):
            outcome = self._post(events[start : start + MAX_ALERTS])
            if not isinstance(outcome, Delivered):
                return msgspec.structs.replace(outcome, done=start + outcome.done)
        return Delivered()

    def _post(self, events: Sequence[Event]) -> Outcome:
        """Post events in one request; where it is refused, one by one, to find out which was."""
        alerts = self._alerts(events)
        if not alerts:
            return Delivered()
        try:
            answer = self._poster.post(self._headers, msgspec.json.encode(alerts))
        except PostError as error:
            return RetryAfter(f"{self._options.url}: {error}")
        if answer.status not in _UNUSABLE:
            return self._outcome(answer)
        if len(events) == 1:
            return Dead(f"{self._options.url}: {answer.said()}")
        return self._one_by_one(events)

    def _one_by_one(self, events: Sequence[Event]) -> Outcome:
        for done, event in enumerate(events):
            outcome = self._post([event])
            if not isinstance(outcome, Delivered):
                return msgspec.structs.replace(outcome, done=done)
        return Delivered()

    def _outcome(self, answer: Answer) -> Outcome:
        if answer.status // 100 == 2:
            return Delivered()
        return RetryAfter(f"{self._options.url}: {answer.said()}", answer.retry_after)

    def _alerts(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Return the alerts: of each finding the last one, since an alert has one state."""
        now_ns = self._clock()
        alerts: dict[str, dict[str, Any]] = {}
        for event in events:
            if isinstance(event, FindingEvent):
                alerts[event.change.finding.id] = finding_alert(event, self._labels, now_ns)
            elif isinstance(event, SummaryEvent):
                alerts[event.key] = summary_alert(event, self._labels, now_ns)
        return list(alerts.values())


def _checked(options: AlertmanagerOptions) -> dict[str, str]:
    """Return the configured labels. Raises InputError."""
    for label in options.labels:
        where = f"sink {options.name}: labels"
        if not _LABEL.match(label):
            raise InputError(where, f"{label!r} is no label name", "use letters, digits and _ alone")
        if label in OWN_LABELS:
            raise InputError(where, f"{label!r} is set by this program", "choose another name")
    return options.labels
