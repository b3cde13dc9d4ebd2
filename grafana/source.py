"""The data source of every query: whichever Prometheus the board's first variable says."""

from grafana_foundation_sdk.models.dashboard import DataSourceRef

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
