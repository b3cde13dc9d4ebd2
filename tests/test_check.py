"""`residency check`: what it says of files that a person wrote."""

from pathlib import Path

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
