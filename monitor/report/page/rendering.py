"""Renders the page: one self-contained file, that refers to nothing outside of it and needs no JavaScript.

Same facts, same bytes. Whatever stands in the facts is text: it is escaped, and a content security policy
lets nothing run or load but the style and the script that the page is made with.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitor.report import charts
from monitor.report.annex import CAREFUL, ITEMS, SOURCES
from monitor.report.atlas import read_atlas
from monitor.report.charts.judged import WORDS, judgement
from monitor.report.charts.types import Chart
from monitor.report.dissector import display_filter
from monitor.report.document import facts_sha256
from monitor.report.page import numbers, text
from monitor.report.page.sections import BY_ID, SECTIONS, Bounds, sizes
from monitor.report.people import is_merged
from monitor.report.statements import (
    WHAT_IT_PROVES,
    ended_ns,
    is_inventory,
    is_stated,
    none_related,
    sentence,
    statements,
)
from monitor.report.types import JUDGEMENTS, Facts
from monitor.wording import describe_place, listed, moment, percent, plural, size

MAX_BYTES = 5_000_000  # of a page
_STEPS = (Bounds(), Bounds(1_000, 500, 50), Bounds(250, 100, 10), Bounds(50, 20, 0))
_ASSETS = files("monitor.report.page") / "assets"


def render(facts: Facts) -> bytes:
    """Return the page in UTF-8. Where long texts would make it larger than MAX_BYTES, it shows fewer rows."""
    template = _environment().get_template("page.html")
    values = _values(facts)
    page = b""
    for bounds in _STEPS:
        page = text.visible(template.render(values, bounds=bounds)).encode("utf-8", "backslashreplace")
        if len(page) <= MAX_BYTES:
            break
    return page


def _values(facts: Facts) -> Mapping[str, object]:
    """Return what the templates name beside functions."""
    style, script = _asset("page.css") + _asset("charts.css"), _asset("page.js")
    marks = numbers.marks(facts.loaded)
    return {
        "facts": facts,
        "digest": facts_sha256(facts),
        "style": Markup(style),  # noqa: S704 - the package's own file
        "script": Markup(script),  # noqa: S704 - the package's own file
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "sections": SECTIONS,
        "section": BY_ID,
        "sizes": sizes(facts),
        "statements": statements(facts),
        "proves": WHAT_IT_PROVES,
        "stated": is_stated(facts),
        "inventory": is_inventory(facts),
        "none_related": none_related(facts),
        "nothing": text.NOTHING,
        "ended_ns": ended_ns(facts),
        "judgements": JUDGEMENTS,
        "present": numbers.judgements_in(facts),
        "outcomes": WORDS,
        "coverage_words": text.COVERAGE,
        "marks": marks,
        "places": numbers.by_place(facts.destinations),
        "ways": numbers.by_way(facts.destinations),
        "max_rows": numbers.MAX_ROWS,
        "charts": {
            "coverage": _drawn(charts.coverage_bar(facts.seen)),
            "map": _drawn(charts.world_map(facts.destinations, read_atlas())),
            "flows": _drawn(charts.sankey(facts.destinations)),
            "timeline": _drawn(charts.timeline(facts.timeline, marks)),
        },
        "annex": {"items": ITEMS, "sources": SOURCES, "careful": CAREFUL},
    }


def _drawn(chart: Chart) -> Mapping[str, object]:
    return {"svg": Markup(chart.svg), "title": chart.title, "describes": chart.describes}  # noqa: S704 - escaped by its maker


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "day": text.day,
        "duration": text.duration,
        "exact": text.exact,
        "listed": listed,
        "machine_time": text.machine_time,
        "moment": moment,
        "number": text.number,
        "period": text.period,
        "sentence": sentence,
        "size": size,
        "whole": text.whole,
        "whose": text.whose,
    }
    environment.globals |= {
        "check_command": text.check_command,
        "describe_place": describe_place,
        "display_filter": display_filter,
        "is_merged": is_merged,
        "judgement": judgement,
        "percent": percent,
        "plural": plural,
        "reached": text.reached,
    }
    return environment


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
