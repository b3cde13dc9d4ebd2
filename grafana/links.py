"""Links between boards: they keep the time shown and what was chosen."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

TAG = "residency"
OVERVIEW = "residency-overview"
DETAIL = "residency-detail"
SENSORS = "residency-sensors"
DELIVERY = "residency-delivery"
LATENCY = "residency-latency"

_KEPT = (
    "${__url_time_range}", "${datasource:queryparam}", "${sensor:queryparam}", "${tenant:queryparam}",
)  # fmt: skip


def between_boards() -> model.DashboardLink:
    """Return the links to all boards that have the tag."""
    return (
        build.DashboardLink("Residency boards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
        .build()
    )


def to_board(title: str, uid: str, **variables: str) -> model.DashboardLink:
    """Return a link of a panel or of its data; ``variables`` are chosen there."""
    chosen = [f"var-{name}={value}" for name, value in variables.items()]
    return build.DashboardLink(title).url(f"/d/{uid}?{'&'.join([*_KEPT, *chosen])}").build()


def of_row(name: str) -> str:
    """Return the value of a table's field in the row that was pressed, for a URL: names may hold "&"."""
    return f"${{__data.fields.{name}:percentencode}}"


def of_series(label: str) -> str:
    """Return the value of a label of the series that was pressed, for a URL."""
    return f"${{__field.labels.{label}:percentencode}}"
