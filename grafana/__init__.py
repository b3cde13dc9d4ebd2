"""Dashboards as code: what `python -m grafana.make` writes. Nothing of the product imports this."""
