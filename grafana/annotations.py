"""Marks on every graph, for the steps in its lines: what is in use changed, or a sensor started."""

from grafana_foundation_sdk.models import dashboard as model

from grafana.queries import sensed
from grafana.source import PROMETHEUS


class Mark(model.AnnotationQuery):
    """An annotation of Prometheus, with the texts that the library's type has no place for."""

    def __init__(self, name: str, colour: str, expr: str, text: str) -> None:
        super().__init__(name, PROMETHEUS, enable=True, hide=False, icon_color=colour, built_in=0, expr=expr)
        self._text = text

    def to_json(self) -> dict[str, object]:
        """Return it as Grafana reads it: the query again as a target, which is where it looks first."""
        target = {
            "expr": self.expr,
            "refId": "Anno",
            "range": True,
            "instant": False,
            "datasource": PROMETHEUS,
        }
        texts = {"titleFormat": self.name, "textFormat": self._text, "tagKeys": "sensor"}
        return {**super().to_json(), **texts, "target": target}


def marks() -> list[model.AnnotationQuery]:
    """Return the annotations of every board, with the one that Grafana has by itself."""
    by_hand = model.AnnotationQuery(
        "Annotations & Alerts",
        model.DataSourceRef("grafana", "-- Grafana --"),
        enable=True,
        hide=True,
        icon_color="rgba(0, 211, 255, 1)",
        type_val="dashboard",
        built_in=1,
    )
    changed = f"increase({sensed('residency_loaded_changes_total')}[$__rate_interval])"
    started = f"changes({sensed('residency_start_timestamp_seconds')}[$__rate_interval])"
    return [
        by_hand,
        Mark(
            "What is in use changed",
            "blue",
            f"sum by (sensor, reason) ({changed}) > 0",
            "{{sensor}} has loaded another {{reason}}.",
        ),
        Mark("A sensor started", "purple", f"max by (sensor) ({started}) > 0", "{{sensor}} started again."),
    ]
