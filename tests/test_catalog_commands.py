"""`catalog list|show|search|diff|lint|coverage`: what they print, how they end, and what they refuse."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from monitor.catalog.differences import Change, Contents, differences
from monitor.catalog.search import search
from monitor.cli import group
from tests.catalog_help import built_in, compiled, objects, run_catalog

ROOT = Path(__file__).parents[1]
BUILT_IN = ROOT / "monitor" / "data" / "catalog"
OWN = """\
providers:
  - {id: corp-llm, name: Our own LLM, operator_country: DE}
defaults: {provider: corp-llm, source: platform team, date: 2026-03-01, verified: full}
endpoints:
  - {service: Inference, host: llm.fra.corp.example, scope: region, countries: [DE], note: two racks}
  - {service: Inference, cidr: 10.70.8.0/24, scope: region, countries: [DE]}
  - {service: Gateway, host: "*.gw.corp.example", possible: true, role: gateway, verified: none}
  - {service: Frankfurt, host: aws.corp.example, vendor: aws, region: eu-central-1, scope: region}
  - {service: Wiki, host: wiki.corp.example, not_llm: true, note: about LLMs}
concealing:
  - {kind: vpn, service: Company VPN, host: vpn.corp.example}
"""
SUBCOMMANDS = ("list", "show", "search", "diff", "lint", "coverage")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_help_fits_and_has_examples(command: str) -> None:
    result = run_catalog(command, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert f"    residency catalog {command}" in result.stdout


STATUSES = [
    (["list", "--provider", "nobody"], 2, "unknown provider 'nobody'"),
    (["list", "--provider", "opnai"], 2, "did you mean openai"),
    (
        ["list", "--region", "mars-1"],
        2,
        "unknown region 'mars-1'",
    ),
    (["list", "--region", "zzzz"], 2, "`residency catalog search CITY` finds those of a city"),
    (["list", "--country", "Germany"], 2, "unknown country 'Germany'; write its ISO 3166-1 code, such as DE"),
    (["list", "--scope", "planet"], 2, "'planet' is not one of"),
    (["list", "openai", "--provider", "aws"], 2, "two providers"),
    (["list", "openai", "--concealing"], 2, "--concealing lists what is no endpoint"),
    (["list", "OpenAI"], 0, "entries"),
    (["show", "azur"], 2, "did you mean azure"),
    (["show", "api.openai.con"], 2, "did you mean api.openai.com"),
    (["show", "\x1b[31m"], 2, r"'\x1b[31m' is no provider"),
    (["show", "*"], 2, "is no provider"),
    (["show", "10.0.0.0/8"], 2, "is no provider"),
    (["show", "300.0.0.0/8"], 2, "is no provider"),
    (["search", "zzzzzz"], 0, "nothing found"),
    (["search", "api", "--limit", "1"], 0, "more; add a word"),
    (["search"], 2, "Missing argument"),
    (["diff"], 2, "name OLD"),
    (["diff", "a", "b", "c"], 2, "two catalogues at most"),
    (["diff", "nowhere.yaml"], 2, "nowhere.yaml: no such file or directory; check the path"),
    (["diff", "tests"], 2, "no .yaml file in it"),
    (["diff", "Makefile"], 2, "Makefile:"),
    (["lint", "nowhere.yaml"], 2, "1 error"),
    (["lint"], 0, "0 errors"),
    (["coverage", "nowhere.txt"], 3, "nowhere.txt: no such file or directory"),
    (["coverage", "tests"], 3, "is a directory"),
    (["coverage", "-", "--unmatched", "--json"], 2, "use one of them"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), STATUSES, ids=range(len(STATUSES)))
def test_statuses_and_messages(
    arguments: list[str], status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = run_catalog(*arguments)
    assert result.exit_code == status, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output


def test_list_filters(own: Path) -> None:
    def matches(*options: str) -> set[str]:
        return {
            each["match"]
            for each in objects(run_catalog("list", "corp-llm", *options, "--catalog", own, "--json"))
        }

    everything = matches()
    assert len(everything) == 5
    assert matches("--scope", "region") == {"llm.fra.corp.example", "10.70.8.0/24", "aws.corp.example"}
    assert matches("--country", "de") == matches("--scope", "region")
    assert matches("--region", "EU-central-1") == {"aws.corp.example"}
    assert matches("--service", "inf") == {"llm.fra.corp.example", "10.70.8.0/24"}
    assert (
        matches("--role", "gateway")
        == matches("--possible")
        == matches("--unverified")
        == {"*.gw.corp.example"}
    )
    assert matches("--role", "media") == set()


def test_list_is_a_table(own: Path) -> None:
    result = run_catalog("list", "--provider", "corp-llm", "--catalog", own)
    assert result.stdout == (
        "ENTRY                 SCOPE    PLACE            SERVICE\n"
        "*.gw.corp.example     unknown  -                Gateway (possible)\n"
        "10.70.8.0/24          region   DE               Inference\n"
        "aws.corp.example      region   eu-central-1 DE  Frankfurt\n"
        "llm.fra.corp.example  region   DE               Inference\n"
        "wiki.corp.example     unknown  -                Wiki\n"
    )
    assert result.stderr == "residency: 5 entries\n"


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--unverified"],
        ["list", "--scope", "region"],
        ["list", "--concealing"],
        ["show", "azure"],
        ["show", "bedrock-runtime.eu-central-1.amazonaws.com"],
        ["search", "api", "--limit", "200"],
        ["coverage", "tests/data_hosts.txt"],
    ],
    ids=" ".join,
)
def test_text_fits_the_width(
    arguments: list[str], columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    names = [entry.match.replace("*", "x" * 9) for entry in built_in().endpoints]
    (tmp_path / "tests" / "data_hosts.txt").write_text("\n".join([*names, "y" * 500, "n." * 90 + "example"]))
    result = run_catalog(*arguments, columns=columns)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= columns


def test_show_says_everything_of_an_entry(own: Path) -> None:
    shown = run_catalog("show", "aws.corp.example", "--catalog", own, columns=120).stdout
    for words in (
        "corp-llm (Our own LLM)", "sits in DE", "Frankfurt, DE (50.1109, 8.6821, approximate)",
        "platform team, 2026-03-01", "verified    full", "declared in own.yaml (yours)",
    ):  # fmt: skip
        assert words in shown
    (one,) = objects(run_catalog("show", "aws.corp.example", "--catalog", own, "--json"))
    assert one["place"]["city"] == "Frankfurt"
    assert one["operator"]["operator_country"] == "DE"
    assert one["declared_by_user"] is True


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ("10.70.8.9", "10.70.8.0/24"),
        ("10.70.8.0/24", "10.70.8.0/24"),
        ("10.70.8.128/25", "10.70.8.0/24"),
        ("https://10.70.8.1/v1", "10.70.8.0/24"),
        ("*.gw.corp.example", "*.gw.corp.example"),
        ("a.b.gw.corp.example:8443", "*.gw.corp.example"),
        ("LLM.fra.corp.example.", "llm.fra.corp.example"),
        ("https://llm.fra.corp.example/v1", "llm.fra.corp.example"),
        ("vpn.corp.example", "vpn.corp.example"),
    ],
)
def test_show_finds_what_is_meant(key: str, match: str, own: Path) -> None:
    (one,) = objects(run_catalog("show", key, "--catalog", own, "--json"))
    assert one["match"] == match


def test_show_counts_a_providers_services(own: Path) -> None:
    (one,) = objects(run_catalog("show", "corp-llm", "--catalog", own, "--json"))
    assert (one["id"], one["endpoints"]) == ("corp-llm", 5)
    assert {"service": "Inference", "scope": "region", "endpoints": 2} in one["services"]
    assert "Inference  region       2" in run_catalog("show", "corp-llm", "--catalog", own).stdout


def test_search_ranks_and_is_bounded() -> None:
    found = search(built_in(), ["openai"], 5)
    assert len(found.hits) == 5 < found.total
    assert getattr(found.hits[0].item, "id", None) == "openai"
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
    first = objects(run_catalog("search", "BEDROCK frankfurt", "--json", "--limit", "3"))[0]
    assert (first["type"], first["provider"], first["region"]) == ("endpoint", "aws", "eu-central-1")
    assert objects(run_catalog("search", "iCloud relay", "--json"))[0]["type"] == "concealer"
    assert search(built_in(), ["openai", "zzzz"], 5).total == 0
    assert search(built_in(), ["a" * 9_000] * 99, 5).total == 0


def changes(result: Result) -> list[tuple[str, str, str, list[str]]]:
    return [(each["change"], each["kind"], each["key"], each["fields"]) for each in objects(result)]


def test_diff_says_what_was_added_removed_and_changed(own: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    text = OWN.replace("two racks", "three racks").replace("10.70.8.0/24", "10.70.9.0/24")
    new.write_text(text.replace("Our own LLM", "Our LLM").replace("kind: vpn", "kind: relay"))
    result = run_catalog("diff", own, new, "--json")
    assert result.exit_code == 1
    assert changes(result) == [
        ("changed", "provider", "corp-llm", ["name"]),
        ("removed", "endpoint", "10.70.8.0/24", []),
        ("added", "endpoint", "10.70.9.0/24", []),
        ("changed", "endpoint", "llm.fra.corp.example", ["note"]),
        ("changed", "concealer", "vpn.corp.example", ["kind"]),
    ]
    text = run_catalog("diff", own, new).stdout
    assert "~ endpoint llm.fra.corp.example\n    note: two racks -> three racks\n" in text
    assert run_catalog("diff", own, own).stdout == ""
    assert run_catalog("diff", own, own).exit_code == 0


def test_diff_with_the_built_in_catalogue(own: Path, tmp_path: Path) -> None:
    same = run_catalog("diff", BUILT_IN)
    assert (same.exit_code, same.stdout) == (0, "")
    added = run_catalog("diff", "--catalog", own, "--json")
    assert added.exit_code == 1
    assert {change for change, *_ in changes(added)} == {"added"}
    assert len(changes(added)) == 7
    folder = tmp_path / "older"
    folder.mkdir()
    for file in BUILT_IN.iterdir():
        (folder / file.name).write_text(
            file.read_text().replace("host: api.openai.com", "host: api.old-openai.com")
        )
    older = changes(run_catalog("diff", folder, "--json"))
    assert older == [
        ("removed", "endpoint", "api.old-openai.com", []),
        ("added", "endpoint", "api.openai.com", []),
    ]


def test_diff_reads_a_folders_own_regions(tmp_path: Path) -> None:
    for name, city in (("old", "Mainz"), ("new", "Bonn")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text("providers: [{id: acme, name: Acme}]\n")
        (tmp_path / name / "regions.csv").write_text(
            "vendor,code,country,city,latitude,longitude,kind,source,verified\n"
            f"acme,de-1,DE,{city},,,commercial,a source,full\n"
        )
    found = changes(run_catalog("diff", tmp_path / "old", tmp_path / "new", "--json"))
    assert found == [("changed", "region", "acme:de-1", ["city"])]


def test_a_catalogue_does_not_differ_from_itself() -> None:
    for each in (built_in(), compiled(OWN)):
        contents = Contents(
            tuple(each.providers.values()), tuple(each.regions.values()), each.endpoints, each.concealers
        )
        assert list(differences(contents, contents)) == []
        turned = Contents(
            contents.providers[::-1],
            contents.regions[::-1],
            contents.endpoints[::-1],
            contents.concealers[::-1],
        )
        assert list(differences(contents, turned)) == []


@given(st.sets(st.integers(0, 200)), st.sets(st.integers(0, 200)))
def test_what_one_direction_adds_the_other_removes(left: set[int], right: set[int]) -> None:
    def some(numbers: set[int]) -> Contents:
        return Contents(endpoints=[built_in().endpoints[number] for number in sorted(numbers)])

    def told(changed: list[Change], change: str) -> list[str]:
        return [each.key for each in changed if each.change == change]

    there, back = list(differences(some(left), some(right))), list(differences(some(right), some(left)))
    assert told(there, "added") == told(back, "removed")
    assert told(there, "changed") == told(back, "changed")


def test_lint_names_file_and_line_of_every_mistake(own: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(OWN.replace("scope: region", "scope: regional", 1).replace("id: corp-llm", "id: other"))
    twice = tmp_path / "twice.yaml"
    twice.write_text(
        "endpoints: [{provider: openai, host: llm.fra.corp.example, source: us, date: 2026-01-01}]\n"
    )
    wide = tmp_path / "wide.yaml"
    wide.write_text(
        'endpoints:\n  - {provider: openai, host: "*.openai.com", source: us, date: 2026-01-01}\n'
    )

    assert run_catalog("lint", own).stdout == ""
    result = run_catalog("lint", own, bad, tmp_path / "none.yaml", "--json")
    assert result.exit_code == 2
    assert [(Path(each["path"]).name, each["line"], each["level"]) for each in objects(result)] == [
        ("bad.yaml", 5, "error"),
        ("none.yaml", 1, "error"),
    ]
    result = run_catalog("lint", own, twice)
    assert (result.exit_code, "stands twice (also in" in result.stdout) == (2, True)
    assert result.stdout.startswith(f"{twice}:1: error: llm.fra.corp.example")
    result = run_catalog("lint", wide)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{wide}:2: warning: *.openai.com stands before ")
    assert result.stderr == "residency: 1 file: 0 errors, 1 warning, ok\n"


def complete(*words: str) -> list[str]:
    *before, typed = words
    completion = ShellComplete(group, {}, "residency", "_RESIDENCY_COMPLETE")
    return [item.value for item in completion.get_completions(["catalog", *before], typed)]


def test_values_are_completed(own: Path) -> None:
    assert "openai" in complete("list", "--provider", "opena")
    assert complete("list", "--catalog", str(own), "--provider", "corp") == ["corp-llm"]
    assert "mistral" in complete("list", "mistr")
    assert set(complete("list", "--scope", "")) == {
        "region",
        "entry",
        "group",
        "global",
        "storage",
        "unknown",
    }
    assert "gateway" in complete("list", "--role", "g")
    assert complete("list", "--region", "eu-central-1") == ["eu-central-1"]
    assert "Bedrock inference" in complete("list", "--service", "bedrock")
    assert "api.openai.com" in complete("show", "api.open")
    assert complete("list", "--catalog", "nowhere.yaml", "--provider", "o") == []
