"""All tables of a report, in their order, with the names that its files and sheets have. Pure.

Every form has every table, empty ones too: what is not there was not found, and not forgotten. Names of
tables and columns are stable.
"""

from monitor.report.files.about import about
from monitor.report.files.found_tables import findings, references, steps
from monitor.report.files.reached_tables import behaviours, destinations, exceptions, timeline
from monitor.report.files.seen_tables import coverage, groups, inputs, sensors, versions
from monitor.report.files.table import Table
from monitor.report.types import Facts


def tables(facts: Facts) -> tuple[Table, ...]:
    """Return the tables; the first one says what the report is about, and what it cannot show."""
    return (
        about(facts),
        coverage(facts),
        groups(facts),
        sensors(facts),
        destinations(facts),
        findings(facts),
        references(facts),
        steps(facts),
        timeline(facts),
        exceptions(facts),
        behaviours(facts),
        inputs(facts),
        versions(facts),
    )
