"""Destinations for the tests of charts, and what a chart's elements say."""

import random
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from monitor.counts import FlowCount
from monitor.report.charts.svg import FONT, text_width
from monitor.tally import Destination, DestinationKey
from monitor.types import Outcome, Scope
from sensors.observations import FlowKey

EU = tuple(re.findall("..", "ATBEBGCYCZDEDKEEESFIFRGRHRHUIEITLTLULVMTNLPLPTROSESISK"))
COUNTRIES = (*EU, *re.findall("..", "GBCHNOUSCNSGJPINAUBRKRCAAEBHHKZAIL"))
HOSTILE = '<script>alert("1")</script>&amp;\'\x00\x1b[31m\u202eevil\ud800'
SVG = "{http://www.w3.org/2000/svg}"
FLOW = FlowKey("10.20.1.15", 50_000, "192.0.2.1", 443, "tcp")


def row(
    group: str | None = "crm",
    provider: str | None = "openai",
    scope: Scope = "region",
    countries: tuple[str, ...] = ("DE",),
    outcome: Outcome | None = "allow",
    *,
    flows: int = 1,
    region: str | None = None,
    tenant: str | None = "acme",
) -> Destination:
    """Return a row of the report."""
    key = DestinationKey(
        tenant, group, provider, (), None, scope, region, countries, "observed", outcome, None, None, False
    )
    return Destination(key, 0, 1, FLOW, None, (), (), (), FlowCount(flows, flows * 1_000, flows * 2_000))


def many(count: int, groups: int = 40, providers: int = 25, seed: int = 7) -> list[Destination]:
    """Return rows of all scopes and judgements: each draws its own names."""
    draw = random.Random(seed)
    scopes: tuple[Scope, ...] = ("region", "entry", "storage", "group", "global", "unknown")
    outcomes: tuple[Outcome, ...] = ("allow", "violation", "indeterminate", "excepted", "unassigned")
    rows = []
    for _ in range(count):
        scope = draw.choice(scopes)
        alone: tuple[str, ...] = (draw.choice(COUNTRIES),)
        countries = EU if scope == "group" else () if scope == "global" else alone
        rows.append(
            row(
                f"a-group-with-a-long-name-{draw.randrange(groups)}",
                f"provider-{draw.randrange(providers)}" if draw.random() < 0.95 else None,
                scope,
                countries,
                draw.choices(outcomes, (30, 2, 3, 2, 1))[0],
                flows=int(draw.paretovariate(0.8)),
                region="eu" if scope == "group" else None,
            )
        )
    return rows


def parsed(svg: str) -> ET.Element:
    """Return a chart's elements; raises where it is no XML."""
    return ET.fromstring(svg)  # noqa: S314  our own output, whose well-formedness is what is tested


def texts(root: ET.Element) -> list[str]:
    """Return what is written in a chart."""
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def titles(root: ET.Element, tag: str, class_: str = "") -> list[str]:
    """Return what elements of a class tell who points at them."""
    found = (each for each in root.iter(SVG + tag) if each.get("class", "").split()[:1] == class_.split())
    return [title.text or "" for each in found if (title := each.find(f"{SVG}title")) is not None]


def number(text: str, pattern: str) -> int:
    """Return the number that a pattern finds in a text."""
    found = re.search(pattern, text)
    assert found is not None, (text, pattern)
    return int(found.group(1).replace(",", ""))


def label_boxes(root: ET.Element) -> Iterator[tuple[str, float, float, float, float]]:
    """Yield the labels at a place of the chart, with left, top, right and bottom, as wide as can be."""
    for each in root.iter(f"{SVG}text"):
        if "label" not in each.get("class", "") or each.get("x") == "24":
            continue
        said = "".join(each.itertext())
        x, y, wide = float(each.get("x", 0)), float(each.get("y", 0)), text_width(said)
        left = {"end": x - wide, "middle": x - wide / 2}.get(each.get("text-anchor", "start"), x)
        yield said, left, y - FONT * 0.8, left + wide, y + FONT * 0.2
