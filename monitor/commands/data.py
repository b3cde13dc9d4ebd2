"""`residency data`: the data sets that say where an address is; fetched, imported, and looked after."""

import datetime as dt
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from monitor.commands.base import DAY, FILE, Failure, clear_errors, data_option
from monitor.commands.edge import messages_may_be_lost, reader_may_leave, say
from monitor.commands.groups import Group
from monitor.datasets.compiling import compiled
from monitor.datasets.fetch import Fetcher
from monitor.datasets.folders import VARIABLE, default_folder
from monitor.datasets.health import SourceHealth, health
from monitor.datasets.sources import BY_ID
from monitor.datasets.store import SHORT_SHA, Store
from monitor.datasets.update import Credentials, Outcome, Wishes, choose, import_files, update
from monitor.exitstatus import Exit
from monitor.wording import plural, size

ACCOUNT, LICENCE_KEY = "MAXMIND_ACCOUNT_ID", "MAXMIND_LICENSE_KEY"  # as MaxMind's own programs call them
_ENCODE = msgspec.json.Encoder().encode

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
shrinking_option = click.option(
    "--accept-shrinking",
    is_flag=True,
    help="Take files with 90 % fewer prefixes than the version before, or of another kind.",
)


@click.group("data", cls=Group)
def command() -> None:
    """Keep the data sets that say where an address is: published ranges and GeoIP.

    They are kept in a folder with all their versions: --data DIR, or $RESIDENCY_DATA, or
    ~/.local/share/residency/datasets (for root /var/lib/residency/datasets).

    \b
    Examples:
      residency data update
      residency data import aws ip-ranges.json
      residency data status
    """


@command.command("update")
@click.option("--only", metavar="A,B", help=f"Only these sources, of: {', '.join(BY_ID)}.")
@click.option("--mirror", metavar="URL", help="Fetch the files from this folder instead.")
@click.option("--url", metavar="URL", help="Fetch a GeoIP database of yours from there (MMDB, .gz or not).")
@click.option("--account", envvar=ACCOUNT, metavar="ID", help=f"MaxMind account; better in ${ACCOUNT}.")
@click.option(
    "--licence-key", envvar=LICENCE_KEY, metavar="KEY", help=f"MaxMind licence key; better in ${LICENCE_KEY}."
)
@shrinking_option
@data_option
@json_option
def update_command(
    only: str | None,
    mirror: str | None,
    url: str | None,
    account: str | None,
    licence_key: str | None,
    accept_shrinking: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Fetch what is new, each data set from its official address. What fails leaves what was there.

    MaxMind is asked only with a licence key, which it gives with a free account. DB-IP's database is under
    CC BY 4.0. `residency data status --json` gives the terms of each.

    \b
    Examples:
      residency data update
      residency data update --only aws,azure,google
      residency data update --mirror https://mirror.example/llm-ranges
      residency data update --only mmdb --url https://mirror.example/geo.mmdb.gz

    \b
    Exit status: 0 all is up to date; 2 usage, or the store cannot be written;
    3 nothing could be fetched; 4 some could not.
    """
    credentials = Credentials(account, licence_key) if account and licence_key else None
    if licence_key and not account:
        raise Failure(f"the licence key needs its account: set {ACCOUNT}", Exit.USAGE)
    wishes = Wishes(_today(), _moment(), mirror, url, accept_shrinking, credentials)
    try:
        sources = choose(only, wishes)
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None
    store = _store(data)
    progress = _Progress()
    outcomes: list[Outcome] = []
    with clear_errors(), reader_may_leave():
        for source in sources:
            progress.start(source.id)
            for outcome in update(store, [source], Fetcher(progress.add), wishes):
                progress.stop()
                outcomes.append(outcome)
                _print(outcome, as_json=as_json)
        _compile(store)
    failed = sum(outcome.result == "failed" for outcome in outcomes)
    if failed:
        sys.exit(Exit.UNREADABLE if failed == len(outcomes) else Exit.INCOMPLETE)


@command.command("import")
@click.argument("source", type=click.Choice(list(BY_ID)), metavar="SOURCE")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--date", type=DAY, metavar="DATE", help="When it was published, if the file does not say it.")
@shrinking_option
@data_option
@json_option
def import_command(
    source: str,
    files: Sequence[Path],
    date: dt.date | None,
    accept_shrinking: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Take a data set from a file, for machines without the internet, or an old version for the history.

    SOURCE is aws, azure, google, google-services, oracle, cloudflare, anthropic, mmdb, maxmind or dbip.
    Several FILEs are the parts of one data set (Cloudflare's two lists). Files may be packed (.gz, .tar.gz).

    \b
    Examples:
      residency data import aws ip-ranges.json
      residency data import azure ServiceTags_Public_20251117.json
      residency data import cloudflare ips-v4 ips-v6 --date 2026-03-01
      residency data import mmdb GeoLite2-Country.tar.gz
    """
    wishes = Wishes(_today(), _moment(), accept_shrinking=accept_shrinking)
    store = _store(data)
    with clear_errors(), reader_may_leave():
        outcome = import_files(store, BY_ID[source], files, wishes, date)
        if outcome.result == "failed":
            raise Failure(f"{files[0]}: {outcome.problem}", Exit.UNREADABLE)
        _print(outcome, as_json=as_json)
        version = outcome.version
        if outcome.result == "new" and version is not None and version.dated_by == "import":
            say(
                f"residency: {source}: the file does not say when it was published, and is dated today, "
                f"{version.date}; if that is wrong: --date DATE"
            )
        _compile(store)


@command.command("status")
@click.option("--stale-days", type=click.IntRange(min=1), metavar="N", help="From which age on it is old.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON document, counters included.")
def status_command(stale_days: int | None, data: Path | None, as_json: bool) -> None:
    """Show each data set: version, age, size, hash, and how the last attempt went.

    \b
    Examples:
      residency data status
      residency data status --json | jq '.sources[] | {source, age_days}'

    \b
    Exit status: 0 all attempts went well; 2 no store; 4 a last attempt failed.
    """
    store = _store(data)
    with clear_errors():
        index = store.index()
    if index is None:
        raise Failure(f"{store.folder}: no data sets in it; fill it: residency data update", Exit.USAGE)
    rows = health(index, _today(), stale_days)
    with reader_may_leave():
        if as_json:
            click.echo(_ENCODE({"folder": str(store.folder), "sources": rows}))
        else:
            _print_table(store, rows)
    if any(row.last_error is not None for row in rows):
        sys.exit(Exit.INCOMPLETE)


def _print_table(store: Store, rows: Sequence[SourceHealth]) -> None:
    click.echo(f"data sets in {store.folder}")
    line = "{:<16} {:<11} {:>8} {:>15}  {:<12}  {}"
    click.echo(line.format("source", "version", "age", "prefixes", "sha256", "last attempt"))
    for row in rows:
        age = plural(row.age_days, "day") if row.age_days is not None else "--"
        nodes = " nodes" if BY_ID[row.source].kind == "geoip" else ""
        prefixes = f"{row.prefixes:,}{nodes}" if row.prefixes is not None else "--"
        went = "failed" if row.last_error is not None else "ok"
        last = f"{(row.last_attempt or '--')[:16]} {went}"
        sha256 = (row.sha256 or "--")[:SHORT_SHA]
        click.echo(line.format(row.source, str(row.version or "none"), age, prefixes, sha256, last))
    for row in rows:
        if row.last_error is not None:
            times = plural(row.failures_in_a_row, "time")
            click.echo(click.style(f"{row.source} failed {times} in a row: {row.last_error}", fg="red"))
        if row.stale:
            click.echo(click.style(f"{row.source} is old: more than {row.stale_days} days", fg="yellow"))


def _print(outcome: Outcome, *, as_json: bool) -> None:
    """Print what came of a source: on stdout, what failed on stderr."""
    if as_json:
        click.echo(_ENCODE(outcome))
        return
    version = outcome.version
    if version is None:
        if outcome.problem is not None:
            say(f"residency: {outcome.source}: {outcome.problem}")
        return
    facts = f"{version.dataset}, {version.size()}, sha256 {version.sha256[:SHORT_SHA]}"
    click.echo(f"{outcome.source:<16} {outcome.result:<10} {facts}")


def _compile(store: Store) -> None:
    """Make the look-up now, so that no other command has to wait for it."""
    if store.index() is not None:
        compiled(store, store.select())


def _store(folder: Path | None) -> Store:
    chosen = folder or default_folder()
    if chosen is None:
        raise Failure(f"{VARIABLE} is empty; name a folder: --data DIR", Exit.USAGE)
    return Store(chosen)


def _today() -> dt.date:
    return dt.datetime.fromtimestamp(time.time(), dt.UTC).date()


def _moment() -> str:
    return dt.datetime.fromtimestamp(int(time.time()), dt.UTC).isoformat()


class _Progress:
    """One line on a terminal that says what is being fetched."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._name = ""
        self._bytes = 0

    def start(self, name: str) -> None:
        """Begin with a source."""
        self._name, self._bytes = name, 0
        self._show(f"{name} ...")

    def add(self, count: int) -> None:
        """Count what came."""
        self._bytes += count
        self._show(f"{self._name} {size(self._bytes)}")

    def stop(self) -> None:
        """Clear the line."""
        self._show("")

    def _show(self, text: str) -> None:
        if self._shown:
            with messages_may_be_lost():
                click.echo(f"\r\x1b[K{text}", nl=False, err=True)
