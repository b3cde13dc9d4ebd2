"""No output says what network evidence cannot show: commands, files, events, metrics, help, pages, rules.

What a policy says in its own words is data, and may be anything; the example policies say nothing of it.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.events import render
from tests.events_kit import CHECKPOINT, FORMATS, RELAY, SUMMARY, UNDECIDED, VIOLATION, event_of
from tests.ledger_kit import ledger_of
from tests.metrics_kit import loaded
from tests.wording_kit import FORBIDDEN, forbidden_in

ROOT = Path(__file__).parents[1]
POLICY = ROOT / "policies/eu-crm.yaml"
CASES = (
    "demo", "openai-global", "bedrock-sovereign", "mixed-endpoints", "concealing-tunnels", "crm-relay",
    "dual-exposure", "geoip-says-us-edge-in-frankfurt", "assistant-voice", "truncated-file",
)  # fmt: skip
# Pages and texts that people read, and sources that hold what programs print.
TEXTS = (
    "README.md", "CHANGELOG.md", "docs/**/*.md", "policies/*.yaml", "packaging/**/*", "grafana/**/*",
    "monitor/**/*.py", "monitor/**/*.yaml", "monitor/**/*.html", "monitor/**/*.js", "monitor/**/*.css",
    "pcaps/**/README.md",
)  # fmt: skip
# Lines that quote a phrase to say that it is never used: (file, a part of the line).
QUOTED = (("docs/80-report.md", "It never says that anybody is \u201ccompliant\u201d"),)


def said(*arguments: str | Path) -> str:
    """Run a command; return all that it prints."""
    result = CliRunner().invoke(group, [str(each) for each in arguments])
    assert result.exit_code in (0, 1, 4), result.output
    assert result.output
    return result.output


def files_in(folder: Path) -> Iterator[str]:
    """Yield the texts that a command left."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".jsonl", ".json", ".html", ".csv", ".txt"}:
            yield path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a replay of the demo leaves."""
    out = tmp_path_factory.mktemp("wording") / "out"
    said("replay", ROOT / "pcaps/demo/traffic.pcap", "--policy", POLICY, "--out", out)
    return out


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the demo."""
    return ledger_of(ROOT / "pcaps/demo/traffic.pcap", POLICY, tmp_path_factory.mktemp("wording"))


@pytest.mark.parametrize(
    "text",
    [
        "The integration is compliant.", "NON-COMPLIANT", "a GDPR violation", "GDPR\n    violation",
        "this violates the GDPR", "breaches of GDPR", "compliance violations: 3", "Data was sent to the US",
        "data has been transferred\nto X",
    ],
)  # fmt: skip
def test_the_list_finds(text: str) -> None:
    assert len(forbidden_in(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "outside policy RES-010", "CRM data is processed in the EEA", "GDPR Art. 44", "Compliance Finding",
        "Which data was sent is encrypted.", "a policy that a compliance officer can read", "violation",
    ],
)  # fmt: skip
def test_the_list_leaves_careful_words_alone(text: str) -> None:
    assert not forbidden_in(text)


@pytest.mark.parametrize("case", CASES)
def test_a_replay(case: str, tmp_path: Path) -> None:
    (capture,) = (ROOT / "pcaps" / case).glob("traffic.pcap*")
    assert not forbidden_in(said("replay", capture, "--policy", POLICY, "--out", tmp_path))
    assert not forbidden_in(said("replay", capture, "--json"))
    texts = list(files_in(tmp_path))
    assert len(texts) >= 4
    assert not [found for text in texts for found in forbidden_in(text)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "api.openai.com", "api.deepseek.com", "api.cloudflare.com", "192.0.2.1"],
        ["explain", "api.openai.com", "--policy", POLICY, "--client", "10.20.1.5", "--at", "2026-03-10"],
        ["explain", "api.deepseek.com", "--policy", POLICY, "--client", "10.20.1.5", "--json", "--full"],
        ["check", "--policy", POLICY],
        ["check"],
        ["policy", "diff", POLICY, POLICY],
        ["observe", ROOT / "pcaps/openai-global/traffic.pcap"],
        ["catalog", "list"],
        ["catalog", "list", "--concealing"],
        ["catalog", "show", "openai"],
        ["doctor"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:3])).replace(str(ROOT), ""),
)
def test_a_command(arguments: list[str | Path]) -> None:
    assert not forbidden_in(said(*arguments))


@pytest.mark.parametrize("form", ["native", "ocsf", "ecs", "cef", "csv"])
def test_findings(form: str, replayed: Path) -> None:
    place = ("--file", replayed / "findings.jsonl")
    listed = said("findings", "list", *place, "--json")
    assert not forbidden_in(listed + said("findings", "list", *place))
    assert not forbidden_in(said("findings", "export", *place, "--format", form))


def test_each_finding(replayed: Path) -> None:
    place = ("--file", replayed / "findings.jsonl")
    rows = said("findings", "export", *place, "--format", "csv").splitlines()[1:]
    assert len(rows) > 3
    for row in rows:
        assert not forbidden_in(said("findings", "show", row.partition(",")[0], *place))


def test_a_report(replayed: Path, ledger: Path, tmp_path: Path) -> None:
    forms = [word for form in ("html", "csv", "json") for word in ("--format", form)]
    for name, source in (("replay", replayed), ("ledger", ledger)):
        assert not forbidden_in(said("report", source, "--out", tmp_path / name, *forms))
    texts = list(files_in(tmp_path))
    assert len(texts) == 2 * (1 + 13 + 1)
    assert not [found for text in texts for found in forbidden_in(text)]


def test_a_ledger_judged_again_shown_and_verified(ledger: Path, tmp_path: Path) -> None:
    (acme,) = (each for each in ledger.iterdir() if each.name == "acme")
    assert not forbidden_in(said("rejudge", ledger, "--policy", POLICY, "--out", tmp_path))
    assert not forbidden_in(said("rejudge", ledger, "--policy", POLICY, "--json"))
    assert not forbidden_in(said("policy", "diff", POLICY, POLICY, "--ledger", ledger))
    assert not forbidden_in(said("ledger", "list", acme) + said("ledger", "show", acme))
    assert not forbidden_in(said("verify", acme))
    assert not [found for text in files_in(tmp_path) for found in forbidden_in(text)]


@pytest.mark.parametrize("form", FORMATS)
def test_events(form: str) -> None:
    told = [*map(event_of, (VIOLATION, UNDECIDED, RELAY)), SUMMARY, CHECKPOINT]
    for event in told:
        text = render(event, form).decode()  # type: ignore[arg-type]  # one of FORMATS
        assert not forbidden_in(text)


def test_metrics() -> None:
    exposed = loaded().expose("", "").body.decode()
    assert "# HELP residency_violations_open" in exposed
    assert not forbidden_in(exposed)


def _helps(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from _helps(found, (*path, name))


@pytest.mark.parametrize("command", list(_helps(group)), ids=" ".join)
def test_help(command: tuple[str, ...]) -> None:
    assert not forbidden_in(said(*command, "--help"))


@pytest.mark.parametrize("pattern", TEXTS)
def test_texts(pattern: str) -> None:
    for path in sorted(ROOT.glob(pattern)):
        if not path.is_file():
            continue
        name = str(path.relative_to(ROOT))
        parts = [part for file, part in QUOTED if file == name]
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if not any(part in line for part in parts)]
        assert not forbidden_in("\n".join(lines)), name


def test_what_is_quoted_is_there_and_would_be_found() -> None:
    for file, part in QUOTED:
        (line,) = (each for each in (ROOT / file).read_text(encoding="utf-8").splitlines() if part in each)
        assert FORBIDDEN.search(line)
