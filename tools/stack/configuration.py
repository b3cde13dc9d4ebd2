"""What the programs of the stack are told: their configuration, written into the stack's folder.

The rules and the routes are those that are shipped. The policy is the example, with its exception moved to
the present.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from tools.stack.addresses import HOST, Addresses
from tools.stack.places import Places

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "policies/eu-crm.yaml"
SCRAPING = ROOT / "grafana/prometheus/prometheus.example.yaml"
ROUTES = ROOT / "grafana/alertmanager/alertmanager.example.yaml"
RUNBOOKS = ROOT / "docs/runbooks"
EXCEPTION_DAYS = 5  # that are left of it: soon enough for a warning
FRANKFURT = {"latitude": 50.11, "longitude": 8.68, "name": "Frankfurt"}


def write_all(places: Places, addresses: Addresses, scrape_seconds: int, today: date) -> None:
    """Write what all programs read."""
    places.write("policy.yaml", policy(today))
    places.write("residency.yaml", residency(places, addresses))
    places.write("prometheus.yml", prometheus(addresses, scrape_seconds))
    places.write("alertmanager.yml", alertmanager())


def policy(today: date) -> dict[str, Any]:
    """Return the example policy, its exceptions in force for some days more; its tests are of other days."""
    made: dict[str, Any] = yaml.safe_load(POLICY.read_text("utf-8"))
    del made["tests"]
    for each in made["exceptions"]:
        each["starts"] = today - timedelta(days=1)
        each["expires"] = today + timedelta(days=EXCEPTION_DAYS)
    return made


def residency(places: Places, addresses: Addresses) -> dict[str, Any]:
    """Return the daemon's and the courier's configuration. They become the folder's owner by themselves."""
    return {
        "version": 1,
        "sensor": "demo",
        "capture": {"watch": str(places.captures)},
        "policy": "policy.yaml",
        "location": FRANKFURT,
        "ledger": {"folder": "ledger", "key": "keys/ledger.key"},
        "state": "state",
        "sinks": [
            {
                "type": "jsonl",
                "name": "file",
                "path": str(places.events / "events.jsonl"),
                "checkpoints": True,
            },
            {"type": "alertmanager", "name": "alerts", "url": addresses.url("alertmanager")},
        ],
        "metrics": {"address": HOST, "port": addresses.metrics},
        **({"security": {"user": places.owner.name}} if places.owner.name else {}),
    }


def prometheus(addresses: Addresses, scrape_seconds: int) -> dict[str, Any]:
    """Return the shipped configuration of Prometheus, with our addresses and links to our own pages."""
    made: dict[str, Any] = yaml.safe_load(SCRAPING.read_text("utf-8"))
    every = f"{scrape_seconds}s"
    made["global"] |= {"scrape_interval": every, "evaluation_interval": every}
    made["global"]["external_labels"]["runbooks"] = RUNBOOKS.as_uri()
    made["rule_files"] = [str(SCRAPING.parent / name) for name in made["rule_files"]]
    (job,) = made["scrape_configs"]
    job["static_configs"] = [{"targets": [f"{HOST}:{addresses.metrics}"]}]
    made["alerting"]["alertmanagers"] = [
        {"static_configs": [{"targets": [f"{HOST}:{addresses.alertmanager}"]}]}
    ]
    return made


def alertmanager() -> dict[str, Any]:
    """Return the shipped routes, to receivers that tell nobody."""
    shipped: dict[str, Any] = yaml.safe_load(ROUTES.read_text("utf-8"))
    shipped["receivers"] = [{"name": each["name"]} for each in shipped["receivers"]]
    return {key: shipped[key] for key in shipped if key not in {"global", "templates"}}
