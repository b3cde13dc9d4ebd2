"""The report's charts: what they show is what the facts say, whatever these hold, in bounded bytes."""

import math
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import app, replaying
from monitor.counts import FlowCount
from monitor.coverage import COVERAGE_CLASSES
from monitor.report.atlas import read_atlas
from monitor.report.charts import Chart, coverage_bar, sankey, timeline, world_map
from monitor.report.charts.folding import folded
from monitor.report.charts.judged import WORDS, counted
from monitor.report.charts.svg import VIEW_WIDTH, el, escaped, shortened, text_width, written
from monitor.report.types import JUDGEMENTS, Bucket, Judgement, Seen, Timeline
from monitor.tally import Destination
from monitor.types import Coverage
from tests.charts_kit import (
    COUNTRIES,
    EU,
    HOSTILE,
    SVG,
    label_boxes,
    many,
    number,
    parsed,
    row,
    texts,
    titles,
)

ROOT = Path(__file__).parents[1]
CSS = (ROOT / "monitor/report/page/assets/charts.css").read_text(encoding="utf-8")
S = 1_000_000_000
ATLAS = read_atlas()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> list[Destination]:
    """Return the destinations of the demo capture under the example policy."""
    out = tmp_path_factory.mktemp("demo")
    knowledge = app.load_knowledge(ROOT / "policies/eu-crm.yaml")
    replaying.replay([ROOT / "pcaps/demo/traffic.pcap"], knowledge, replaying.Reading("dpkt"), out)
    summary = msgspec.json.decode((out / "summary.json").read_bytes())
    return msgspec.convert(summary["destinations"], list[Destination])


def seen(counts: dict[Coverage, FlowCount], *, bytes_known: bool = True) -> Seen:
    none = FlowCount()
    return Seen("", none, none, counts, {}, none, none, bytes_known=bytes_known)


def every_chart(rows: list[Destination]) -> list[Chart]:
    buckets = [Bucket(index * 3_600 * S, counted([each])) for index, each in enumerate(rows[:3_000])]
    counts = {
        name: FlowCount(len(rows) ** 2 // (index + 1), 7, 9) for index, name in enumerate(COVERAGE_CLASSES)
    }
    marks = [(index * 7_200 * S, f"policy {HOSTILE}@{index}") for index in range(100)]
    return [
        world_map(rows, ATLAS),
        sankey(rows),
        timeline(Timeline(3_600 * S, tuple(buckets)), marks),
        coverage_bar(seen(counts)),
    ]


HOSTILE_ROWS = [
    row(HOSTILE, HOSTILE, "group", (HOSTILE, "DE"), "violation", flows=3, region=HOSTILE, tenant=HOSTILE),
    row(HOSTILE * 9_000, None, "unknown", (HOSTILE,), None, flows=10**15, tenant="\U0001f600" * 70),
    row(None, "x" * 9_000, "entry", ("ZZ",), "unassigned", tenant=None),
]


@pytest.mark.parametrize("rows", [[], [row()], HOSTILE_ROWS, many(400), many(10_000)], ids=len)
def test_charts_are_safe_xml_with_words(rows: list[Destination]) -> None:
    ids: Counter[str] = Counter()
    for chart in every_chart(rows):
        root = parsed(chart.svg)
        assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
        assert not {"width", "height"} & set(root.keys())
        assert (root[0].tag, root[0].text) == (f"{SVG}title", chart.title)
        assert (root[1].tag, root[1].text) == (f"{SVG}desc", escaped_twice(chart.describes))
        ids.update(each.get("id", "") for each in root.iter() if "id" in each.keys())  # noqa: SIM118
        assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
            *(
                "svg",
                "title",
                "desc",
                "clipPath",
                "g",
                "use",
                "rect",
                "circle",
                "path",
                "text",
                "tspan",
            ),
        }
        for each in root.iter():
            assert not [name for name in each.keys() if name == "style" or name.startswith("on")]  # noqa: SIM118
        assert set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", chart.svg)) <= ids.keys()
        cut = [each.get("clip-path") for each in root.iter() if "clip-path" in each.keys()]  # noqa: SIM118
        assert cut == [f"url(#{each.get('id')})" for each in root.iter(f"{SVG}clipPath")]
        assert len(chart.svg) < 200_000
        assert sum(1 for _ in root.iter()) < 1_000
    assert set(ids.values()) <= {1}


def escaped_twice(text: str) -> str:
    """Return a text as it comes back: what XML cannot hold is replaced."""
    return str(parsed(f"<a>{escaped(text)}</a>").text)


def test_empty_charts_say_so() -> None:
    for chart in every_chart([])[:3]:
        assert texts(parsed(chart.svg)) == ["No connection to an LLM provider was read for this period."]
    for says in ("no connection was seen at all", "how much could be seen is not known"):
        chart = coverage_bar(msgspec.structs.replace(seen({}), says=says))
        assert texts(parsed(chart.svg)) == [f"{says.capitalize()}."] == [chart.describes]


def test_same_facts_same_bytes() -> None:
    assert every_chart(many(300)) == every_chart(many(300))


def test_every_class_has_a_look() -> None:
    used = {
        name
        for chart in every_chart(many(400))
        for each in parsed(chart.svg).iter()
        for name in classes(each)
    }
    styled = set(re.findall(r"\.([a-z-]+)", CSS))
    assert used - styled == {"chart-world", "chart-sankey", "chart-timeline", "chart-coverage", "mark", "bar"}
    assert {f"fill-{name}" for name in JUDGEMENTS} | {f"stroke-{name}" for name in JUDGEMENTS} <= styled


def classes(element: ET.Element) -> list[str]:
    return element.get("class", "").split()


def test_the_map_of_the_demo(demo: list[Destination]) -> None:
    chart = world_map(demo, ATLAS)
    said = texts(parsed(chart.svg))
    marks = ("US 1 \u25b21", "CN 2 \u25b21", "NL 1 ?1", "DE 13")
    beside = ("global endpoint 9 \u25b26", "not known 4 ?1", "EU group 2 ?1")
    assert set(said) >= {*marks, *beside}
    assert "outside policy 8" in " ".join(said)
    assert "it does not say where what they carried was processed" in chart.describes
    assert titles(parsed(chart.svg), "g", "mark")[-1].startswith(
        "Netherlands: 1 connection: 1 could not be decided"
    )


def test_every_connection_is_on_the_map_or_beside_it() -> None:
    rows = many(2_000)
    root = parsed(world_map(rows, ATLAS).svg)
    marks = titles(root, "g", "mark")
    beside = [title for title in titles(root, "g") if ": " in title and "connection" in title]
    flows = sum(number(each, r": ([\d,]+) connection") for each in (*marks, *beside))
    assert flows == sum(each.count.flows for each in rows)
    assert len(marks) == len({each.key.countries for each in rows if len(each.key.countries) == 1})


def test_a_ring_is_filled_as_far_as_processing_is_pinned() -> None:
    rows = [row(flows=3), row(scope="entry", flows=9), row(scope="entry", countries=("US",), flows=12)]
    root = parsed(world_map(rows, ATLAS).svg)
    marks = [each for each in root.iter(f"{SVG}g") if each.get("class") == "mark"]
    names = [each.split(":")[0] for each in titles(root, "g", "mark")]
    radii = {
        name: [float(part.get("r", 0)) for part in mark[1:]] for name, mark in zip(names, marks, strict=True)
    }
    ring, filled = radii["Germany"]
    assert filled / ring == pytest.approx(0.5, abs=0.01)  # a quarter of the area
    assert radii["United States"] == [ring]


@pytest.mark.parametrize(
    "rows", [[row(countries=(code,), flows=1) for code in COUNTRIES], many(2_000)], ids=len
)
def test_labels_of_the_map_do_not_cover_one_another(rows: list[Destination]) -> None:
    boxes = list(label_boxes(parsed(world_map(rows, ATLAS).svg)))
    assert overlapping(boxes) == []
    assert [each for each in boxes if each[1] < 0 or each[3] > VIEW_WIDTH] == []


def test_circles_of_the_map_do_not_cover_one_another() -> None:
    root = parsed(world_map([row(countries=(code,)) for code in COUNTRIES], ATLAS).svg)
    rings = [each for each in root.iter(f"{SVG}circle") if "ring" in classes(each)]
    places = [tuple(float(each.get(name, 0)) for name in ("cx", "cy", "r")) for each in rings]
    drawn = [place for place in places if place[:2] != (8, 8)]  # those are of the legend
    assert len(drawn) == len(COUNTRIES)
    near = [
        (one, other)
        for one, other in combinations(drawn, 2)
        if math.dist(one[:2], other[:2]) < one[2] + other[2]
    ]
    assert near == []


def overlapping(boxes: list[tuple[str, float, float, float, float]]) -> list[tuple[str, str]]:
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if min(one[3], other[3]) - max(one[1], other[1]) > 0.1
        and min(one[4], other[4]) - max(one[2], other[2]) > 0.1
    ]


def test_a_group_is_hatched_where_it_is_the_only_one() -> None:
    one = [row(scope="group", countries=EU, region="eu"), row(countries=("US",))]
    assert "world-group)" in world_map(one, ATLAS).svg
    assert "group-line" in world_map(one, ATLAS).svg
    two = [*one, row(scope="group", countries=("US", "CA"), region="us")]
    assert "world-group)" not in world_map(two, ATLAS).svg
    assert "group-line" not in world_map(two, ATLAS).svg


def test_places_without_a_shape_or_a_name_are_not_lost() -> None:
    rows = [row(countries=("MQ",)), row(countries=("ZZ",), flows=2)]
    said = texts(parsed(world_map(rows, ATLAS).svg))
    assert "MQ 1" in said  # a point, and no shape of its own
    assert "ZZ 2" in said
    assert "Not on the map: ZZ 2" in world_map(rows, ATLAS).describes


@pytest.mark.parametrize("rows", [[row()], many(30), many(800), many(10_000, groups=5_000)], ids=len)
def test_folding_keeps_the_sums(rows: list[Destination]) -> None:
    flow = folded(rows)
    whole = FlowCount()
    for each in rows:
        whole.include(each.count)
    for column in flow.columns:
        assert len(column) <= 12
        assert sum(count.flows for count in column.values()) == whole.flows
    for index, gap in enumerate(flow.gaps):
        assert sum(band.count.bytes() for band in gap) == whole.bytes()
        for name, count in flow.columns[index].items():
            assert sum(band.count.flows for band in gap if band.source == name) == count.flows
        for name, count in flow.columns[index + 1].items():
            assert sum(band.count.flows for band in gap if band.target == name) == count.flows
        for judgement, flows in counted(rows).items():
            assert sum(band.count.flows for band in gap if band.judgement == judgement) == flows


def test_names_outside_policy_are_not_folded_while_there_is_room() -> None:
    rows = [row(f"large-{index}", flows=1_000) for index in range(40)] + [row("small", outcome="violation")]
    assert folded(rows).columns[0].keys() >= {"acme/small", "30 others"}


def test_the_flow_of_the_demo(demo: list[Destination]) -> None:
    root = parsed(sankey(demo).svg)
    said = texts(root)
    assert {"acme/crm-backend 16", "no source group 1", "aws 13", "DE (enters) 13", "EU group 2"} <= set(said)
    links = titles(root, "path", "link")
    assert "acme/office to deepseek: 1 connection, 2.0 kB up, 3.8 kB down, outside policy" in links
    assert sum(number(link, r": ([\d,]+) connection") for link in links) == 2 * 32
    assert "outside policy" in links[-1]  # on top


@pytest.mark.parametrize("rows", [many(30), many(800), many(10_000), HOSTILE_ROWS], ids=len)
def test_labels_of_the_flow_fit_and_do_not_overlap(rows: list[Destination]) -> None:
    root = parsed(sankey(rows).svg)
    boxes = list(label_boxes(root))
    height = float(root.get("viewBox", "").split()[3])
    assert overlapping(boxes) == []
    assert [each for each in boxes if each[1] < 0 or each[3] > VIEW_WIDTH or each[4] > height] == []


def times(counts: list[dict[Judgement, int]], width_s: int = 60, start_s: int = 1_773_133_200) -> Timeline:
    buckets = [Bucket((start_s + index * width_s) * S, each) for index, each in enumerate(counts)]
    return Timeline(width_s * S, tuple(each for each in buckets if each.counts))


@pytest.mark.parametrize(
    ("buckets", "says"), [(5, "1 minute"), (90, "1 minute"), (1_000, "15 minutes"), (9_999, "2 hours")]
)
def test_bars_keep_the_sums(buckets: int, says: str) -> None:
    given_counts: list[dict[Judgement, int]] = [
        {"allow": index % 7 + 1, "violation": index % 2} for index in range(buckets)
    ]
    root = parsed(timeline(times(given_counts), ()).svg)
    bars = titles(root, "rect", "touch")
    assert len(bars) <= 97
    for name in ("allow", "violation"):
        found = [number(bar, rf"([\d,]+) {WORDS[name]}") for bar in bars if WORDS[name] in bar]
        assert sum(found) == sum(each[name] for each in given_counts)
    assert any(f"a bar is {says}" in each for each in texts(root))


def test_one_outside_policy_among_millions_is_seen() -> None:
    chart = timeline(times([{"allow": 5_000_000}, {"allow": 5_000_000, "violation": 1}]), ())
    paths = {each.get("class"): each.get("d", "") for each in parsed(chart.svg).iter(f"{SVG}path")}
    high = re.findall(r"v ([\d.]+)", paths["bar fill-violation"])
    assert [float(each) >= 2 for each in high] == [True]
    assert paths["fill-violation"].count("M") == 1  # the triangle
    assert "Outside policy in 1 bar, first in that of 2026-03-10 09:01:00 UTC." in chart.describes


def test_marks_are_lines_with_words() -> None:
    start = 1_773_133_200
    marks = [((start + 90) * S, "policy eu-crm@12"), ((start + 91) * S, "data sets"), (1, "before")]
    chart = timeline(times([{"allow": 1}] * 5), marks)
    root = parsed(chart.svg)
    assert titles(root, "path", "event") == [
        "2026-03-10 09:01:30 UTC: policy eu-crm@12",
        "2026-03-10 09:01:31 UTC: data sets",
    ]
    assert {"policy eu-crm@12", "data sets"} <= set(texts(root))
    assert "1 change of what judged came before or after, and is not drawn." in chart.describes
    more = [((start + second) * S, "policy") for second in range(26)] + marks[2:] * 2
    described = timeline(times([{"allow": 1}] * 5), more).describes
    assert "2 more changes of what judged are not drawn." in described
    assert "2 changes of what judged came before or after, and are not drawn." in described
    assert (
        "1 more change of what judged is not drawn."
        in timeline(times([{"allow": 1}] * 5), more[:25]).describes
    )


@given(
    st.integers(-(2**63), 2**64),
    st.integers(1, 2**62),
    st.lists(st.integers(0, 2**50), min_size=1, max_size=4),
)
def test_any_time_can_be_drawn(start_ns: int, width_ns: int, gaps: list[int]) -> None:
    buckets, at = [], start_ns
    for gap in gaps:
        buckets.append(Bucket(at, {"allow": gap + 1}))
        at += width_ns * (gap % 1_000 + 1)
    chart = timeline(Timeline(width_ns, tuple(buckets)), [(start_ns, "policy")])
    assert sum(
        number(each, r"([\d,]+) within") for each in titles(parsed(chart.svg), "rect", "touch")
    ) == sum(gaps) + len(gaps)


def test_coverage_has_every_class_with_its_count() -> None:
    counts: dict[Coverage, FlowCount] = {
        "sni": FlowCount(90, 400, 500),
        "lost": FlowCount(9, 50, 50),
        "dns": FlowCount(0),
    }
    counts["concealed"] = FlowCount(1)
    chart = coverage_bar(seen(counts))
    said = texts(parsed(chart.svg))
    assert {"connections: 90.0 % named", "bytes: 90.0 % named"} <= set(said)
    assert {"90 (90.0 %)", "9 (9.0 %)", "1 (1.0 %)", "900 B (90.0 %)", "0 B (0.0 %)"} <= set(said)
    assert "100 connections, LLM-related or not: named on the wire" in chart.describes
    widths = [
        float(each.get("width", 0))
        for each in parsed(chart.svg).iter(f"{SVG}rect")
        if each.get("height") == "26"
    ]
    assert min(widths) >= 2
    alone = texts(parsed(coverage_bar(seen(counts, bytes_known=False)).svg))
    assert not [each for each in alone if "bytes" in each or " B " in each]


@given(st.text(), st.floats(40, 400))
def test_a_cut_text_fits_and_keeps_its_ends(text: str, width: float) -> None:
    cut = shortened(text, width)
    assert text_width(cut) <= width
    head, ellipsis, tail = cut.partition("\N{HORIZONTAL ELLIPSIS}") if cut != text else (text, "", "")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert ellipsis or cut == text


@given(st.text(st.characters()))
def test_any_text_can_be_written(text: str) -> None:
    made = parsed(str(el("text", text, fill=text)))
    assert "<script" not in str(el("text", "<script>"))
    assert len(made.text or "") >= len(text.replace("\r\n", "\n")) - text.count("\r\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (-0.04, "0"), (1.25, "1.2"), (10**6, "1000000"), (99.96, "100"), ("a", "a")],
)
def test_numbers_are_written_in_one_way(value: float | str, text: str) -> None:
    assert written(value) == text
