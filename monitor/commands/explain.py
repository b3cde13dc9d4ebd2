"""`residency explain`: the question that people ask first."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import click
import msgspec

from monitor import app
from monitor.commands.base import (
    Failure,
    catalog_option,
    clear_errors,
    geoip_option,
    policy_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.exitstatus import Exit
from monitor.explain import Answer, Circumstances, Explainer, JudgedAnswer
from monitor.wording import describe_place, fact, facts

SECOND_NS = 1_000_000_000
MAX_LINE = 4_096  # characters of one input


@click.command("explain")
@click.argument("inputs", nargs=-1, required=True, metavar="NAME|ADDRESS...")
@click.option(
    "--cname", "cnames", multiple=True, metavar="NAME", help="A step of the CNAME chain (repeatable)."
)
@click.option("--address", metavar="IP", help="The server's address, for inputs that are names.")
@click.option("--client", default="", metavar="IP", help="The client, for --policy.")
@click.option("--at", metavar="TIME", help="When, for --policy: ISO 8601, UTC unless it says otherwise.")
@policy_option
@catalog_option
@geoip_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    inputs: Sequence[str],
    cnames: tuple[str, ...],
    address: str | None,
    client: str,
    at: str | None,
    policy: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    as_json: bool,
) -> None:
    """Say what a name or an address would be called, and why.

    Inputs are host names, addresses or URLs; `-` reads them from stdin, one a line.

    \b
    Examples:
      residency explain api.openai.com
      residency explain x.openai.azure.com --cname cognitiveweprod.azure-api.net
      residency explain eu.api.openai.com --policy p.yaml --client 10.20.1.5
      cut -f3 names.tsv | residency explain --json -
    """
    chain = tuple(map(_text_of, cnames))
    circumstances = Circumstances(chain, _address(address), _address(client) or "", _time_ns(at))
    with clear_errors():
        knowledge = app.load_knowledge(policy, catalogs, geoips)
    warn(knowledge.warnings)
    if policy is None and (client or at):
        warn(["--client and --at say nothing without --policy"])
    if policy is not None and not client:
        warn(["without --client the policy cannot know the source group, and judges nothing"])
    explainer = Explainer(knowledge.catalog, knowledge.policy, knowledge.geo)
    encode = msgspec.json.Encoder().encode
    status = Exit.DONE
    with reader_may_leave():
        for text in _inputs(inputs):
            answer = explainer.explain(text, circumstances)
            if isinstance(answer, JudgedAnswer) and answer.outcome == "violation":
                status = Exit.VIOLATIONS
            click.echo(encode(answer) if as_json else _text(answer))
    sys.exit(status)


def _text_of(argument: str) -> str:
    """Return an argument as text; bytes that are none are replaced, as they are in what stdin brings."""
    return os.fsencode(argument).decode("utf-8", "replace")


def _text(answer: Answer) -> str:
    """Return an answer as an indented paragraph."""
    lines = [click.style(answer.input, bold=True)]
    if answer.provider is not None:
        service = f", {answer.service}" if answer.service else ""
        lines.append(fact("provider", f"{answer.provider}{service}"))
        lines.append(fact("where", describe_place(answer.scope, answer.region, answer.countries)))
        lines.append(fact("certainty", answer.certainty))
    elif answer.possible:
        lines.append(fact("provider", f"cannot be told: {', '.join(answer.possible)}, or no LLM at all"))
    else:
        lines.append(fact("provider", "none: not a known LLM endpoint"))
    lines += facts("evidence", [item.says for item in answer.evidence])
    lines += facts("against", [item.says for item in answer.conflicts])
    datasets = dict.fromkeys(item.dataset for item in (*answer.evidence, *answer.conflicts))
    lines += facts("as of", list(datasets))
    if isinstance(answer, JudgedAnswer):
        rule = f" by {answer.rule}" if answer.rule else ""
        lines.append(fact("verdict", f"{answer.outcome or 'not judged'}{rule}"))
        lines += facts("because", answer.reasons)
    return "\n".join(lines)


def _address(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        raise Failure(f"{text!r} is not an IP address", Exit.USAGE) from None


def _time_ns(text: str | None) -> int:
    """Return the time of the supposed flow: now, unless --at says otherwise."""
    if text is None:
        return time.time_ns()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"--at {text!r} is not a time; write 2026-03-10T09:00:00Z", Exit.USAGE) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_NS


def _inputs(inputs: Sequence[str]) -> Iterator[str]:
    """Yield the inputs, those of stdin in the place of `-`."""
    for text in inputs:
        if text != "-":
            yield _text_of(text)
            continue
        for line in sys.stdin.buffer:
            decoded = line[:MAX_LINE].decode("utf-8", "replace").strip()
            if decoded:
                yield decoded
