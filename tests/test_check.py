"""`residency check`: what it says of files that a person wrote."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group

OWN = """\
providers: [{id: house, name: Our own models}]
defaults: {source: inventory, date: 2026-06-01, provider: house}
endpoints:
  - {host: api.openai.com, not_llm: true}
"""


def check(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["check", *arguments])


def test_an_own_entry_before_a_built_in_one_is_a_warning(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN, encoding="utf-8")
    done = check("--catalog", str(own))
    assert done.exit_code == 0
    assert f"{own}:4: warning: api.openai.com stands before the built-in endpoint" in done.stderr
    assert done.stdout.startswith("catalogue ")


@pytest.mark.parametrize("given", ["policies/eu-crm.yaml", "\udcff.yaml", "a\nb"])
def test_a_file_without_its_option_gets_a_hint(given: str) -> None:
    done = check(given)
    assert done.exit_code == 2
    shown = ascii(given)[1:-1]
    assert (
        done.stderr.splitlines()[-1] == f"Error: say what {shown} is: --policy {shown}, or --catalog {shown}"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "p.yaml:1: error: the document is empty; it needs version, id, owner, issued, tenants, rules"),
        (
            'version: 1\nid: "a\\nb"\n',
            "p.yaml:2: error: id: text with line breaks or control characters",
        ),
    ],
)
def test_what_is_no_policy_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(text, encoding="utf-8")
    done = check("--policy", str(policy))
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"residency: {tmp_path}/{says}")
