"""`residency crosscheck`: an independent second opinion on what is in a capture."""

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from monitor import app, opinions
from monitor.commands.base import (
    FILE,
    Failure,
    as_of_option,
    catalog_option,
    choose_engine,
    clear_errors,
    data_option,
    geoip_option,
    policy_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.crosscheck import KINDS, Comparison, Difference, Kind
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.opinions import Checked
from monitor.wording import fact, plural, wrapped

WIDTH = 80
COMPARED: tuple[Kind, ...] = ("server_name", "dns_answer", "decision")  # and counted
_NOUNS: dict[Kind, str] = {
    "server_name": "server name",
    "dns_answer": "DNS answer",
    "decision": "decision",
    "packets": "number of packets",
}


@click.command("crosscheck")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option(
    "--engines",
    default="auto,tshark",
    show_default=True,
    metavar="A,B",
    help="The two engines: of native, dpkt, tshark, auto.",
)
@policy_option
@catalog_option
@geoip_option
@data_option
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for each difference.")
def command(
    paths: Sequence[Path],
    engines: str,
    policy: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    data: Path | None,
    as_of: dt.date | None,
    as_json: bool,
) -> None:
    """Have two engines read captures, and print where they differ.

    Compared are the server name and its carrier on every flow, the DNS answers that clients got, and the
    decisions (provider, region, outcome). Each capture is read on its own. Names of all traffic are
    printed where they differ, not only those of LLM providers.

    \b
    Examples:
      residency crosscheck capture.pcap
      residency crosscheck captures/ --policy policy.yaml --json
      residency crosscheck capture.pcap --engines native,dpkt

    \b
    Exit status: 0 the engines agree; 1 they differ;
    2 usage, policy or engine; 3 input unreadable; 4 incomplete.
    """
    chosen = _engines(engines)
    with clear_errors():
        knowledge = app.load_knowledge(policy, catalogs, geoips, DataChoice(data, as_of))
        warn(knowledge.warnings)
        warn(knowledge.notes)
    results = []
    with reader_may_leave():
        for path in opinions.captures(paths):
            checked = opinions.crosscheck(path, chosen, knowledge)
            results.append(checked)
            warn([fault.line() for fault in checked.faults])
            for line in _json_lines(checked) if as_json else _lines(checked, chosen):
                click.echo(line)
        if not as_json and len(results) > 1:
            click.echo(f"{len(results):,} captures: {_closing([each.comparison for each in results])}")
    sys.exit(opinions.status(results))


def _engines(text: str) -> tuple[str, str]:
    """Return the two engines that are asked for. Ends the command unless they are there."""
    asked = text.split(",")
    if len(asked) != 2:
        raise Failure(f"--engines {text!r}: name two, such as native,tshark", Exit.USAGE)
    left, right = (choose_engine(engine.strip()) for engine in asked)
    if left == right:
        raise Failure(f"--engines {text!r}: {left} would be compared with itself; name two", Exit.USAGE)
    return left, right


def _lines(checked: Checked, engines: tuple[str, str]) -> Iterator[str]:
    """Yield what people read of one capture."""
    yield from wrapped(f"{opinions.path_text(checked.path)}: {' and '.join(engines)}", WIDTH)
    explained: set[str] = set()
    for difference in checked.comparison.differences:
        yield ""
        yield _heading(difference)
        yield fact("what", difference.item.text(), WIDTH)
        if difference.because is not None:
            again = difference.because in explained
            yield fact("because", "as said above" if again else difference.because, WIDTH)
            explained.add(difference.because)
    if checked.comparison.differences:
        yield ""
    closing = "nothing could be read or compared" if _is_unread(checked) else _closing([checked.comparison])
    yield from wrapped(closing, WIDTH)


def _is_unread(checked: Checked) -> bool:
    """Tell whether nothing was compared for want of a capture: that engines "agree" on it would mislead."""
    found = bool(checked.comparison.differences) or any(checked.comparison.agreed[kind] for kind in COMPARED)
    return not found and any(fault.kind == "unreadable" for fault in checked.faults)


def _heading(difference: Difference) -> str:
    place = "" if difference.packet is None else f", packet {difference.packet:,}"
    noun = _NOUNS[KINDS[type(difference.item)]]
    return click.style(f"only {difference.only_in}{place}: {noun}", bold=True)


def _closing(comparisons: Sequence[Comparison]) -> str:
    """Say in one line what was compared, and what came of it."""
    agreed = ", ".join(
        plural(sum(each.agreed[kind] for each in comparisons), _NOUNS[kind]) for kind in COMPARED
    )
    differ = sum(len(each.differences) for each in comparisons)
    left_out = sum(each.left_out for each in comparisons)
    rest = f"; {left_out:,} more were not compared" if left_out else ""
    return f"{agreed} agree; {differ or 'none'} differ{'' if differ != 1 else 's'}{rest}"


def _json_lines(checked: Checked) -> Iterator[str]:
    """Yield what programs read of one capture."""
    for difference in checked.comparison.differences:
        said: dict[str, Any] = {
            "kind": KINDS[type(difference.item)],
            "what": difference.item.text(),
            "only_in": difference.only_in,
            "packet": difference.packet,
            "ts_ns": difference.ts_ns if difference.packet is not None else None,
            "because": difference.because,
            "capture": opinions.path_text(checked.path),
            "item": msgspec.to_builtins(difference.item),
        }
        yield msgspec.json.encode(said).decode()
