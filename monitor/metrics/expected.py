"""The series that are known before anything happens. They begin at 0, so that the first one raises an alert.

`increase()` of a series that was not there before is 0: a violation that made its own series would be missed.
"""

import calendar
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.metrics.labels import NONE, of_subject
from monitor.policy import Policy
from monitor.policy.schema import DEFAULT_RULE
from monitor.policy.words import DEFAULT_SEVERITY
from monitor.types import Outcome, Subject

if TYPE_CHECKING:
    from monitor.datasets.store import Selection

LOSS_REASONS = ("ring", "table", "snaplen", "fragment", "decode", "interface")
SHED_REASONS = ("opened", "ended", "data")
RELOAD_REASONS = ("ok", "failed")
CHANGE_REASONS = ("policy", "catalogue", "datasets")
_ACTED_ON: tuple[Outcome, ...] = ("violation", "indeterminate", "excepted")


def policy_rows(policy: Policy | None) -> Iterator[dict[str, str]]:
    """Yield the labels of every verdict of a policy: by source group, rule that may apply to it, outcome."""
    if policy is None:
        return
    yield of_subject(Subject()) | {"policy": NONE, "outcome": "unassigned", "severity": NONE}
    for subject in sorted(policy.subjects, key=lambda each: (each.tenant or "", each.source_group or "")):
        rules = {each.rule.id: each.rule.severity for each in policy.compiled if each.selector.owns(subject)}
        for rule, severity in {**rules, DEFAULT_RULE: DEFAULT_SEVERITY}.items():
            row = of_subject(subject) | {"policy": rule}
            yield row | {"outcome": "allow", "severity": NONE}
            for outcome in _ACTED_ON:
                yield row | {"outcome": outcome, "severity": severity}


def finding_rows(policy: Policy | None) -> Iterator[dict[str, str]]:
    """Yield those of them that lead to findings."""
    return (row for row in policy_rows(policy) if row["outcome"] in ("violation", "indeterminate"))


def dataset_rows(selection: "Selection | None") -> list[tuple[dict[str, str], float]]:
    """Return the day of each data set in use, Unix time, by its source."""
    chosen = selection.chosen if selection is not None else ()
    return [({"reason": each.source.id}, calendar.timegm(each.version.date.timetuple())) for each in chosen]
