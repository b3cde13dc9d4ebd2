"""The variables of boards. Each offers what there is in the time shown, and "all", for any value."""

from copy import copy

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from grafana.source import PROMETHEUS

ANY = ".+"  # no series has an empty value
# Where the sovereign regions are is for whoever runs this to say. This takes in all names that begin with eu.
SOVEREIGN = ".+:eu.*|.+:(westeurope|northeurope|germany.*|france.*|sweden.*)"

_VARIABLE_QUERY = "PrometheusVariableQueryEditor-VariableQuery"
_LABEL_VALUES = 1  # the kind of query, as Grafana's editor counts them


def datasource() -> model.VariableModel:
    """Return the choice of the Prometheus that is asked."""
    return (
        build.DatasourceVariable("datasource")
        .label("Data source")
        .description("The Prometheus that scrapes the sensors.")
        .type("prometheus")
        .current(model.VariableOption(selected=False, text="default", value="default"))
        .build()
    )


def values_of(label: str, title: str, metric: str, says: str) -> model.VariableModel:
    """Return a choice of any of the values that a label has on a metric's series."""
    definition = f"label_values({metric}, {label})"
    return (
        build.QueryVariable(label)
        .label(title)
        .description(says)
        .datasource(PROMETHEUS)
        .query({"query": definition, "qryType": _LABEL_VALUES, "refId": _VARIABLE_QUERY})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(ANY)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
        .build()
    )


def sovereign() -> model.VariableModel:
    """Return the pattern that says which regions are the sovereign ones."""
    return (
        build.TextBoxVariable("sovereign")
        .label("Sovereign regions")
        .description(
            "A regular expression on dst_region: the regions that were promised. It has to match all of "
            "the value."
        )
        .default_value(SOVEREIGN)
        .current(model.VariableOption(selected=True, text=SOVEREIGN, value=SOVEREIGN))
        .build()
    )


def unseen(variable: model.VariableModel) -> model.VariableModel:
    """Return a variable that a board does not ask about, and keeps for the boards that it links to."""
    hidden = copy(variable)
    hidden.hide = model.VariableHide.HIDE_VARIABLE
    return hidden


SENSOR = values_of("sensor", "Sensor", "residency_capturing", "Sensors, by the name in their configuration.")
TENANT = values_of(
    "tenant",
    "Tenant",
    'residency_connections_total{sensor=~"$sensor"}',
    'Whose clients; "none" has no owner.',
)
_DECISIONS = 'residency_decisions_total{sensor=~"$sensor", tenant=~"$tenant"}'
PROVIDER = values_of("provider", "Provider", _DECISIONS, "LLM providers, as the catalogue names them.")
REGION = values_of(
    "dst_region", "Region", _DECISIONS, "Where connections ended, as far as the evidence says."
)
SOURCE_GROUP = values_of("source_group", "Source group", _DECISIONS, "Source groups of the policy.")
TIMED_PROVIDER = values_of(
    "provider",
    "Provider",
    'residency_handshake_rtt_seconds_count{sensor=~"$sensor"}',
    "LLM providers with times.",
)
