"""`residency explain`: the question that people ask first."""

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import BufferedReader
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, cast

import click
import msgspec

from monitor import app
from monitor.advice import Adviser
from monitor.commands import answer_text
from monitor.commands.base import (
    Failure,
    as_of_option,
    catalog_option,
    clear_errors,
    data_option,
    geoip_option,
    location_option,
    policy_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.commands.lines import batches
from monitor.commands.terminal import echo, json_line, width
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.explain import Answer, Circumstances, Explainer, JudgedAnswer
from monitor.geography import Site

SECOND_NS, MS_NS = 1_000_000_000, 1_000_000
_RTT = click.FloatRange(min=0, min_open=True, max=60_000)
_RTT.name = "number"  # as errors call it


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
@location_option
@click.option(
    "--rtt", "rtt_ms", type=_RTT, metavar="MS", help="The time to the server and back, for --location."
)
@data_option
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--full", is_flag=True, help="With --json: also would_change, concealing and closest.")
def command(
    inputs: Sequence[str],
    cnames: tuple[str, ...],
    address: str | None,
    client: str,
    at: str | None,
    policy: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    site: Site | None,
    rtt_ms: float | None,
    data: Path | None,
    as_of: dt.date | None,
    as_json: bool,
    full: bool,
) -> None:
    """Say what a name or an address would be called, and why.

    Inputs are host names, addresses, host:port or URLs; `-` reads them from stdin, one a line. The answer
    comes first, then the evidence, the strongest first, each with its data set and version, then what would
    change the answer.

    \b
    Examples:
      residency explain api.openai.com
      residency explain x.openai.azure.com --cname cognitiveweprod.azure-api.net
      residency explain api.anthropic.com --address 160.79.104.10
      residency explain x.openai.azure.com --address 20.79.107.4 --geoip g.mmdb
      residency explain eu.api.openai.com --policy p.yaml --client 10.20.1.5
      cut -f3 names.tsv | residency explain --json -

    \b
    Exit status: 0 done; 1 with --policy: such a flow is a violation;
    2 usage, policy or catalogue.
    """
    chain = tuple(map(_text_of, cnames))
    rtt_ns = round(rtt_ms * MS_NS) if rtt_ms is not None else None
    circumstances = Circumstances(chain, _address(address), _address(client) or "", _time_ns(at), rtt_ns)
    if full and not as_json:
        raise click.UsageError("--full says what --json adds; the text has all of it")
    with clear_errors():
        knowledge = app.load_knowledge(policy, catalogs, geoips, DataChoice(data, as_of))
        knowledge = app.with_physics(knowledge, site)
    warn(knowledge.warnings)
    warn(knowledge.notes)
    if policy is None and (client or at):
        warn(["--client and --at say nothing without --policy"])
    if (site is None) != (rtt_ms is None):
        warn(["--location and --rtt say nothing without each other"])
    if policy is not None and not client:
        warn(["without --client the policy cannot know the source group, and judges nothing"])
    explainer = Explainer(knowledge.catalog, knowledge.policy, knowledge.aids())
    adviser = Adviser(
        knowledge.catalog, has_geoip=knowledge.geo is not None, has_ranges=bool(knowledge.hosting)
    )
    form = _form(explainer, adviser, circumstances, "full" if full else as_json)
    sys.exit(_answer(explainer, circumstances, _inputs(inputs), form))


Form = Callable[[str, Answer], str]


def _text_of(argument: str) -> str:
    """Return an argument as text; bytes that are none are replaced, as they are in what stdin brings."""
    return os.fsencode(argument).decode("utf-8", "replace")


def _answer(
    explainer: Explainer, circumstances: Circumstances, inputs: Iterator[Sequence[str]], form: Form
) -> Exit:
    """Print the answers, those of a batch at once. Return what they come to."""
    status = Exit.DONE
    with reader_may_leave():
        for batch in inputs:
            answers = [(text, explainer.explain(text, circumstances)) for text in batch]
            if any(isinstance(each, JudgedAnswer) and each.outcome == "violation" for _, each in answers):
                status = Exit.VIOLATIONS
            echo(["\n".join([form(text, answer) for text, answer in answers])] if answers else [])
    return status


def _form(
    explainer: Explainer, adviser: Adviser, circumstances: Circumstances, as_json: Literal["full"] | bool
) -> Form:
    """Return how answers are written."""

    def text_form(text: str, answer: Answer) -> str:
        advice = adviser.advise(explainer.explained(text, circumstances))
        return "\n".join(answer_text.lines(answer, advice, columns))

    def full_form(text: str, answer: Answer) -> str:
        advice = adviser.advise(explainer.explained(text, circumstances))
        return json_line({**msgspec.structs.asdict(answer), **msgspec.structs.asdict(advice)})

    columns = width()
    if as_json == "full":
        return full_form
    return (lambda _, answer: json_line(answer)) if as_json else text_form


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


def _inputs(inputs: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the inputs in batches, those of stdin in the place of `-`."""
    for text in inputs:
        if text != "-":
            yield [_text_of(text)]
            continue
        for batch in batches(cast("BufferedReader", sys.stdin.buffer)):
            yield [line for line in batch if line]
