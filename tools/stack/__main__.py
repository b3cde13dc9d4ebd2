"""A stack to try it: python -m tools.stack, or make stack.

The daemon watches a folder that demo traffic is put into, over and over; Prometheus scrapes it, with the
shipped rules, and Alertmanager gets their alerts and the findings. All is on loopback, and ends together.
"""

import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import click

from monitor.commands.base import clear_errors
from tools.stack import running
from tools.stack.addresses import Addresses, choose
from tools.stack.children import Children, Told
from tools.stack.configuration import ROOT, write_all
from tools.stack.feeder import read
from tools.stack.laps import joined, laps
from tools.stack.places import Places

CAPTURES = (
    "demo",
    "aws-european-sovereign-cloud",
    "azure-openai-westeurope",
    "bedrock-us",
    "ech-dns-only",
    "encrypted-dns",
    "vertex-europe-west3",
    "vpn-and-relay",
)
SECOND_NS = 1_000_000_000


@click.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "build/stack",
    help="Where configuration, logs and data are; they stay for the next time.",
)  # fmt: skip
@click.option(
    "--port-base", type=click.IntRange(0, 65_000), default=19_090, show_default=True, metavar="PORT",
    help="The port of Prometheus; metrics are one above, Alertmanager three. 0: any that are free.",
)  # fmt: skip
@click.option(
    "--lap-seconds", type=click.IntRange(1, 3_600), default=20, show_default=True, metavar="SECONDS",
    help="How often the demo traffic begins anew.",
)  # fmt: skip
@click.option(
    "--scrape-seconds", type=click.IntRange(1, 60), default=5, show_default=True, metavar="SECONDS",
    help="How often Prometheus scrapes, and looks at its rules.",
)  # fmt: skip
def main(folder: Path, port_base: int, lap_seconds: int, scrape_seconds: int) -> None:
    """Run daemon, Prometheus and Alertmanager on demo traffic, until Ctrl-C."""
    with clear_errors():
        addresses = choose(port_base)
    places = Places(folder)
    left = places.folder / "addresses.json"
    left.unlink(missing_ok=True)  # it says that all is ready
    write_all(places, addresses, scrape_seconds, today())
    frames = joined(read(ROOT / "pcaps" / name / "traffic.pcap") for name in CAPTURES)
    with suppress(Told), Children(places.logs) as children:
        running.start(children, places, addresses)
        addresses.write(left)
        click.echo(said(places, addresses))
        begin_ns = time.time_ns() - frames[-1].ts_ns  # so that the first lap is over already
        running.feed(children, places, laps(frames, begin_ns, lap_seconds * SECOND_NS))
    click.echo("ended")


def today() -> date:
    """Return the day in UTC, which exceptions of a policy count in."""
    return datetime.fromtimestamp(time.time(), UTC).date()


def said(places: Places, addresses: Addresses) -> str:
    """Return what to look at."""
    prometheus, metrics = addresses.url("prometheus"), addresses.url("metrics")
    config = places.folder / "residency.yaml"
    query = "g0.expr=sum%20by%20(provider%2Coutcome)%20(rate(residency_decisions_total%5B5m%5D))&g0.tab=0"
    return f"""
All is running; Ctrl-C ends it.

  Prometheus    {prometheus}/graph?{query}
                {prometheus}/alerts
  Alertmanager  {addresses.url("alertmanager")}
  metrics       {metrics}/metrics
  dashboards    {ROOT / "grafana/dashboards"}: in Grafana, add {prometheus} as a data source
                of type Prometheus, then Dashboards, New, Import; or, where there is Docker:
                RESIDENCY_PROMETHEUS_URL={prometheus} docker compose -f grafana/compose.yaml up
  findings      .venv/bin/residency findings list --config {config}
  events        {places.events / "events.jsonl"}
  logs          {places.logs}
"""


if __name__ == "__main__":
    main()
