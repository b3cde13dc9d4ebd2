"""`catalog coverage`: what of a list of names the catalogue knows, and that every line is counted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.attribution import Question, attribute, is_llm_related
from monitor.namelist import CLASSES, Counts, Finder
from monitor.types import Name
from tests.catalog_help import built_in, objects, run_catalog

LIST = b"""# what the proxy saw
api.openai.com
API.OpenAI.com.\r
https://eu.api.openai.com:443/v1/chat  # by hand

api.cloudflare.com
cognitiveweprod.azure-api.net
cloudflare-ech.com
gemini.com
mask.icloud.com
1.1.1.1
[2606:4700:4700::1111]:853
160.79.104.10
www.example.org
203.0.113.7
no name
\xff\xfe
"""  # the last one has bytes that are no text


def test_coverage_counts_every_line() -> None:
    *names, totals = objects(run_catalog("coverage", "-", "--json", stdin=LIST))
    assert totals == {
        "type": "totals", "lines": 17, "matched": 4, "possible": 3, "close-call": 1, "concealing": 3,
        "unmatched": 2, "invalid": 2, "ignored": 2,
    }  # fmt: skip
    assert {each["type"] for each in names} == {"name"}
    assert len(names) == totals["lines"] - totals["ignored"]
    assert names[2]["name"] == "eu.api.openai.com"
    assert (names[2]["provider"], names[2]["match"], names[2]["scope"]) == (
        "openai",
        "eu.api.openai.com",
        "group",
    )
    assert run_catalog("coverage", "-", "--unmatched", stdin=LIST).stdout == "www.example.org\n203.0.113.7\n"


def test_coverage_for_people(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(LIST + b"www.example.org\nwww.example.net\n")
    result = run_catalog("coverage", path, "--limit", "2")
    assert result.exit_code == 0
    assert result.stdout.startswith("19 lines\n  matched              4  LLM endpoints\n")
    assert "openai" in result.stdout[result.stdout.index("PROVIDERS") : result.stdout.index("MATCHED")]
    assert result.stdout.index("MATCHED") < result.stdout.index("UNMATCHED")
    assert "  www.example.org       2\n" in result.stdout
    assert "  and 1 more line\n" in result.stdout
    assert "MATCHED" not in run_catalog("coverage", path, "--limit", "0").stdout


@pytest.mark.parametrize(
    "stdin",
    [
        b"",
        b"\n",
        bytes(range(256)) * 20,
        b"x" * 10_240,
        b"\x1b]0;title\x07\x1b[2J.example\n" * 3,
        b"\x00\n" * 9,
    ],
    ids=["empty", "blank", "binary", "10 kB", "escapes", "zeros"],
)
@pytest.mark.parametrize("options", [(), ("--json",), ("--unmatched",)], ids=" ".join)
def test_hostile_lists_end_well(stdin: bytes, options: tuple[str, ...]) -> None:
    result = run_catalog("coverage", "-", *options, stdin=stdin)
    assert result.exit_code == 0, result.output
    assert all(line.isprintable() for line in result.stdout.split("\n"))


@given(
    st.lists(st.one_of(st.text(max_size=30), st.sampled_from(LIST.decode("utf-8", "replace").splitlines())))
)
def test_counts_sum_to_the_lines(lines: list[str]) -> None:
    finder, counts = Finder(built_in()), Counts(3)
    for line in lines:
        counts.add(finder.find(line.strip()))
    assert sum(counts.by_class.values()) == counts.lines == len(lines)
    assert all(len(shown) <= 3 for shown in counts.shown.values())
    for name in CLASSES:
        assert sum(times for _, times in counts.shown[name].values()) <= counts.by_class[name]


def test_a_class_says_what_an_attribution_says() -> None:
    finder = Finder(built_in())
    for entry in built_in().endpoints:
        if entry.is_range:
            continue
        line = finder.find(entry.match.replace("*", "0-any-0"))
        found = attribute(Question((Name(line.name, "sni", "live"),)), built_in())
        assert (line.found == "matched") == (found.provider is not None), line
        assert (line.found == "possible") == (found.provider is None and is_llm_related(found)), line
